//===----------------------------------------------------------------------===//
//
// This source file is part of the swift-interprocess open source project
//
// Copyright (c) 2026 the swift-interprocess authors
// Licensed under Apache License v2.0
//
// See LICENSE for license information
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//

import Foundation
import Subprocess
import TestSupport
import Testing

@testable import Interprocess

/// How numpy and this library read the same files.
@Suite("Files of numpy", .timeLimit(.minutes(5)))
struct NpyNumpyTests {
  /// Makes files in a directory, and prints for each its name, whether numpy has saved it, whether
  /// numpy reads it, whether it is in Fortran order, and its shape.
  private static let maker = #"""
    import glob, os, shutil, sys, warnings
    import numpy as np
    from numpy.lib import format
    warnings.simplefilter("ignore")
    directory = sys.argv[1]
    saved = set()

    def path(name): return os.path.join(directory, name + ".npy")

    def save(array, version=None):
      name = f"saved{len(saved)}"
      with open(path(name), "wb") as file: format.write_array(file, array, version)
      saved.add(name)

    # What numpy's own tests ship, and the arrays that they make.
    shipped = os.path.join(os.path.dirname(np.__file__), "lib", "tests", "data", "*.npy")
    for file in glob.glob(shipped):
      name = "shipped_" + os.path.basename(file)[:-4]
      shutil.copy(file, path(name))
      saved.add(name)
    scalars = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64,
      np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128,
      np.clongdouble, bool, object]
    for scalar in scalars:
      for order in "<>":
        basic = np.arange(1500).astype(np.dtype(scalar).newbyteorder(order))
        for array in [basic[:0], basic[10:11].reshape(()), basic, basic.reshape((30, 50)),
            basic.reshape((30, 50)).T, basic.reshape((30, 50))[::-1, ::2],
            np.asfortranarray(basic.reshape(10, 15, 10)), basic[:0].reshape(3, 0, 4),
            np.asfortranarray(basic[:7].reshape(1, 7, 1))]:
          save(array)
    pad = {"names": ["a", "b"], "formats": ["i1", "i1"], "offsets": [0, 4], "itemsize": 8}
    nested = [("x", "i4", (2,)), ("Info", [("value", "c16"), ("y2", "f8"), ("Info2", [
      ("name", "S2"), ("value", "c16", (2,)), ("y3", "f8", (2,)), ("z3", "u4", (2,))]),
      ("name", "S2"), ("z2", "b1")]), ("color", "S2"),
      ("info", [("Name", "U8"), ("Value", "c16")]), ("y", "f8", (2, 2)), ("z", "u1")]
    dtypes = [nested, np.dtype(nested).newbyteorder(">"), [("c", ("<f8", (5,)), (2,))],
      np.dtype("i1, i4, i1", align=True), np.dtype([("x", np.dtype((pad, (3,))), (4,))]),
      np.dtype([("a", np.int8), ("b", np.int16), ("c", np.int32)], align=True),
      np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [1, 6]}),
      np.dtype({"names": ["c", "d"], "formats": ["i4", np.dtype(pad)]}),
      np.dtype({"names": ["a", "", "b"], "formats": ["i4"] * 3}),
      np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [1, 6],
        "titles": ["aa", "bb"]}),
      np.dtype({"names": [], "formats": [], "itemsize": 8}), np.dtype([]),
      [("int", int), ("\N{CJK UNIFIED IDEOGRAPH-6574}", int)], [("größe", "f4")],
      [("it's", "f4"), ('"', "f4"), ("\\", "u1"), ("\n\x01", "u1")], [("o", object), ("n", ">i2")],
      [("t", "U3"), ("s", "S3"), ("e", "V0"), ("d", "M8[ns]")], [("a", "u1", (0,)), ("b", "f8")],
      "U5", ">U5", "U0", "S5", "S0", "V0", "V7", "M8[ns]", ">M8[25s]", "M8", "m8[D]", "?",
      [(("%d" % i) * 20, "f4") for i in range(1000)], "i," * 10000 + "i"]
    for dtype in dtypes:
      for shape in [(), (0,), (3,), (2, 3), (0, 2)]:
        save(np.zeros(shape, dtype))
      save(np.asfortranarray(np.zeros((2, 3), dtype)))
    for version in [(1, 0), (2, 0), (3, 0)]:
      save(np.arange(6.0).reshape(2, 3), version)
    save(np.zeros((1,) * 64))
    save(np.array(["größe", "名"]))
    save(np.array([b"\x00a", b"b\x00"]))
    save(np.array([{"a": 1}, None]))

    # Headers that others write, or nobody.
    files = {}
    def header(text, data=800, version=(1, 0)):
      text = text.encode("utf8" if version == (3, 0) else "latin1")
      size = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
      files[f"text{len(files)}"] = b"\x93NUMPY" + bytes(version) + size + text + bytes(data)
    def text(descr, shape="(2,)", order="False"):
      return "{'descr': %s, 'fortran_order': %s, 'shape': %s}" % (descr, order, shape)
    for descr in """'f8' '=f8' '|f8' 'float64' 'i4,i4' '3f8' 'U' 'S' '|S0' '|V0' '<U0' '<M8'
        '<M8[ns/3]' '<M8[25s]' '<M8[25s/5]' '<M8[]' '<M4[ns]' '<M8[foo]' '<M8[generic]' '<M8[1ns]'
        '<M8[0ns]' '<M8[B]' '<g' '?' '<b1' '>b1' '>u1' '>S5' '|U5' 'f' '>f' 'l' 'q' 'O16'
        'T' '<i16' '<f3' '<f08' '<f+8' '<' '' '|S-1' 'bool' 'a5' 'B' 'F' 'b' 'u' 'B1' 'h2' '<F8'
        '<U536870912' '|V2147483648' '|V2147483647' '<U9223372036854775807'
        [] [('','|V8')] [('','<u4')] [('',[('a','|u1')])] [('a','|u1'),('a','|u1')]
        [(('t','a'),'|u1')] [(('a','a'),'|u1')] [(('t','a'),'|u1'),('t','|u1')]
        [(('t','a'),'|u1'),(('t','b'),'|u1')] [((None,'a'),'|u1')] [((1,'a'),'|u1')]
        [((1.5,'a'),'|u1')] [((b'x','a'),'|u1')] [(('','a'),'|u1')] [(('a',),'|u1')]
        [(('t',''),'|V1')] [('a','|u1',(0,))] [('a','|u1',3)] [('a','|u1',1)] [('a','|u1',())]
        [('a','|u1',True)] [('a','|u1',(True,))] [('a','|u1',[3])] [('a','|u1',(-1,))]
        [('a','|u1',0)] [('a','|u1',(2,0))] [['a','|u1']] ['ab'] [('a',)] [(1,'|u1')]
        [('a','|u1',(1,),0)] () ('<f4',(4,)) ('<f4',(1,)) ('<f4',4) ('<f4',()) ('<f4',(0,))
        [('a',('<f4',()))] [('a',('<f4',2),3)] ('<f4',) ('<f4',(2,),1)
        {'names':['a'],'formats':['u1']} {} 1 None b'<f8' [('a','|V0')]
        [('','|V2',(3,)),('b','<u2')] [('','|V2',(0,)),('b','<u2')] [('','|S2'),('b','<u2')]
        [('','<u4',(2,)),('a','u1')] [('','<u4',())] [('a',[])] [('a',[('','|V4')])]
        (('a','|u1'),) {('a','|u1')} [('a',None)] [('a','|u1','2')] [('a','|u1',2.0)]
        [('a','<f8',(9223372036854775807,))] [('a','|u1',(2147483648,))]
        [('a','|V2147483647'),('b','|u1')] [('\\q','<f8')] [('\\ud800','<f8')]
        [('\\N{COMMA}','<f8')] [(u'a','<f8')] [('a''b','<f8')] [('''a''','<f8')]""".split():
      header(text(descr))
    deep = "[('a','u1')]"
    for depth in range(1, 121):
      deep = "[('a',%s)]" % deep
      if depth in (30, 60, 90, 120): header(text(deep))
    for ones in (33, 64, 65):
      header(text("'<f8'", repr((1,) * ones)))
      header(text("[('a','|u1',%r)]" % ((1,) * ones,)))
    for shape in """(2) [2] () (-1,) (-1,-1) (-1,0) (0,-1) ('2',) (0,4294967296,4294967296)
        (0,9223372036854775807) (0,1152921504606846976) (0,1152921504606846975)
        (9223372036854775807,) (99999999999999999999,) (0,99999999999999999999) (2L,) (2_L,) (2l,)
        (0x2,) (+2,) (--2,) (0b10,) (0o2,) (1_0,) (1__0,) (00,) (02,) ((2),) (2,3,) (2,,3) (2e0,)
        (2j,) (...,) (True,) (1000,)""".split():
      for version in [(1, 0), (3, 0)]: header(text("'<f8'", shape), version=version)
    header(text("'|S0'", "(9223372036854775807,)"))
    for order in ["True", "0", "1", "'False'", "None", "(True)", "not True"]:
      header(text("'<f8'", "(2, 3)", order))
      header(text("'>f8'", "(2, 3)", order))
    plain = "{'descr': '<f8', 'shape': (1,), 'fortran_order': False}"
    for other in [plain, " " + plain + "  \n\n", "\n" + plain, "\f" + plain, plain + "\r\n",
        "# c\n" + plain, plain + "\n # c", plain + ";", plain + "\0", plain + " {}",
        "(" + plain + ")", "(" + plain + ",)", plain[:-1] + ", 'x': 1}", plain[:-1] + ",}",
        plain[:-1] + ", 'descr': '<f4'}", plain[:-1] + ", 'shape': (2L,)}", "{," + plain[1:],
        plain[:-1] + ", **{}}", plain.replace("'descr'", 'u"descr"'),
        plain.replace("'descr'", "'de' r'scr'"), plain.replace("'descr'", "'''descr'''"),
        plain.replace("'descr'", "'d\\145scr'"), plain.replace("'descr'", "'\\x64escr'"),
        plain.replace("'descr'", "'\\N{LATIN SMALL LETTER D}escr'"),
        plain.replace("'descr'", "b'descr'"), plain.replace("'descr'", "'de\\\nscr'"),
        plain.replace(" ", "\\\n"), plain.replace(" ", "\t"), plain.replace(" ", ""),
        plain.replace("'", '"'), plain.replace("'<f8'", "'<f8"), "", "\n", "[]", "{}", "1",
        "dict(descr='<f8')"]:
      for version in [(1, 0), (2, 0), (3, 0)]: header(other, version=version)
    for length in (9_000, 65_000, 70_000, 1_000_000, 1_100_000):
      header(plain + " " * (length - len(plain)), version=(2, 0))
    whole = b"\x93NUMPY\x01\x00" + len(plain).to_bytes(2, "little") + plain.encode() + bytes(8)
    for size in (1, 5, 6, 7, 9, 11, 30, len(whole) - 9, len(whole) - 1):
      files[f"cut{size}"] = whole[:size]
    for version in [(0, 0), (1, 1), (2, 1), (4, 0), (255, 255)]:
      files["version%d.%d" % version] = whole[:6] + bytes(version) + whole[8:]
    files["version2"] = b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(50)
    files["other"] = b"\x92NUMPY\x01\x00" + whole[8:]
    files["lower"] = whole.replace(b"NUMPY", b"numpy")
    for name, content in files.items():
      with open(path(name), "wb") as file: file.write(content)

    def load(name):
      for options in [{"allow_pickle": True, "encoding": "latin1"},
          {"mmap_mode": "r", "max_header_size": 10**8}]:
        try: return np.load(path(name), **options)
        except Exception: pass
    for name in sorted(saved | files.keys()):
      array = load(name)
      isFortran = array is not None and np.isfortran(array) and array.size > 0
      print(name, name in saved, array is not None, isFortran,
        "" if array is None else list(array.shape), sep="\t")
    """#

  /// Compares the dtypes that it gets, in Python syntax, with those that numpy finds in the files:
  /// names, titles, offsets and types of everything.
  private static let comparer = #"""
    import ast, os, sys, warnings
    import numpy as np
    from numpy.lib import format
    warnings.simplefilter("ignore")

    def plain(dtype):
      if dtype.subdtype is not None:
        element, shape = dtype.subdtype
        inner = plain(element)
        # An array of arrays is one of more dimensions.
        if inner[0] == "array": return ("array", shape + inner[1], inner[2])
        return ("array", shape, inner)
      if dtype.names is None: return ("scalar", dtype.str)
      fields = [(n, *[plain(f) if isinstance(f, np.dtype) else f for f in dtype.fields[n]])
        for n in dtype.names]
      return ("record", dtype.itemsize, fields)

    for line in sys.stdin.read().splitlines():
      name, descr = line.split("\t", 1)
      file = os.path.join(sys.argv[1], name + ".npy")
      array = np.load(file, allow_pickle=True, encoding="latin1")
      found, expected = plain(format.descr_to_dtype(ast.literal_eval(descr))), plain(array.dtype)
      if found != expected: print(name, descr[:200], str(found)[:200], str(expected)[:200])
    """#

  @Test("A file that numpy reads is never called broken, and one that it refuses is refused")
  func verdicts() async throws {
    let python = try #require(Python.withNumpy)
    let directory = FileManager.default.temporaryDirectory.appending(path: uniqueName("npy"))
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let made = try await python.run(Self.maker, [directory.path])
    try #require(made.status == .exited(0), "\(made.errors)")

    var dtypes: [String] = []
    var counts = (described: 0, unsupported: 0, refused: 0)
    for line in made.output.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      try #require(fields.count == 5, "\(line)")
      let (name, isSaved, isRead) = (fields[0], fields[1] == "True", fields[2] == "True")
      let segment = uniqueName("npy")
      let bytes = try Data(contentsOf: directory.appending(path: "\(name).npy"))
      try bytes.write(to: URL(filePath: path(segment)))
      defer { unlink(path(segment)) }
      let content = try SegmentContent(ofSegment: segment)
      let refusal = Self.refusal(of: segment)
      switch content {
      case .array(let header):
        #expect(isRead, "\(name): numpy refuses \(header.dtype.prefix(80)) \(header.shape)")
        #expect("\(header.shape)" == fields[4], "\(name)")
        #expect(header.isFortranOrder == (fields[3] == "True"), "\(name)")
        if let refusal { #expect(!Self.blames(refusal), "\(name): \(refusal)") }
        dtypes.append("\(name)\t\(header.dtype)")
        counts.described += 1
      case .unusable(_, let error) where isRead:
        #expect(!isSaved && !Self.blames(error), "\(name): \(error)")
        if let refusal { #expect(!Self.blames(refusal), "\(name): \(refusal)") }
        counts.unsupported += 1
      case .unusable, .bytes:
        #expect(!isRead, "\(name): numpy reads it")
        #expect(refusal != nil, "\(name)")
        counts.refused += 1
      default:
        Issue.record("\(name) is taken for \(content)")
      }
    }
    // There must be about as many of each as the program makes.
    #expect(counts.described > 500 && counts.refused > 120, "\(counts)")
    #expect((5...40).contains(counts.unsupported), "\(counts)")

    let compared = try await python.run(
      Self.comparer, [directory.path], input: dtypes.joined(separator: "\n"))
    #expect(compared.errors == "")
    #expect(compared.output == "")
  }

  /// Why an array cannot be attached to as one of bytes; `nil` if it can.
  private static func refusal(of name: String) -> InterprocessError? {
    do throws(InterprocessError) {
      _ = try SharedArray<UInt8>.attach(name)
      return nil
    } catch {
      return error
    }
  }

  /// Whether an error blames the file, or says that it should go.
  private static func blames(_ error: InterprocessError) -> Bool {
    if case .corrupted = error.code { return true }
    return ["broken", "unfinished", "emove"].contains { error.message.contains($0) }
  }
}
