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
      Replaces an existing file when the copy is complete, and leaves it as it is if that fails. A \
      new file gets the permissions of the memory, less those that the umask removes; an existing \
      file keeps those of its permissions that the memory has, too. Bytes that were never written \
      take no room in the file. The memory is unchanged; the copy may or may not contain what \
      other processes write meanwhile.

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
      // A device, a FIFO or the like cannot be replaced by a copy.
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

  /// Makes a file beside the target, fills it, and renames it to the target.
  ///
  /// - Parameter existing: The file that has the name now, if any.
  private static func replace(
    _ file: String, by memory: SegmentPeek, existing: stat?, named name: Name
  ) throws {
    let description = file.quoted
    // Keeps a symbolic link, and replaces the file it leads to.
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

  /// Gives the new file the owner of the file that it replaces, and a mode without regard to the
  /// umask.
  ///
  /// If this user may not do that, the file stays this user's own, and closed to others.
  private static func keep(_ existing: stat, _ mode: FilePermissions, of file: FileDescriptor) {
    _ = fchown(file.rawValue, existing.st_uid, existing.st_gid)
    _ = fchmod(file.rawValue, mode.rawValue)
  }

  private static func resolved(_ file: String, _ description: String) throws -> String {
    guard let path = unsafe realpath(file, nil) else {
      throw Failure(Errno(rawValue: errno), action: "open \(description)")
    }
    // SAFETY: `realpath` returns a new text that ends in NUL, which is freed here.
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

  /// Refuses to put a file where shared memory lies: processes attached to memory of that name
  /// would keep the old memory.
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

  /// Writes all bytes; in a file, bytes that were never written become a hole.
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
          // The bytes in front of the data are zeros.
          let end = position < data.lowerBound ? data.lowerBound : data.upperBound
          let piece = position..<min(position + pieceByteCount, end)
          try descriptor.writeAll(memory.bytes(in: piece))
          position = piece.upperBound
        }
      }
      // A hole at the end has not yet extended the file.
      if isFile { try descriptor.resize(to: Int64(byteCount)) }
    } catch let errno as Errno {
      throw Failure(errno, action: "write to \(description)")
    }
  }
}
