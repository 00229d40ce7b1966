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
  static let usage = [
    BadInput(
      "bogus",
      errors: """
        Error: Unexpected argument 'bogus'
        """),
    BadInput(
      "list", "extra",
      errors: """
        Error: Unexpected argument 'extra'
        """),
    BadInput(
      "list", "--bogus",
      errors: """
        Error: Unknown option '--bogus'
        """),
    BadInput(
      "demo", "extra",
      errors: """
        Error: Unexpected argument 'extra'
        """),
    BadInput(
      "info",
      errors: """
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        """),
    BadInput(
      "info", "a", "b",
      errors: """
        Error: Unexpected argument 'b'
        """),
    BadInput(
      "create",
      errors: """
        Error: Missing expected argument '<name>'
        Help:  <name>  The name: 1 to 255 bytes without a slash.
        """),
    BadInput(
      "create", "NAME",
      errors: """
        Error: Give either --bytes, or --dtype and --shape.
        """),
    BadInput(
      "create", "NAME", "--dtype", "float64",
      errors: """
        Error: An array needs both --dtype and --shape.
        """),
    BadInput(
      "create", "NAME", "--bytes", "8", "--shape", "1",
      errors: """
        Error: An array needs both --dtype and --shape.
        """),
    BadInput(
      "create", "NAME", "--bytes", "8", "--dtype", "int8", "--shape", "8",
      errors: """
        Error: Give either --bytes, or --dtype and --shape.
        """),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "4x",
      errors: """
        Error: The value '4x' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        """),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "x",
      errors: """
        Error: The value 'x' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        """),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "-1",
      errors: """
        Error: The value '-1' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        """),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "2x3.5",
      errors: """
        Error: The value '2x3.5' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        """),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "",
      errors: """
        Error: The value '' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        """),
    BadInput(
      "create", "NAME", "--bytes",
      errors: """
        Error: Missing value for '--bytes <size>'
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        """),
    BadInput(
      "create", "NAME", "--bytes", "-1",
      errors: """
        Error: The value '-1' is invalid for '--bytes <size>': it is not a whole number.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        """),
    BadInput(
      "create", "NAME", "--bytes", "5XiB",
      errors: """
        Error: The value '5XiB' is invalid for '--bytes <size>': it is not a whole number.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        """),
    BadInput(
      "create", "NAME", "--bytes", "8388608TiB",
      errors: """
        Error: The value '8388608TiB' is invalid for '--bytes <size>': it is too large.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        """),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "0800",
      errors: """
        Error: The value '0800' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        """),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "1777",
      errors: """
        Error: The value '1777' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        """),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "-1",
      errors: """
        Error: The value '-1' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        """),
    BadInput(
      "create", "NAME", "--bytes", "1", "--on-demand=yes",
      errors: """
        Error: The option '--on-demand' does not take any value, but 'yes' was specified.
        """),
    BadInput(
      "read",
      errors: """
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        """),
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
    BadInput(
      "read", "NAME", "--offset", "-1",
      errors: """
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where the first value begins.
        """),
    BadInput(
      "read", "NAME", "--count", "-1",
      errors: """
        Error: The value '-1' is invalid for '--count <n>': it is not a whole number.
        Help:  --count <n>  How many values; all if not given.
        """),
    BadInput(
      "read", "NAME", "--count", "1KiB",
      errors: """
        Error: The value '1KiB' is invalid for '--count <n>': it is not a whole number.
        Help:  --count <n>  How many values; all if not given.
        """),
    BadInput(
      "read", "NAME", "--count", "99999999999999999999",
      errors: """
        Error: The value '99999999999999999999' is invalid for '--count <n>': it is too large.
        Help:  --count <n>  How many values; all if not given.
        """),
    BadInput(
      "write",
      errors: """
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        """),
    BadInput(
      "write", "NAME",
      errors: """
        Error: Missing expected argument '<value> ...'
        Help:  <value>  The values.
        """),
    BadInput(
      "write", "NAME", "--",
      errors: """
        Error: Missing expected argument '<value> ...'
        """),
    BadInput(
      "write", "NAME", "--offset", "1",
      errors: """
        Error: Missing expected argument '<value> ...'
        Help:  <value>  The values.
        """),
    BadInput(
      "write", "NAME", "--offset", "-1", "5",
      errors: """
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where the first value begins; by default at the first element of an array, else at 0.
        """),
    BadInput(
      "write", "NAME", "256",
      errors: """
        Error: "256" is not a value of type uint8 (0 to 255).
        """),
    BadInput(
      "write", "NAME", "-1",
      errors: """
        Error: "-1" is not a value of type uint8 (0 to 255).
        """),
    BadInput(
      "write", "NAME", "--as", "int8", "128",
      errors: """
        Error: "128" is not a value of type int8 (-128 to 127).
        """),
    BadInput(
      "write", "NAME", "1.5",
      errors: """
        Error: "1.5" is not a value of type uint8 (0 to 255).
        """),
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
    BadInput(
      "write", "NAME", "--bogus",
      errors: """
        Error: "--bogus" is not a value of type uint8 (0 to 255).
        """),
    BadInput(
      "write", "NAME", "\u{1B}[31m\n",
      errors: #"""
        Error: "\x1b[31m\n" is not a value of type uint8 (0 to 255).
        """#),
    BadInput(
      "write", "NAME", "--", "1", "--", "2",
      errors: """
        Error: "--" is not a value of type uint8 (0 to 255).
        """),
    BadInput(
      "dump", "NAME", "--offset", "-1",
      errors: """
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where to begin.
        """),
    BadInput(
      "dump", "NAME", "--count", "-1",
      errors: """
        Error: The value '-1' is invalid for '--count <bytes>': it is not a whole number.
        Help:  --count <bytes>  How many bytes; all if not given.
        """),
    BadInput(
      "dump", "NAME", "extra",
      errors: """
        Error: Unexpected argument 'extra'
        """),
    BadInput(
      "load", "NAME",
      errors: """
        Error: Missing expected argument '<file>'
        Help:  <file>  The file, or - for standard input.
        """),
    BadInput(
      "save", "NAME",
      errors: """
        Error: Missing expected argument '<file>'
        Help:  <file>  The file, or - for standard output.
        """),
    BadInput(
      "save",
      errors: """
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        """),
    BadInput(
      "remove",
      errors: """
        Error: Missing expected argument '<name> ...'
        Help:  <name>  The names.
        """),
    BadInput(
      "list", "--bo\u{1B}[31m\u{9B}gus",
      errors: #"""
        Error: Unknown option '--bo\x1b[31m\u{009b}gus'
        """#),
    BadInput(
      "info", #"a\qb"#,
      errors: #"""
        Error: The value 'a\qb' is invalid for '<name>': it has a backslash that does not begin \\, \n, \r, \t, \xNN or \u{N}; write \\ for one.
        Help:  <name>  The name of the shared memory.
        """#),
    BadInput(
      "remove", "--bogus", "NAME",
      errors: """
        Error: Unknown option '--bogus'
        """),
  ]
}
