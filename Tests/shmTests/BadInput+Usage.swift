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

// Command lines that are wrong whatever lies in `/dev/shm`, and what the tool writes above the usage
// of the command; `NAME` stands for a name that is not in use.
extension BadInput {
  /// An option or argument, as complaints show it, and its help, which they end with.
  private struct Parameter {
    var name: String
    var help: String
    var isRepeated: Bool

    init(_ name: String, _ help: String, isRepeated: Bool = false) {
      self.name = name
      self.help = help
      self.isRepeated = isRepeated
    }

    func missing(_ what: String = "expected argument") -> String {
      """
      Error: Missing \(what) '\(name)\(isRepeated ? " ..." : "")'
      Help:  \(name)  \(help)
      """
    }

    func invalid(_ value: String, _ reason: String = "it is not a whole number") -> String {
      """
      Error: The value '\(value)' is invalid for '\(name)': \(reason).
      Help:  \(name)  \(help)
      """
    }
  }

  private static let name = Parameter("<name>", "The name of the shared memory.")
  private static let newName = Parameter("<name>", "The name: 1 to 255 bytes without a slash.")
  private static let names = Parameter("<name>", "The names.", isRepeated: true)
  private static let values = Parameter("<value>", "The values.", isRepeated: true)
  private static let input = Parameter("<file>", "The file, or - for standard input.")
  private static let output = Parameter("<file>", "The file, or - for standard output.")
  private static let shape = Parameter(
    "--shape <shape>", "The number of elements in each dimension, such as 1000 or 480x640.")
  private static let size = Parameter("--bytes <size>", "The size, such as 4096, 64KiB or 1GiB.")
  private static let mode = Parameter(
    "--mode <mode>",
    "The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)")
  private static let readOffset = Parameter("--offset <bytes>", "Where the first value begins.")
  private static let readCount = Parameter("--count <n>", "How many values; all if not given.")
  private static let writeOffset = Parameter(
    "--offset <bytes>",
    "Where the first value begins; by default at the first element of an array, else at 0.")
  private static let dumpOffset = Parameter("--offset <bytes>", "Where to begin.")
  private static let dumpCount = Parameter("--count <bytes>", "How many bytes; all if not given.")

  private static let bytesOrArray = "Error: Give either --bytes, or --dtype and --shape."
  private static let partOfArray = "Error: An array needs both --dtype and --shape."

  private static func unexpected(_ argument: String) -> String {
    "Error: Unexpected argument '\(argument)'"
  }

  private static func notUInt8(_ value: String) -> String {
    "Error: \"\(value)\" is not a value of type uint8 (0 to 255)."
  }

