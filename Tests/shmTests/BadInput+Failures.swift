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

// Command lines that are right, and fail.
extension BadInput {
  private static let missing =
    "No shared memory named \"nonexistent\"; `shm list` shows all there is."
  private static let slash =
    "A shared memory name contains no slash but a leading one; \"a/b\" is not one."

  private static func tooFewBytes(for what: String) -> String {
    "Shared memory \"NAME\" has 16 bytes, too few for \(what)."
  }

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
    BadInput("create", "a/b", "--bytes", "1", errors: slash),
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
    BadInput("read", "nonexistent", errors: missing),
    BadInput("read", "a/b", errors: slash),
    BadInput("info", "nonexistent", errors: missing),
    BadInput(
      "info", "nonexistent\u{1B}\\\\",
      errors: """
        No shared memory named "nonexistent\\x1b\\\\"; `shm list` shows all there is.
        """),
    BadInput("remove", "nonexistent", errors: missing),
    BadInput("remove", "a/b", errors: slash),
    BadInput(
      "remove", "",
      errors: """
        A shared memory name has at least one byte; "" is not one.
        """),
    BadInput("save", "nonexistent", "-", errors: missing),
    BadInput("dump", "nonexistent", errors: missing),
    BadInput("write", "nonexistent", "1", errors: missing),
    BadInput("load", "a/b", "/etc/hostname", errors: slash),
    BadInput("read", "NAME", "--offset", "16", errors: tooFewBytes(for: "1 uint8 at offset 16")),
    BadInput(
      "read", "NAME", "--offset", "17", "--count", "0",
      errors: tooFewBytes(for: "0 uint8 at offset 17")),
    BadInput("read", "NAME", "--count", "17", errors: tooFewBytes(for: "17 uint8 at offset 0")),
    BadInput(
      "read", "NAME", "--as", "int32", "--offset", "13",
      errors: tooFewBytes(for: "1 int32 at offset 13")),
    BadInput(
      "read", "NAME", "--as", "float64", "--offset", "1", "--count", "2",
      errors: tooFewBytes(for: "2 float64 at offset 1")),
    BadInput(
      "read", "NAME", "--count", "9223372036854775807", "--as", "int64",
      errors: tooFewBytes(for: "9223372036854775807 int64 at offset 0")),
    BadInput(
      "read", "NAME", "--offset", "9223372036854775807", "--count", "9223372036854775807",
      errors: tooFewBytes(for: "9223372036854775807 uint8 at offset 9223372036854775807")),
    BadInput(
      "write", "NAME", "--offset", "16", "1", errors: tooFewBytes(for: "1 uint8 at offset 16")),
    BadInput(
      "write", "NAME", "--as", "int64", "1", "2", "3",
      errors: tooFewBytes(for: "3 int64 at offset 0")),
    BadInput(
      "write", "NAME", "--offset", "8388607TiB", "1",
      errors: tooFewBytes(for: "1 uint8 at offset 9223370937343148032")),
    BadInput("dump", "NAME", "--offset", "17", errors: tooFewBytes(for: "offset 17")),
    BadInput("dump", "NAME", "--count", "17", errors: tooFewBytes(for: "17 bytes at offset 0")),
    BadInput(
      "dump", "NAME", "--offset", "10", "--count", "9223372036854775807",
      errors: tooFewBytes(for: "9223372036854775807 bytes at offset 10")),
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
