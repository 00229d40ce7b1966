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

public import SystemPackage

extension SharedMemory {
  /// A file descriptor of this memory, for a program that takes one.
  ///
  /// It holds a lease of its own, counts as a handle for as long as it is open in any process, and
  /// is closed on `exec` unless it is passed on. A child started by swift-subprocess can get it as
  /// its standard input:
  ///
  /// ```swift
  /// let descriptor = try memory.makeFileDescriptor()
  /// try await run(
  ///   .path("/usr/bin/worker"),
  ///   input: .fileDescriptor(descriptor, closeAfterSpawningProcess: true), output: .discarded)
  /// // and in the worker:
  /// var memory = try SharedMemory(adopting: .standardInput)
  /// ```
  ///
  /// Writable memory may be handed out read-only, with the limits that `send(over:access:timeout:)`
  /// describes. Does not block. Corresponds to `open` of `/proc/self/fd/N` in C.
  ///
  /// - Parameter access: What the descriptor allows; `nil`: as much as this handle.
  /// - Returns: A descriptor, which the caller closes.
  /// - Throws: `permissionDenied` if the mode of the memory does not let this process open it
  ///   again, or hand it out read-only, and `system` for anything else, such as `ENOENT` where
  ///   there is no `/proc`.
  /// - Precondition: The access does not exceed that of this handle.
  public borrowing func makeFileDescriptor(
    access: Access? = nil
  ) throws(InterprocessError) -> FileDescriptor {
    let descriptor = try handedOut(access)
    let copy = try translating({ .system($0, name: segmentName?.value, action: "open the memory") })
    {
      () throws(Errno) in try Files.duplicate(descriptor)
    }
    return FileDescriptor(rawValue: copy)
  }

  /// A second handle of the same memory, with a lease and a mapping of its own.
  borrowing func duplicate() throws(InterprocessError) -> SharedMemory {
    EndOfProcess.enter()
    defer { EndOfProcess.leave() }
    let mapping = try Mapping.make(
      try reopened(access), byteCount: byteCount, writable: access == .readWrite
    ) { .system($0, name: segmentName?.value, action: "map the memory again") }
    return SharedMemory(
      mapping: mapping, segmentName: segmentName, identity: identity, access: access,
      isCreator: isCreator, lifetime: lifetime)
  }

  /// A descriptor for another process, with a lease.
  borrowing func handedOut(_ access: Access?) throws(InterprocessError) -> Descriptor {
    let access = access ?? self.access
    precondition(
      access == .readOnly || self.access == .readWrite,
      "This shared memory is attached read-only")
    if access == .readOnly { try keepOthersFromWriting() }
    return try reopened(access)
  }

  /// A new open file description, with a lease.
  private borrowing func reopened(_ access: Access) throws(InterprocessError) -> Descriptor {
    try translating({ self.reopening($0) }) { () throws(Errno) in
      let descriptor = try Files.reopen(mapping.descriptor, writable: access == .readWrite)
      // While this handle is open, no process can hold a claim.
      if case .refused(let errno) = try Lease.take(on: descriptor), lifetime == .whileAttached,
        segmentName != nil
      {
        throw errno
      }
      return descriptor
    }
  }

  private borrowing func reopening(_ errno: Errno) -> InterprocessError {
    let message =
      switch errno {
      case .permissionDenied:
        "The permissions of this memory do not let this user open it again."
      case .noSuchFileOrDirectory, .staleNFSFileHandle:
        "Cannot open the memory again without a `/proc` of this system. Mount it."
      default: "Cannot open the memory again: \(errno)."
      }
    return InterprocessError(
      code: errno == .permissionDenied ? .permissionDenied : .system(errno),
      name: segmentName?.value, message: message, errno: errno)
  }

  /// Makes sure that no other user can open a file without a name for writing.
  ///
  /// A process with a descriptor of a file can open it again through `/proc/self/fd`, with all that
  /// its mode allows; and `memfd_create` lets every user write. For memory with a name, the mode
  /// was chosen at creation, and already says who may open it for writing.
  private borrowing func keepOthersFromWriting() throws(InterprocessError) {
    let writing: CModeT = 0o022
    do {
      let status = try Files.status(of: mapping.descriptor)
      guard status.linkCount == 0 && status.mode & writing != 0 else { return }
      try Files.setMode(status.mode & ~writing, of: mapping.descriptor)
    } catch {
      guard error == .notPermitted else {
        throw .system(error, name: nil, action: "hand the memory out read-only")
      }
      throw InterprocessError(
        code: .permissionDenied,
        message: """
          The mode of this memory lets other users write it, and only its owner can change that, \
          so this user cannot hand it out read-only.
          """,
        errno: error)
    }
  }
}
