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
import Interprocess
import Subprocess
import TestSupport
import Testing

@Suite("Bad input", .timeLimit(.minutes(10)))
struct BadInputTests {
  /// Command lines that are wrong whatever lies in `/dev/shm`, and the tool's answers; `NAME`
  /// stands for a name that is not in use.
  @Test("A wrong command line is reported with the usage", arguments: BadInput.usage)
  func usage(input: BadInput) async throws {
    try await withName { name in
      let outcome = try await shm(input.arguments.map { $0 == "NAME" ? name : $0 })
      #expect(
        outcome == ProcessOutcome(status: .exited(64), output: "", errors: input.errors))
      #expect(!exists(name))
    }
  }

  @Test("A command that fails says why in a sentence", arguments: BadInput.failures)
  func failures(input: BadInput) async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 16)
      let outcome = try await shm(input.arguments.map { $0 == "NAME" ? name : $0 })
      #expect(
        outcome
          == .failure(
            input.errors.replacing("NAME", with: name)
              .replacing("`shm list`", with: "`\(Tool.command) list`")))
      #expect(try content(name) == [UInt8](repeating: 0, count: 16))
    }
  }

  @Test("A file that is not shared memory is reported", arguments: BadInput.otherKinds)
  func otherKinds(input: BadInput) async throws {
    let name = uniqueName("kind")
    let path = "/dev/shm/\(name)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let make = input.arguments[0].replacing("NAME", with: path)
    let made = try await bash(make)
    #expect(made == .success())
    let outcome = try await shm("read", name)
    #expect(outcome == .failure(input.errors.replacing("NAME", with: name)))
  }
}

/// A command line, and what the tool writes to standard error.
struct BadInput: Sendable, CustomTestStringConvertible {
  var arguments: [String]
  var errors: String

  init(_ arguments: String..., errors: String) {
    self.arguments = arguments
    self.errors = errors
  }

  var testDescription: String { arguments.joined(separator: " ") }

  static let usage = [
    BadInput(
      "bogus",
      errors: #"""
        Error: Unexpected argument 'bogus'
        Usage: shm <subcommand>
          See 'shm --help' for more information.

        """#),
    BadInput(
      "list", "extra",
      errors: #"""
        Error: Unexpected argument 'extra'
        Usage: shm list [--json]
          See 'shm list --help' for more information.

        """#),
    BadInput(
      "list", "--bogus",
      errors: #"""
        Error: Unknown option '--bogus'
        Usage: shm list [--json]
          See 'shm list --help' for more information.

        """#),
    BadInput(
      "demo", "extra",
      errors: #"""
        Error: Unexpected argument 'extra'
        Usage: shm demo
          See 'shm demo --help' for more information.

        """#),
    BadInput(
      "info",
      errors: #"""
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        Usage: shm info <name> [--json]
          See 'shm info --help' for more information.

        """#),
    BadInput(
      "info", "a", "b",
      errors: #"""
        Error: Unexpected argument 'b'
        Usage: shm info <name> [--json]
          See 'shm info --help' for more information.

        """#),
    BadInput(
      "create",
      errors: #"""
        Error: Missing expected argument '<name>'
        Help:  <name>  The name: 1 to 255 bytes without a slash.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME",
      errors: #"""
        Error: Give either --bytes, or --dtype and --shape.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "float64",
      errors: #"""
        Error: An array needs both --dtype and --shape.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "8", "--shape", "1",
      errors: #"""
        Error: An array needs both --dtype and --shape.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "8", "--dtype", "int8", "--shape", "8",
      errors: #"""
        Error: Give either --bytes, or --dtype and --shape.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "4x",
      errors: #"""
        Error: The value '4x' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "x",
      errors: #"""
        Error: The value 'x' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "2x3.5",
      errors: #"""
        Error: The value '2x3.5' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--dtype", "int8", "--shape", "",
      errors: #"""
        Error: The value '' is invalid for '--shape <shape>': it is not a whole number.
        Help:  --shape <shape>  The number of elements in each dimension, such as 1000 or 480x640.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes",
      errors: #"""
        Error: Missing value for '--bytes <size>'
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--bytes <size>': it is not a whole number.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "5XiB",
      errors: #"""
        Error: The value '5XiB' is invalid for '--bytes <size>': it is not a whole number.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "8388608TiB",
      errors: #"""
        Error: The value '8388608TiB' is invalid for '--bytes <size>': it is too large.
        Help:  --bytes <size>  The size, such as 4096, 64KiB or 1GiB.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "0800",
      errors: #"""
        Error: The value '0800' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "1777",
      errors: #"""
        Error: The value '1777' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "1", "--mode", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--mode <mode>': it is not an octal number from 0000 to 0777.
        Help:  --mode <mode>  The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "create", "NAME", "--bytes", "1", "--on-demand=yes",
      errors: #"""
        Error: The option '--on-demand' does not take any value, but 'yes' was specified.
        Usage: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--hold]
          See 'shm create --help' for more information.

        """#),
    BadInput(
      "read",
      errors: #"""
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "read", "NAME", "--as", "int7",
      errors: #"""
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
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "read", "NAME", "--offset", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where the first value begins.
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "read", "NAME", "--count", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--count <n>': it is not a whole number.
        Help:  --count <n>  How many values; all if not given.
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "read", "NAME", "--count", "1KiB",
      errors: #"""
        Error: The value '1KiB' is invalid for '--count <n>': it is not a whole number.
        Help:  --count <n>  How many values; all if not given.
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "read", "NAME", "--count", "99999999999999999999",
      errors: #"""
        Error: The value '99999999999999999999' is invalid for '--count <n>': it is too large.
        Help:  --count <n>  How many values; all if not given.
        Usage: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]
          See 'shm read --help' for more information.

