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
internal import Glibc
internal import SystemPackage

/// A file in memory that other code has opened, with no more access than its descriptor has.
struct GivenFile: ~Copyable, Sendable {
  let descriptor: Descriptor
  /// Whether it may be written as well as read.
  let isWritable: Bool

  /// Why a descriptor is not accepted.
  enum Refusal: Error {
    /// It was opened with `O_PATH`: it only locates a file, and its opener may have no permission
    /// on that file.
    case pathOnly
    /// It may not be read.
    case unreadable
    /// It is something other than a file in memory, described in words.
    case foreign(String)
    case system(Errno)
  }

  /// Takes over a descriptor of this process, and closes it if it is refused.
  init(adopting fd: CInt) throws(Refusal) {
    try self.init {
      if fd < 0 { Glibc.errno = EBADF }
      return fd
    } discardingWith: {
      _ = Glibc.close($0)
    }
  }

  /// Takes over a descriptor that another process sends.
  ///
  /// - Parameter receive: One system call that returns the descriptor, or -1 and sets `errno`.
  init(receiving receive: () -> CInt) throws(Refusal) {
    try self.init(receive) { unsafe ipc_close_foreign([$0], 1) }
  }

  private init(
    _ open: () -> CInt, discardingWith discard: (CInt) -> Void
  ) throws(Refusal) {
    var refused: (fd: CInt, refusal: Refusal)?
    var isWritable = false
    let descriptor: Descriptor
    do throws(Errno) {
      // It is checked before it is noted, as a forked child opens noted files. It is noted as
      // read-only: nothing is mapped from it yet.
      descriptor = try Descriptor(isWritable: false) {
        let fd = open()
        if fd < 0 { return fd }
        switch Self.access(of: fd) {
        case .success(let access):
          isWritable = access
          return fd
        case .failure(let refusal):
          refused = (fd, refusal)
          Glibc.errno = EBADF
          return -1
        }
      }
    } catch {
      guard let refused else { throw .system(error) }
      var refusal = refused.refusal
      switch refusal {
      // The descriptor is not open.
      case .system: throw refusal
      case .foreign: refusal = .foreign(Self.kind(of: refused.fd))
      case .pathOnly, .unreadable: break
      }
      discard(refused.fd)
      throw refusal
    }
    // Only files in memory remain here; the kernel itself can answer all questions about them.
    switch ipc_is_in_tmpfs(descriptor.fd) {
    case 1: break
    case 0: throw .foreign("a file of huge pages")
    default: throw .system(Errno(rawValue: Glibc.errno))
    }
    self.descriptor = descriptor
    self.isWritable = isWritable
  }

  /// Whether a descriptor may be written; asks only the kernel.
  private static func access(of fd: CInt) -> Result<Bool, Refusal> {
    let flags = fcntl(fd, F_GETFL)
    if flags < 0 { return .failure(.system(Errno(rawValue: Glibc.errno))) }
    if flags & ipc_O_PATH != 0 { return .failure(.pathOnly) }
    // All files in memory have seals, and no other files do.
    let seals = ipc_seals(fd)
    if seals < 0 { return .failure(.foreign("")) }
    switch flags & O_ACCMODE {
    case O_RDONLY: return .success(false)
    // A file sealed against writing cannot be mapped for writing through any descriptor.
    case O_RDWR: return .success(seals & (ipc_F_SEAL_WRITE | ipc_F_SEAL_FUTURE_WRITE) == 0)
    default: return .failure(.unreadable)
    }
  }

  /// What is open, in words.
  ///
  /// This never waits for the process that serves the file system, as that may be the sender.
  private static func kind(of fd: CInt) -> String {
    let kind = FileKind(mode: ipc_file_type(fd))
    guard kind == .regular else { return kind.description }
    return fileSystem(of: fd).map { "a file of \($0)" } ?? "a file of another file system"
  }

  /// The type of the file system of a file; `nil` if this process cannot see its mount.
  private static func fileSystem(of fd: CInt) -> String? {
    guard let description = try? Files.contents(of: "/proc/self/fdinfo/\(fd)"),
      let mounts = try? Files.contents(of: "/proc/self/mountinfo"),
      let line = String(decoding: description, as: UTF8.self).split(separator: "\n")
        .first(where: { $0.hasPrefix("mnt_id:") }),
      let mount = line.split(whereSeparator: \.isWhitespace).last
    else { return nil }
    let type = String(decoding: mounts, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("\(mount) ") }
      .flatMap { line -> Substring? in
        // A hyphen ends the optional fields.
        let fields = line.split(separator: " ")
        return fields.firstIndex(of: "-").map { fields[($0 + 1)...].first } ?? nil
      }
    return type.map { String($0) }
  }

  /// A new description, with the same access as the given one.
  ///
  /// The given one may be shared with the process that it came from, together with its locks. It is
  /// used as it is if the system does not open the file again, because this process has no
  /// permission on it, or there is no `/proc`.
  consuming func reopened() throws(Errno) -> Descriptor {
    if let own = try? Files.reopen(descriptor, writable: isWritable) { return own }
    guard isWritable else { return descriptor }
    // A forked child must know that it may be written.
    return try Descriptor(isWritable: true) { fcntl(descriptor.fd, F_DUPFD_CLOEXEC, 0) }
  }
}
