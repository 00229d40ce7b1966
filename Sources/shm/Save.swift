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

struct Save: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy shared memory into a file or to standard output.",
    discussion: """
      A file that exists is overwritten. The memory stays as it is; what other processes write \
      meanwhile may be in the copy or not.

        shm save MyMemory frame.raw
        shm save MyMemory - | gzip > frame.raw.gz
      """)

  @OptionGroup var segment: Segment

  @Argument(help: "The file, or - for standard output.")
  var file: String

  func run() throws {
    let memory = try segment.attach(.readOnly)
    if file == "-" {
      try Self.write(memory.bytes, to: .standardOutput, called: "standard output")
      return
    }
    let description = file.quoted
    let descriptor: FileDescriptor
    do {
      // Not truncated yet: it may be the memory itself.
      descriptor = try FileDescriptor.open(
        FilePath(file), .writeOnly, options: [.create, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o666))
    } catch let errno as Errno {
      throw Failure(errno, action: "open \(description)")
    }
    do {
      try prepare(descriptor, called: description, for: memory.name)
      try Self.write(memory.bytes, to: descriptor, called: description)
    } catch {
      try? descriptor.close()
      throw error
    }
    // Some file systems find out only now that they are full.
    do { try descriptor.close() } catch let errno as Errno {
      throw Failure(errno, action: "write to \(description)")
    }
  }

  /// Empties the file, unless it is that of the memory.
  private func prepare(
    _ descriptor: FileDescriptor, called description: String, for name: String
  ) throws(Failure) {
    var file = stat()
    let result = unsafe fstat(descriptor.rawValue, &file)
    precondition(result == 0, "fstat of an open file failed")
    guard file.st_mode & S_IFMT == S_IFREG else { return }
    var source = stat()
    if unsafe lstat("/dev/shm/\(name)", &source) == 0,
      source.st_dev == file.st_dev && source.st_ino == file.st_ino
    {
      throw Failure("\(description) is shared memory \(name.quoted) itself.")
    }
    if ftruncate(descriptor.rawValue, 0) != 0 {
      throw Failure(Errno(rawValue: errno), action: "empty \(description)")
    }
  }

  private static func write(
    _ bytes: RawSpan, to descriptor: FileDescriptor, called description: String
  ) throws {
    do {
      // SAFETY: the buffer is used only within the closure.
      _ = try unsafe bytes.withUnsafeBytes { try unsafe descriptor.writeAll($0) }
    } catch let errno as Errno {
      throw Failure(errno, action: "write to \(description)")
    }
  }
}
