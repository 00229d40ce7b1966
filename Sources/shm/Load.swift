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
      The memory gets its name when it is complete, so that no process attaches to a part of it. \
      Existing memory of that name is left as it is, and the command fails.

        shm load MyMemory frame.raw
        gunzip < frame.raw.gz | shm load MyMemory -
      """)

  @Argument(help: "The name: 1 to 255 bytes without a slash.", transform: Name.init)
  var name: Name

  @Argument(help: "The file, or - for standard input.", transform: filePath)
  var file: String

  func run() throws {
    let name = try name.text(to: "create")
    var progress = Progress()
    defer { progress.finish() }
    if file == "-" {
      try load(name, from: .standardInput, called: "standard input", &progress)
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
      // Files in /proc have the size 0 but can still be read.
      if status.st_mode & S_IFMT == S_IFREG && status.st_size > 0 {
        try load(
          name, Int(status.st_size), from: descriptor, called: description, &progress)
      } else {
        try load(name, from: descriptor, called: description, &progress)
      }
    }
  }

  /// Reads the given number of bytes straight into the memory.
  private func load(
    _ name: String, _ byteCount: Int, from descriptor: FileDescriptor, called description: String,
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

  /// Reads to the end, piece by piece into the memory, as the number of bytes is not known.
  private func load(
    _ name: String, from descriptor: FileDescriptor, called description: String,
    _ progress: inout Progress
  ) throws(InterprocessError) {
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    var doneCount = 0
    try SharedMemory.create(
      name,
      appending: { () throws(InterprocessError) in
        let readCount: Int
        do {
          readCount = try unsafe piece.withUnsafeMutableBytes { buffer in
            // SAFETY: the buffer is used only within the closure.
            try unsafe descriptor.read(into: buffer)
          }
        } catch {
          throw Self.readError(error, description)
        }
        guard readCount > 0 || doneCount > 0 else {
          throw InterprocessError(
            code: .invalidSize, name: name,
            message: """
              \(description) is empty, but shared memory needs at least one byte.
              """)
        }
        doneCount += readCount
        progress.update(byteCount: doneCount, of: nil)
        return Array(piece[..<readCount])
      }
    ).close()
  }

  private static func readError(_ error: any Error, _ description: String) -> InterprocessError {
    guard let errno = error as? Errno else {
      preconditionFailure("A system call failed without an errno: \(error)")
    }
    return InterprocessError(
      code: .system(errno), message: "Cannot read \(description): \(errno).", errno: errno)
  }
}
