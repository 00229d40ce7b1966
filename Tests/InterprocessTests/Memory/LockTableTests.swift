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
import Testing

@testable import Interprocess

@Suite("The system's list of locks")
struct LockTableTests {
  private let file = KernelFile(device: "00:1a", inode: 7)

  /// A list with a number of locks on the file, and others, which make it longer than a page.
  private func list(_ count: Int, isLong: Bool) -> [UInt8] {
    let own = Array(repeating: "1: OFDLCK ADVISORY  READ -1 00:1a:7 5 5\n", count: count)
    let others = Array(
      repeating: "2: OFDLCK ADVISORY  READ -1 00:1a:8 5 5\n", count: isLong ? 1000 : 1)
    return Array((own + others).joined().utf8)
  }

  private func count(_ counts: [Int], isLong: Bool) throws -> (count: Int, readCount: Int) {
    var readCount = 0
    let table = try LockTable(byte: 5) { () throws(Errno) in
      readCount += 1
      return list(counts[readCount - 1], isLong: isLong)
    }
    return (table.count(of: file), readCount)
  }

  @Test(
    "A lock listed twice or left out in one reading of a long list changes no count",
    arguments: [[2, 1, 1], [1, 2, 1], [1, 1, 2], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
  func shifted(counts: [Int]) throws {
    let (count, readCount) = try count(counts, isLong: true)
    #expect(count == 1 && readCount == 3)
  }

  @Test("A list of one page is read once")
  func short() throws {
    let (count, readCount) = try count([2], isLong: false)
    #expect(count == 2 && readCount == 1)
  }

  @Test("Only shared locks on just that byte count")
  func others() throws {
    let lines = [
      "1: OFDLCK ADVISORY  WRITE -1 00:1a:7 5 5", "2: OFDLCK ADVISORY  READ -1 00:1a:7 5 6",
      "3: OFDLCK ADVISORY  READ -1 00:1a:7 0 EOF", "4: POSIX  ADVISORY  READ 12 00:1a:7 5 5",
      "5: -> OFDLCK ADVISORY READ -1 00:1a:7 5 5", "6: OFDLCK ADVISORY  READ -1 00:1a:7 4 4", "7:",
    ]
    let table = try LockTable(byte: 5) { () throws(Errno) in
      Array(lines.joined(separator: "\n").utf8)
    }
    #expect(table.count(of: file) == 0)
  }
}