        """#),
    BadInput(
      "write",
      errors: #"""
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME",
      errors: #"""
        Error: Missing expected argument '<value> ...'
        Help:  <value>  The values.
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--",
      errors: #"""
        Error: Missing expected argument '<value> ...'
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--offset", "1",
      errors: #"""
        Error: Missing expected argument '<value> ...'
        Help:  <value>  The values.
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--offset", "-1", "5",
      errors: #"""
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where the first value begins; by default at the first element of an array, else at 0.
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "256",
      errors: #"""
        Error: "256" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "-1",
      errors: #"""
        Error: "-1" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--as", "int8", "128",
      errors: #"""
        Error: "128" is not a value of type int8 (-128 to 127).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "1.5",
      errors: #"""
        Error: "1.5" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--as", "float32", "1e39",
      errors: #"""
        Error: "1e39" is not a value of type float32 (at most 3.4028235e+38, inf or nan).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--as", "float64", "x",
      errors: #"""
        Error: "x" is not a value of type float64 (at most 1.7976931348623157e+308, inf or nan).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--bogus",
      errors: #"""
        Error: "--bogus" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "\u{1B}[31m\n",
      errors: #"""
        Error: "\x1b[31m\n" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "write", "NAME", "--", "1", "--", "2",
      errors: #"""
        Error: "--" is not a value of type uint8 (0 to 255).
        Usage: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...
          See 'shm write --help' for more information.

