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

internal import SystemPackage

/// Which locks are held on which files, according to `/proc/locks`: the locks of all processes of
/// this machine.
struct LockTable: Sendable {
  private let counts: [String: Int]

  /// Counts the shared locks of open file descriptions that cover exactly one given byte, by file.
  ///
  /// - Throws: `ENOENT` if `/proc` shows processes only (`subset=pid`), or nothing.
  init(byte offset: Int) throws(Errno) {
    try self.init(byte: offset) { () throws(Errno) in try Files.contents(of: "/proc/locks") }
  }

  /// - Parameter read: Reads the list.
  init(byte offset: Int, read: () throws(Errno) -> [UInt8]) throws(Errno) {
    // The system lists its locks a page at a time. A lock taken or dropped between two pages shifts
    // the rest, so that a lock may be listed twice or not at all. That it happens to the same one
    // twice in a row is unlikely, so a longer list is read three times.
    let first = try read()
    var readings = [Self.counts(in: first, byte: offset)]
    if first.count >= Files.pageByteCount {
      for _ in 1...2 { readings.append(Self.counts(in: try read(), byte: offset)) }
    }
    let files = Set(readings.flatMap(\.keys))
    counts = Dictionary(
      uniqueKeysWithValues: files.map { file in
        (file, readings.map { $0[file] ?? 0 }.sorted()[readings.count / 2])
      })
  }

  private static func counts(in list: [UInt8], byte offset: Int) -> [String: Int] {
    var counts: [String: Int] = [:]
    for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
      guard let lock = LockLine(line), lock.isShared, lock.bytes == offset...offset else {
        continue
      }
      counts[String(lock.file), default: 0] += 1
    }
    return counts
  }

  /// The number of locks on a file.
  func count(of file: KernelFile) -> Int { counts[file.text] ?? 0 }
}

/// A lock that an open file description holds on a part of a file.
private struct LockLine {
  var isShared: Bool
  /// The file, such as `00:1a:1234`.
  var file: Substring
  var bytes: ClosedRange<Int>

  /// - Parameter line: In the form `ID: TYPE ADVISORY READ|WRITE PID MAJOR:MINOR:INODE START END`.
  init?(_ line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 8, fields[1] == "OFDLCK", let first = Int(fields[6]),
      let last = fields[7] == "EOF" ? Int.max : Int(fields[7]), first <= last
    else { return nil }
    isShared = fields[3] == "READ"
    file = fields[5]
    bytes = first...last
  }
}

extension ProcessTable {
  /// The process that has a file mapped and holds a lock on one of its bytes, among those that this
  /// user may look into.
  ///
  /// - Complexity: Linear in the number of descriptors that processes with the file have open.
  func holder(ofLockOnByte offset: Int, of file: KernelFile) -> Entry? {
    entries[file]?.first { entry in
      let directory = "/proc/\(entry.processID)/fdinfo"
      // The process and the descriptor may be gone by this time.
      return ((try? Files.names(in: directory)) ?? []).contains { number in
        let path = "\(directory)/\(String(decoding: number, as: UTF8.self))"
        let text = String(decoding: (try? Files.contents(of: path)) ?? [], as: UTF8.self)
        return text.split(separator: "\n").contains { line in
          // The same format as a line of `/proc/locks`, after a prefix.
          guard line.hasPrefix("lock:"), let lock = LockLine(line.dropFirst("lock:".count)) else {
            return false
          }
          return lock.file == file.text && lock.bytes.contains(offset)
        }
      }
    }
  }
}
