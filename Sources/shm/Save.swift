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
      A file that exists is replaced when the copy is complete, and stays what it is if that \
      fails. A new file has the permissions of the memory, as far as the umask leaves them; one \
      that exists keeps its own, as far as the memory has them too. What has never been written \
      takes no room in the file. The memory stays as it is; what other processes write \
      meanwhile may be in the copy or not.

        shm save MyMemory frame.raw
        shm save MyMemory - | gzip > frame.raw.gz
      """)

  @OptionGroup var segment: Segment

  @Argument(help: "The file, or - for standard output.", transform: filePath)
  var file: String

  func run() throws {
    let memory = try segment.look()
    if file == "-" {
      try Self.write(memory, to: .standardOutput, called: "standard output")
      return
    }
    let description = file.quoted
    var status = stat()
    let isThere = unsafe stat(file, &status) == 0
    guard isThere || errno == ENOENT else {
      throw Failure(Errno(rawValue: errno), action: "open \(description)")
    }
    if isThere && status.st_mode & S_IFMT != S_IFREG {
      // A device, a FIFO or the like has no copy beside it.
      try Self.writeInPlace(memory, to: file, called: description)
    } else {
      try Self.replace(
        file, by: memory, existing: isThere ? status : nil, named: segment.name)
    }
  }

  private static func writeInPlace(
    _ memory: SegmentPeek, to file: String, called description: String
  ) throws {
    let descriptor: FileDescriptor
    do {
      descriptor = try FileDescriptor.open(
        FilePath(file), .writeOnly, options: .closeOnExec)
    } catch let errno as Errno {
      throw Failure(errno, action: "open \(description)")
    }
    defer { try? descriptor.close() }
    try write(memory, to: descriptor, called: description)
  }

  // MARK: - A file

  /// Makes a file beside the one that is meant, fills it, and gives it the name.
  ///
  /// - Parameter existing: What has the name now.
  private static func replace(
    _ file: String, by memory: SegmentPeek, existing: stat?, named name: Name
  ) throws {
    let description = file.quoted
    // A link stays one: what it leads to is replaced.
    let target = existing == nil ? file : try resolved(file, description)
    try checkNotSharedMemory(target, description, existing, memory, name)

    var mode = memory.permissions
    if let existing { mode.formIntersection(FilePermissions(rawValue: existing.st_mode)) }
    let draft: SaveDraft
    do {
      draft = try SaveDraft(in: directory(of: target), permissions: mode)
    } catch {
      throw Failure(error, action: "open \(description)")
    }
    if let existing { keep(existing, mode, of: draft.descriptor) }
    try write(memory, to: draft.descriptor, called: description)
    do {
      try draft.publish(as: target, replacing: existing != nil)
    } catch {
      throw Failure(error, action: "write to \(description)")
    }
  }

  /// Leaves a file that is replaced to its owner, with a mode that the umask has no part in.
  ///
  /// Where this user may not, it stays this user's, and closed to others.
  private static func keep(_ existing: stat, _ mode: FilePermissions, of file: FileDescriptor) {
    _ = fchown(file.rawValue, existing.st_uid, existing.st_gid)
    _ = fchmod(file.rawValue, mode.rawValue)
  }

  private static func resolved(_ file: String, _ description: String) throws -> String {
    guard let path = unsafe realpath(file, nil) else {
      throw Failure(Errno(rawValue: errno), action: "open \(description)")
    }
    // SAFETY: `realpath` returns a text of its own that ends in NUL, which is freed here.
    defer { unsafe free(path) }
    guard let text = unsafe String(validatingCString: path) else {
      throw Failure("Cannot open \(description): it leads to a name that is not UTF-8.")
    }
    return text
  }

  private static func directory(of file: String) -> String {
    guard let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == file.utf8.startIndex ? "/" : String(file[..<slash])
  }

  /// Refuses to put a file where shared memory lies: whoever has attached to the memory of that
  /// name would keep the old one.
  private static func checkNotSharedMemory(
    _ target: String, _ description: String, _ existing: stat?, _ memory: SegmentPeek,
    _ name: Name
  ) throws(Failure) {
    if let existing, memory.isFile(device: existing.st_dev, inode: existing.st_ino) {
      throw Failure("\(description) is shared memory \(name.quoted) itself.")
    }
    guard SharedMemory.isPlace(directory(of: target)) else { return }
    throw Failure(
      """
      \(description) would be shared memory, not a file. To copy memory under another name: \
      \(Invocation.command) save \(name.bytes.escapedName) - | \(Invocation.command) load NAME -
      """)
  }

  // MARK: - Bytes

  private static let pieceByteCount = 1 << 20

  /// Writes all bytes; where a file takes them, what has never been written becomes a hole in it.
  private static func write(
    _ memory: SegmentPeek, to descriptor: FileDescriptor, called description: String
  ) throws {
    var status = stat()
    let isFile =
      unsafe fstat(descriptor.rawValue, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && descriptor != .standardOutput
    let byteCount = memory.byteCount
    var position = 0
    do {
      while position < byteCount {
        let data = try memory.data(in: position..<byteCount) ?? byteCount..<byteCount
        if isFile && position < data.lowerBound {
          position = data.lowerBound
          try descriptor.seek(offset: Int64(position), from: .start)
        } else {
          // What lies in front of the data are zeros.
          let end = position < data.lowerBound ? data.lowerBound : data.upperBound
          let piece = position..<min(position + pieceByteCount, end)
          try descriptor.writeAll(memory.bytes(in: piece))
          position = piece.upperBound
        }
      }
      // A hole at the end is no byte that was written.
      if isFile { try descriptor.resize(to: Int64(byteCount)) }
    } catch let errno as Errno {
      throw Failure(errno, action: "write to \(description)")
    }
  }
}
