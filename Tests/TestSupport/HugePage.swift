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

internal import CInterprocess
import Foundation

/// What the system offers for files in memory.
package enum HugePage {
  private static let byteCount = 2 << 20

  /// What tests of huge pages need.
  package static let need = "needs huge pages of 2 MiB for files in memory, as Linux 6.1 has them"

  /// Whether a process gets a huge page for a file in `/dev/shm`, by the calls themselves.
  package static let canBeHad: Bool = {
    let fd = open("/dev/shm", ipc_O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600)
    defer { close(fd) }
    guard getpagesize() == 4096, fd >= 0, ftruncate(fd, off_t(byteCount)) == 0 else { return false }
    let around = mmap(nil, 2 * byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let around, around != MAP_FAILED else { return false }
    defer { munmap(around, 2 * byteCount) }
    let start = around.alignedUp(toMultipleOf: byteCount)
    let mapped = mmap(start, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)
    guard mapped == start else { return false }
    start.storeBytes(of: 1, as: UInt8.self)
    let collapse: CInt = 25  // `MADV_COLLAPSE`
    return madvise(start, byteCount, collapse) == 0
  }()
}

/// The pages of one file that a process has mapped, from `/proc`.
package struct MappedPages: Equatable {
  /// The addresses of each mapping.
  package var ranges: [Range<UInt>] = []
  /// The size of all mappings.
  package var byteCount = 0
  /// What the page tables lead to.
  package var residentByteCount = 0
  /// The part of that in huge pages.
  package var hugeByteCount = 0

  /// - Parameters:
  ///   - path: The file.
  ///   - processID: The process; `nil` for this one.
  package init(of path: String, in processID: Int32? = nil) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw CocoaError(.fileReadNoSuchFile) }
    var isOfFile = false
    for line in lines(of: "/proc/\(processID.map { "\($0)" } ?? "self")/smaps") {
      let words = line.split(separator: " ")
      // A mapping begins with a line such as "7f00-7f10 rw-s 00000000 00:19 4711 /dev/shm/m".
      guard words.count >= 2, words[0].hasSuffix(":") else {
        isOfFile = words.count > 4 && words[4] == "\(status.st_ino)" && words[1].hasSuffix("s")
        let ends = words.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
        if isOfFile && ends.count == 2 { ranges.append(ends[0]..<ends[1]) }
        continue
      }
      guard isOfFile, let kibibyteCount = Int(words[1]) else { continue }
      switch words[0] {
      case "Size:": byteCount += kibibyteCount << 10
      case "Rss:": residentByteCount += kibibyteCount << 10
      case "ShmemPmdMapped:": hugeByteCount += kibibyteCount << 10
      default: break
      }
    }
  }
}

/// The lines of a file in `/proc`, which has no size: only a read to the end gets all of them.
package func lines(of path: String) -> [Substring] {
  guard let file = FileHandle(forReadingAtPath: path) else { return [] }
  return String(decoding: file.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
}
