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

import SystemPackage

/// Standard output, written in large pieces, so that no output has to fit into memory.
struct Output: ~Copyable {
  private var buffer: [UInt8] = []
  private static let pieceByteCount = 64 << 10

  /// Runs a body that writes to standard output, and then flushes the output.
  static func write(_ body: (inout Output) throws -> Void) throws {
    var output = Output()
    output.buffer.reserveCapacity(2 * pieceByteCount)
    try body(&output)
    try output.flush()
  }

  mutating func write(_ text: String) throws(Failure) {
    buffer += text.utf8
    if buffer.count >= Self.pieceByteCount { try flush() }
  }

  mutating func writeLine(_ text: String) throws(Failure) {
    try write(text + "\n")
  }

  mutating func write(_ bytes: [UInt8]) throws(Failure) {
    buffer += bytes
    if buffer.count >= Self.pieceByteCount { try flush() }
  }

  private mutating func flush() throws(Failure) {
    do {
      try FileDescriptor.standardOutput.writeAll(buffer)
      buffer.removeAll(keepingCapacity: true)
    } catch let errno as Errno {
      throw Failure(errno, action: "write to standard output")
    } catch {
      preconditionFailure("A system call failed without an errno: \(error)")
    }
  }
}