        """#),
    BadInput(
      "dump", "NAME", "--offset", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--offset <bytes>': it is not a whole number.
        Help:  --offset <bytes>  Where to begin.
        Usage: shm dump <name> [--any-owner] [--offset <bytes>] [--count <bytes>]
          See 'shm dump --help' for more information.

        """#),
    BadInput(
      "dump", "NAME", "--count", "-1",
      errors: #"""
        Error: The value '-1' is invalid for '--count <bytes>': it is not a whole number.
        Help:  --count <bytes>  How many bytes; all if not given.
        Usage: shm dump <name> [--any-owner] [--offset <bytes>] [--count <bytes>]
          See 'shm dump --help' for more information.

        """#),
    BadInput(
      "dump", "NAME", "extra",
      errors: #"""
        Error: Unexpected argument 'extra'
        Usage: shm dump <name> [--any-owner] [--offset <bytes>] [--count <bytes>]
          See 'shm dump --help' for more information.

        """#),
    BadInput(
      "load", "NAME",
      errors: #"""
        Error: Missing expected argument '<file>'
        Help:  <file>  The file, or - for standard input.
        Usage: shm load <name> <file>
          See 'shm load --help' for more information.

        """#),
    BadInput(
      "save", "NAME",
      errors: #"""
        Error: Missing expected argument '<file>'
        Help:  <file>  The file, or - for standard output.
        Usage: shm save <name> [--any-owner] <file>
          See 'shm save --help' for more information.

        """#),
    BadInput(
      "save",
      errors: #"""
        Error: Missing expected argument '<name>'
        Help:  <name>  The name of the shared memory.
        Usage: shm save <name> [--any-owner] <file>
          See 'shm save --help' for more information.

        """#),
    BadInput(
      "remove",
      errors: #"""
        Error: Missing expected argument '<name> ...'
        Help:  <name>  The names.
        Usage: shm remove <name> ...
          See 'shm remove --help' for more information.

        """#),
    BadInput(
      "list", "--bo\u{1B}[31m\u{9B}gus",
      errors: #"""
        Error: Unknown option '--bo\x1b[31m\u{009b}gus'
        Usage: shm list [--json]
          See 'shm list --help' for more information.

        """#),
    BadInput(
      "info", #"a\qb"#,
      errors: #"""
        Error: The value 'a\qb' is invalid for '<name>': it has a backslash that does not begin \\, \n, \r, \t, \xNN or \u{N}; write \\ for one.
        Help:  <name>  The name of the shared memory.
        Usage: shm info <name> [--json]
          See 'shm info --help' for more information.

        """#),
    BadInput(
      "remove", "--bogus", "NAME",
      errors: #"""
        Error: Unknown option '--bogus'
        Usage: shm remove <name> ...
          See 'shm remove --help' for more information.

        """#),
  ]

  /// For shared memory of 16 bytes.
  static let failures = [
    BadInput(
      "create", "", "--bytes", "1",
      errors: """
        A shared memory name has at least one byte; "" is not one.
        """),
    BadInput(
      "create", ".", "--bytes", "1",
      errors: """
        A shared memory name is neither "." nor ".."; "." is not one.
        """),
    BadInput(
      "create", "a/b", "--bytes", "1",
      errors: """
        A shared memory name contains no slash but a leading one; "a/b" is not one.
        """),
    BadInput(
      "create", String(repeating: "a", count: 256), "--bytes", "1",
      errors: """
        A shared memory name has at most 255 bytes; "\(String(repeating: "a", count: 256))" is not one.
        """),
    BadInput(
      "create", "shmtest_never", "--bytes", "0",
      errors: """
        Shared memory has at least one byte; 0 were asked for.
        """),
    BadInput(
      "create", "a/b\u{1B}\n", "--bytes", "1",
      errors: """
        A shared memory name contains no slash but a leading one; "a/b\\u{1B}\\n" is not one.
        """),
    BadInput(
      "create", "shmtest_never", "--bytes", "9223372036854775807", "--on-demand",
      errors: """
        Cannot map shared memory "shmtest_never": Cannot allocate memory.
        """),
    BadInput(
      "read", "nonexistent",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "read", "a/b",
      errors: """
        A shared memory name contains no slash but a leading one; "a/b" is not one.
        """),
    BadInput(
      "info", "nonexistent",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "info", "nonexistent\u{1B}\\\\",
      errors: """
        No shared memory named "nonexistent\\x1b\\\\"; `shm list` shows all there is.
        """),
    BadInput(
      "remove", "nonexistent",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "remove", "a/b",
      errors: """
        A shared memory name contains no slash but a leading one; "a/b" is not one.
        """),
    BadInput(
      "remove", "",
      errors: """
        A shared memory name has at least one byte; "" is not one.
        """),
    BadInput(
      "save", "nonexistent", "-",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "dump", "nonexistent",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "write", "nonexistent", "1",
      errors: """
        No shared memory named "nonexistent"; `shm list` shows all there is.
        """),
    BadInput(
      "load", "a/b", "/etc/hostname",
      errors: """
        A shared memory name contains no slash but a leading one; "a/b" is not one.
        """),
    BadInput(
      "read", "NAME", "--offset", "16",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 1 uint8 at offset 16.
        """),
    BadInput(
      "read", "NAME", "--offset", "17", "--count", "0",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 0 uint8 at offset 17.
        """),
    BadInput(
      "read", "NAME", "--count", "17",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 17 uint8 at offset 0.
        """),
    BadInput(
      "read", "NAME", "--as", "int32", "--offset", "13",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 1 int32 at offset 13.
        """),
    BadInput(
      "read", "NAME", "--as", "float64", "--offset", "1", "--count", "2",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 2 float64 at offset 1.
        """),
    BadInput(
      "read", "NAME", "--count", "9223372036854775807", "--as", "int64",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 9223372036854775807 int64 at offset 0.
        """),
    BadInput(
      "read", "NAME", "--offset", "9223372036854775807", "--count", "9223372036854775807",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 9223372036854775807 uint8 at offset 9223372036854775807.
        """),
    BadInput(
      "write", "NAME", "--offset", "16", "1",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 1 uint8 at offset 16.
        """),
    BadInput(
      "write", "NAME", "--as", "int64", "1", "2", "3",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 3 int64 at offset 0.
        """),
    BadInput(
      "write", "NAME", "--offset", "8388607TiB", "1",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 1 uint8 at offset 9223370937343148032.
        """),
    BadInput(
      "dump", "NAME", "--offset", "17",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for offset 17.
        """),
    BadInput(
      "dump", "NAME", "--count", "17",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 17 bytes at offset 0.
        """),
    BadInput(
      "dump", "NAME", "--offset", "10", "--count", "9223372036854775807",
      errors: """
        Shared memory "NAME" has 16 bytes, too few for 9223372036854775807 bytes at offset 10.
        """),
  ]

  /// A command that makes something else under the name.
  static let otherKinds = [
    BadInput(
      "mkdir NAME",
      errors: """
        "NAME" is a directory, not shared memory.
        """),
    BadInput(
      "mkfifo NAME",
      errors: """
        "NAME" is a FIFO, not shared memory.
        """),
    BadInput(
      "ln -s /etc/passwd NAME",
      errors: """
        "NAME" is a symbolic link, not shared memory.
        """),
    BadInput(
      "touch NAME",
      errors: """
        Shared memory "NAME" is still empty: the process that creates it has not set its size. Wait for it, or remove the memory if that process is gone.
        """),
    BadInput(
      "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"NAME\")'",
      errors: """
        "NAME" is a socket, not shared memory.
        """),
  ]
}
