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

/// The header of a NumPy `.npy` file, which describes its array.
///
/// Such a file begins with `\x93NUMPY`, a version of two bytes, the length of the text that
/// follows, and the text: a dictionary in the syntax of Python with the keys `descr` (the type of
/// the elements), `fortran_order` and `shape`. The elements follow immediately.
///
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package struct NpyHeader: Hashable, Sendable {
  /// How many elements there are in each dimension; in the last one, they are adjacent in memory.
  package var shape: [Int]
  /// How each element is laid out; never an array, as such dimensions are part of the shape.
  package var layout: ElementLayout
  /// Whether elements are adjacent in the first dimension, as in Fortran; `false` if both orders
  /// are the same.
  package var isFortranOrder = false
  /// Where the first element begins.
  package var dataOffset: Int

  /// The type of the elements as numpy writes it, in the syntax of Python.
  package var dtype: String { layout.description }

  /// The number of elements: the product of the shape.
  package var count: Int { shape.reduce(1, *) }

  /// The size of all elements, in bytes.
  package var dataByteCount: Int { count * layout.byteCount }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The longest text that is read, in bytes; numpy itself reads at most 10,000 characters by
  /// default.
  static let maximumTextByteCount = 1 << 20
  /// The most dimensions that numpy allows.
  static let maximumDimensionCount = 64
  /// The size of the largest element that numpy allows, in bytes.
  static let maximumElementByteCount = Int(Int32.max)

  /// The longest header that is read.
  static let maximumByteCount = 12 + maximumTextByteCount

  init(shape: [Int], layout: ElementLayout, dataOffset: Int) {
    self.shape = shape
    self.layout = layout
    self.dataOffset = dataOffset
  }

  // MARK: - Reading

  /// Why memory is not an array, or not one that can be used.
  package enum Problem: Error {
    /// It does not begin like an array.
    case notAnArray
    /// It contradicts itself or the format, for the given reason.
    case corrupted(String)
    /// It ends too early, perhaps because it is still being written.
    case incomplete(String)
    /// It is an array of a kind that this library cannot read.
    case unsupported(expected: String, found: String, remedy: String)
  }

  /// Whether memory begins like an array.
  package static func isPresent(in memory: borrowing SharedMemory) -> Bool {
    memory.withBytes { prefix(of: $0).starts(with: magic) }
  }

  /// Reads the header of an array that this library can read in place.
  ///
  /// The result has been checked: all elements are within the memory.
  ///
  /// - Throws: `wrongKind` if the memory is not an array; `corrupted` if its header or its size is
  ///   invalid; `layoutMismatch` if it is an array of a kind that this library cannot read.
  package init(of memory: borrowing SharedMemory) throws(InterprocessError) {
    self = try Self.translating(memory.name) { () throws(Problem) in
      try memory.withBytes { bytes throws(Problem) in try NpyHeader(reading: bytes) }
    }
  }

  /// Reads the header of an array that numpy can read, even if this library can read only its
  /// header; ``obstacle`` then gives the reason.
  ///
  /// - Throws: What `init(of:)` throws, with `layoutMismatch` for a header that only numpy
  ///   understands.
  package init(describing memory: SegmentPeek) throws(InterprocessError) {
    let bytes = memory.bytesOrZeros(
      0..<min(Self.maximumByteCount, memory.byteCount), isFresh: true)
    self = try Self.translating(memory.name) { () throws(Problem) in
      // SAFETY: a byte has no padding.
      try NpyHeader(describing: unsafe bytes.span.bytes, of: memory.byteCount)
    }
  }

  private static func translating(
    _ name: String, _ body: () throws(Problem) -> NpyHeader
  ) throws(InterprocessError) -> NpyHeader {
    do throws(Problem) { return try body() } catch { throw error.interprocessError(name: name) }
  }

  /// Whether memory that is only looked at begins like an array.
  package static func isPresent(in memory: SegmentPeek) -> Bool {
    memory.bytesOrZeros(0..<min(magic.count, memory.byteCount), isFresh: false)
      .elementsEqual(magic)
  }

  /// Reads the header at the beginning of an array's bytes, if its elements can be used.
  package init(reading bytes: RawSpan) throws(Problem) {
    self = try NpyHeader(describing: bytes)
    if let obstacle { throw obstacle }
  }

  /// Reads the header at the beginning of an array's bytes.
  ///
  /// Another process may change the bytes meanwhile, so each is copied once.
  ///
  /// - Parameter byteCount: The size of the whole array, if `bytes` are only its first bytes: at
  ///   least `maximumByteCount`.
  init(describing bytes: RawSpan, of byteCount: Int? = nil) throws(Problem) {
    let prefix = Self.prefix(of: bytes)
    guard prefix.starts(with: Self.magic) else {
      let isBeginning = !prefix.isEmpty && Self.magic.starts(with: prefix)
      throw isBeginning ? .incomplete("it ends within its first bytes") : .notAnArray
    }
    guard prefix.count == 12 else { throw .incomplete("it ends before its header") }
    let (textOffset, encoding) = try Self.format(major: prefix[6], minor: prefix[7])
    let lengthBytes = prefix[8..<textOffset]
    let textByteCount = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    dataOffset = textOffset + textByteCount
    guard dataOffset <= byteCount ?? bytes.byteCount else {
      throw .incomplete("it ends within its header, which has \(dataOffset) bytes")
    }
    guard textByteCount <= Self.maximumTextByteCount, dataOffset <= bytes.byteCount else {
      throw .unsupported(
        expected: "headers of at most \(Self.maximumTextByteCount) bytes",
        found: "a header of \(textByteCount) bytes",
        remedy: "Save it with fewer fields, or with shorter names.")
    }
    let text = Self.copy(bytes.extracting(textOffset..<dataOffset))

    // Only Python 2 could write these versions, and its integers may end in L.
    let literal = try Self.literal(text, encoding: encoding, allowsLongSuffix: prefix[6] < 3)
    let fields = try Self.fields(of: literal)
    shape = fields.shape
    layout = try Self.layout(ofArray: fields.dtype)
    try check(byteCount: byteCount ?? bytes.byteCount)
    // With only one dimension, or no byte, both orders are the same.
    isFortranOrder =
      fields.isFortranOrder && shape.count(where: { $0 > 1 }) > 1 && dataByteCount > 0
  }

  /// Checks that all elements are within the given number of bytes.
  private func check(byteCount: Int) throws(Problem) {
    // The product without its zeros: numpy has no array with such a shape either.
    let extents = shape.filter { $0 > 0 }
    guard let nonzeroByteCount = Self.byteCount(of: extents, layout),
      // Elements without bytes are counted as well.
      layout.byteCount > 0 || Self.byteCount(of: extents, .init(.record([]), byteCount: 1)) != nil
    else {
      throw .corrupted(
        "no memory can hold elements in the shape \(ElementLayout.text(of: shape))")
    }
    // Objects are stored as a pickle, of any size.
    if layout.contains(where: { $0.kind == "O" }) { return }
    let needed = shape.contains(0) ? 0 : nonzeroByteCount
    guard needed <= byteCount - dataOffset else {
      throw .incomplete(
        """
        it has \(byteCount - dataOffset) bytes after its header, and elements in the shape \
        \(ElementLayout.text(of: shape)) take \(needed)
        """)
    }
  }

  /// The size of elements in a shape; `nil` if it overflows.
  static func byteCount(of shape: [Int], _ layout: ElementLayout) -> Int? {
    var byteCount = layout.byteCount
    for extent in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      byteCount = product
    }
    return byteCount
  }

  /// Where the text begins in a version of the format, and how it is encoded.
  private static func format(
    major: UInt8, minor: UInt8
  ) throws(Problem) -> (textOffset: Int, encoding: PythonLiteral.Encoding) {
    switch (major, minor) {
    case (1, 0): return (10, .latin1)
    case (2, 0): return (12, .latin1)
    case (3, 0): return (12, .utf8)
    default:
      throw .unsupported(
        expected: "version 1.0, 2.0 or 3.0 of the format", found: "version \(major).\(minor)",
        remedy: "Save it with `numpy.save`.")
    }
  }

  private static func literal(
    _ text: [UInt8], encoding: PythonLiteral.Encoding, allowsLongSuffix: Bool
  ) throws(Problem) -> PythonLiteral {
    do {
      return try PythonLiteral(text, encoding: encoding, allowsLongSuffix: allowsLongSuffix)
    } catch {
      guard error.isPerhapsPython else { throw .corrupted("its header \(error.reason)") }
      throw .unsupported(
        expected: "headers as `numpy.save` writes them",
        found: "a header that \(error.reason)", remedy: "Load it, and save it again.")
    }
  }

  /// The entries of the dictionary, with the type as it is written.
  private static func fields(
    of literal: PythonLiteral
  ) throws(Problem) -> (dtype: PythonLiteral, shape: [Int], isFortranOrder: Bool) {
    guard case .dictionary(let entries) = literal else {
      throw .corrupted("its header is not a dictionary")
    }
    var (dtype, shape, order): (PythonLiteral?, PythonLiteral?, PythonLiteral?)
    for entry in entries {
      // For a repeated key, Python takes the last value.
      switch entry.key {
      case "descr": dtype = entry.value
      case "shape": shape = entry.value
      case "fortran_order": order = entry.value
      default: throw misplaced(entry.key)
      }
    }
    guard let dtype, let shape, let order else {
      throw .corrupted("its header lacks one of 'descr', 'fortran_order' and 'shape'")
    }
    guard case .boolean(let isFortranOrder) = order else { throw misplaced("fortran_order") }
    return (dtype, try self.shape(of: shape), isFortranOrder)
  }

  private static func misplaced(_ key: String) -> Problem {
    .corrupted("the value of \(quoted(key)) in its header has no place there")
  }

  /// Text of the header, which may have any length and content, for a message.
  static func quoted(_ text: String) -> String {
    ElementLayout.quoted(String(text.unicodeScalars.prefix(40)))
  }

  // MARK: - Bytes

  /// The bytes that contain the start and length of the text, as many of them as there are.
  private static func prefix(of bytes: RawSpan) -> [UInt8] {
    copy(bytes.extracting(first: 12))
  }

  private static func copy(_ bytes: RawSpan) -> [UInt8] {
    // SAFETY: the buffer is used only here, and each of its bytes is copied once.
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}

extension NpyHeader.Problem {
  /// The error for a segment of that name.
  package func interprocessError(name: String) -> InterprocessError {
    let segment = "Shared memory \"\(name)\""
    switch self {
    case .notAnArray:
      return InterprocessError(
        code: .wrongKind(expected: "a NumPy array", found: "other bytes"), name: name,
        message: """
          \(segment) is not a NumPy array: it does not begin like a .npy file. Attach to it as \
          what it is, for instance as plain `SharedMemory`.
          """)
    case .corrupted(let reason):
      return InterprocessError(
        code: .corrupted(reason), name: name,
        message: """
          \(segment) is a broken NumPy array, which numpy cannot load either: \(reason). Have it \
          saved again.
          """)
    case .incomplete(let reason):
      return InterprocessError(
        code: .corrupted(reason), name: name,
        message: """
          \(segment) is an unfinished NumPy array: \(reason). Wait until the process that writes \
          it has finished, or have it saved again.
          """)
    case .unsupported(let expected, let found, let remedy):
      return InterprocessError(
        code: .layoutMismatch(expected: expected, found: found), name: name,
        message: """
          \(segment) is a NumPy array with \(found), and this library reads \(expected). \(remedy)
          """)
    }
  }
}