  static let usage = [
    BadInput("bogus", errors: unexpected("bogus")),
    BadInput("list", "extra", errors: unexpected("extra")),
    BadInput(
      "list", "--bogus",
      errors: """
        Error: Unknown option '--bogus'
        """),
    BadInput("demo", "extra", errors: unexpected("extra")),
    BadInput("info", errors: name.missing()),
    BadInput("info", "a", "b", errors: unexpected("b")),
    BadInput("create", errors: newName.missing()),
    BadInput("create", "NAME", errors: bytesOrArray),
    BadInput("create", "NAME", "--dtype", "float64", errors: partOfArray),
    BadInput("create", "NAME", "--bytes", "8", "--shape", "1", errors: partOfArray),
    BadInput(
      "create", "NAME", "--bytes", "8", "--dtype", "int8", "--shape", "8", errors: bytesOrArray),
    BadInput("create", "NAME", "--dtype", "int8", "--shape", "4x", errors: shape.invalid("4x")),
    BadInput("create", "NAME", "--dtype", "int8", "--shape", "x", errors: shape.invalid("x")),
    BadInput("create", "NAME", "--dtype", "int8", "--shape", "-1", errors: shape.invalid("-1")),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "2x3.5", errors: shape.invalid("2x3.5")),
    BadInput("create", "NAME", "--dtype", "int8", "--shape", "", errors: shape.invalid("")),
    BadInput("create", "NAME", "--bytes", errors: size.missing("value for")),
    BadInput("create", "NAME", "--bytes", "-1", errors: size.invalid("-1")),
    BadInput("create", "NAME", "--bytes", "5XiB", errors: size.invalid("5XiB")),
    BadInput(
      "create", "NAME", "--bytes", "8388608TiB",
      errors: size.invalid("8388608TiB", "it is too large")),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "0800",
      errors: mode.invalid("0800", "it is not an octal number from 0000 to 0777")),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "1777",
      errors: mode.invalid("1777", "it is not an octal number from 0000 to 0777")),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "-1",
      errors: mode.invalid("-1", "it is not an octal number from 0000 to 0777")),
    BadInput(
      "create", "NAME", "--bytes", "1", "--on-demand=yes",
      errors: """
        Error: The option '--on-demand' does not take any value, but 'yes' was specified.
        """),
    BadInput(
      "create", "NAME", "--bytes", "1", "--on-demand", "--pages", "huge",
      errors: """
        Error: Huge pages are taken at once: give either --pages huge or --on-demand.
        """),
    BadInput("read", errors: name.missing()),
    BadInput(
      "read", "NAME", "--as", "int7",
      errors: """
        Error: The value 'int7' is invalid for '--as <type>'. Please provide one of the following:
          - uint8
          - int8
          - int16
          - uint16
          - int32
          - uint32
          - int64
          - uint64
          - float16
          - float32
          - float64
        Help:  --as <type>  The type of the values; uint8 if no type is known.
        """),
    BadInput("read", "NAME", "--offset", "-1", errors: readOffset.invalid("-1")),
    BadInput("read", "NAME", "--count", "-1", errors: readCount.invalid("-1")),
    BadInput("read", "NAME", "--count", "1KiB", errors: readCount.invalid("1KiB")),
    BadInput(
      "read", "NAME", "--count", "99999999999999999999",
      errors: readCount.invalid("99999999999999999999", "it is too large")),
    BadInput("write", errors: name.missing()),
    BadInput("write", "NAME", errors: values.missing()),
    BadInput(
      "write", "NAME", "--",
      errors: """
        Error: Missing expected argument '<value> ...'
        """),
    BadInput("write", "NAME", "--offset", "1", errors: values.missing()),
    BadInput("write", "NAME", "--offset", "-1", "5", errors: writeOffset.invalid("-1")),
    BadInput("write", "NAME", "256", errors: notUInt8("256")),
    BadInput("write", "NAME", "-1", errors: notUInt8("-1")),
    BadInput(
      "write", "NAME", "--as", "int8", "128",
      errors: """
        Error: "128" is not a value of type int8 (-128 to 127).
        """),
    BadInput("write", "NAME", "1.5", errors: notUInt8("1.5")),
    BadInput(
      "write", "NAME", "--as", "float32", "1e39",
      errors: """
        Error: "1e39" is not a value of type float32 (at most 3.4028235e+38, inf or nan).
        """),
    BadInput(
      "write", "NAME", "--as", "float64", "x",
      errors: """
        Error: "x" is not a value of type float64 (at most 1.7976931348623157e+308, inf or nan).
        """),
    BadInput("write", "NAME", "--bogus", errors: notUInt8("--bogus")),
    BadInput("write", "NAME", "\u{1B}[31m\n", errors: notUInt8(#"\x1b[31m\n"#)),
    BadInput("write", "NAME", "--", "1", "--", "2", errors: notUInt8("--")),
    BadInput("dump", "NAME", "--offset", "-1", errors: dumpOffset.invalid("-1")),
    BadInput("dump", "NAME", "--count", "-1", errors: dumpCount.invalid("-1")),
    BadInput("dump", "NAME", "extra", errors: unexpected("extra")),
    BadInput("load", "NAME", errors: input.missing()),
    BadInput("save", "NAME", errors: output.missing()),
    BadInput("save", errors: name.missing()),
    BadInput("remove", errors: names.missing()),
    BadInput(
      "list", "--bo\u{1B}[31m\u{9B}gus",
      errors: #"""
        Error: Unknown option '--bo\x1b[31m\u{009b}gus'
        """#),
    BadInput(
      "info", #"a\qb"#,
      errors: name.invalid(
        #"a\qb"#,
        #"it has a backslash that does not begin \\, \n, \r, \t, \xNN or \u{N}; write \\ for one"#)),
    BadInput(
      "remove", "--bogus", "NAME",
      errors: """
        Error: Unknown option '--bogus'
        """),
  ]
}
