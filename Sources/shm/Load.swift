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

import ArgumentParser
import Glibc
import Interprocess
import SystemPackage

struct Load: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create shared memory from a file or from standard input.",
    discussion: """
      The memory gets its name when it holds everything, so that nobody attaches to a part. What \
      comes through a pipe is collected first, as its size is not known before.

        shm load MyMemory frame.raw
        gunzip < frame.raw.gz | shm load MyMemory -
      """)

  @Argument(help: "The name: 1 to 255 bytes without a slash.")
  var name: String

  @Argument(help: "The file, or - for standard input.")
  var file: String

  func run() throws {
    var progress = Progress()
    defer { progress.finish() }
    if file == "-" {
      try load(from: .standardInput, called: "standard input", &progress)
    } else {
      let description = file.quoted
      let descriptor: FileDescriptor
      do {
        descriptor = try FileDescriptor.open(FilePath(file), .readOnly, options: .closeOnExec)
      } catch let errno as Errno {
        throw Failure(errno, action: "open \(description)")
      }
      defer { try? descriptor.close() }
      var status = stat()
      let result = unsafe fstat(descriptor.rawValue, &status)
      precondition(result == 0, "fstat of an open file failed")
      // Files in /proc have no size, and yet something to be read.
      if status.st_mode & S_IFMT == S_IFREG && status.st_size > 0 {
        try load(
          Int(status.st_size), from: descriptor, called: description, &progress)
      } else {
        try load(from: descriptor, called: description, &progress)
      }
    }
  }

  /// Reads so many bytes straight into the memory.
  private func load(
    _ byteCount: Int, from descriptor: FileDescriptor, called description: String,
    _ progress: inout Progress
  ) throws(InterprocessError) {
    let pieceByteCount = 4 << 20
    try SharedMemory.create(name, byteCount: byteCount) {
      (bytes: inout MutableRawSpan) throws(InterprocessError) in
      var doneCount = 0
      while doneCount < byteCount {
        let range = doneCount..<min(doneCount + pieceByteCount, byteCount)
        let readCount: Int
        do {
          // SAFETY: the buffer is used only within the closure, and the slice checks the range.
          readCount = try unsafe bytes.withUnsafeMutableBytes { buffer in
            try unsafe descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[range]))
          }
        } catch {
          throw Self.readError(error, description)
        }
        guard readCount > 0 else {
          throw InterprocessError(
            code: .invalidSize, name: name,
            message: """
              \(description) became smaller while it was read: it has \(doneCount) bytes instead \
              of \(byteCount).
              """)
        }
        doneCount += readCount
        progress.update(byteCount: doneCount, of: byteCount)
      }
    }.close()
  }

  /// Reads to the end, and then makes the memory.
  private func load(
    from descriptor: FileDescriptor, called description: String, _ progress: inout Progress
  ) throws {
    let capacity = Self.capacity()
    var contents: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let readCount: Int
      do {
        readCount = try unsafe piece.withUnsafeMutableBytes { buffer in
          // SAFETY: the buffer is used only within the closure.
          try unsafe descriptor.read(into: buffer)
        }
      } catch {
        throw Self.readError(error, description)
      }
      if readCount == 0 { break }
      contents += piece[..<readCount]
      // A pipe may never end, and what does not fit need not be collected.
      if contents.count > capacity {
        throw Failure(
          "There is more to read from \(description) than the \(capacity) bytes of /dev/shm.")
      }
      progress.update(byteCount: contents.count, of: nil)
    }
    guard !contents.isEmpty else {
      throw Failure(
        "Nothing was read from \(description), and shared memory has at least one byte.")
    }
    try SharedMemory.create(name, byteCount: contents.count) { bytes in
      // SAFETY: the buffer is used only within the closure, and has the size of `contents`.
      unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: contents) }
    }.close()
  }

  private static func readError(_ error: any Error, _ description: String) -> InterprocessError {
    guard let errno = error as? Errno else {
      preconditionFailure("A system call failed with something else than an errno: \(error)")
    }
    return InterprocessError(
      code: .system(errno), message: "Cannot read \(description): \(errno).", errno: errno)
  }

  /// The bytes that all shared memory together may have.
  private static func capacity() -> Int {
    var status = statvfs()
    // A file system that cannot be asked, or that has no limit, is left to say no itself.
    guard unsafe statvfs("/dev/shm", &status) == 0, status.f_blocks > 0 else { return .max }
    let (byteCount, overflow) = UInt64(status.f_blocks)
      .multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? .max : Int(clamping: byteCount)
  }
}
