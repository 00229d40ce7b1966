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
  /// Makes a handle from an open file descriptor, such as one that this process has inherited.
  ///
  /// The descriptor may come from ``makeFileDescriptor(access:)``, from `memfd_create`, or from
  /// `shm_open` in any language. The handle has no name, and the access of the descriptor, whatever
  /// else the mode of the file would let this process do. If the system lets this process open the
  /// file again, the handle has a lease of its own; if not, it shares the descriptor's.
  ///
  /// Only files of memory are accepted: those of a tmpfs and of `memfd_create`, except on huge
  /// pages. A process that may write a file with a name can shrink it, and `SIGBUS` then ends any
  /// process that touches the missing bytes; so memory of other users is refused, as by
  /// ``attach(_:access:owner:reservation:waitingUpTo:)-(_,_,_,_,Duration?)``.
  ///
  /// Does not block. Corresponds to `mmap` of the descriptor in C, and to `mmap.mmap` in Python.
  ///
  /// - Parameters:
  ///   - descriptor: The descriptor, which belongs to the handle from then on; it is closed even if
  ///     this throws.
  ///   - owner: Whose memory to accept. Memory of `memfd_create` belongs to the user who created
  ///     it.
  /// - Throws: `permissionDenied` if the descriptor cannot be read, or was opened with `O_PATH`;
  ///   `wrongKind` if it is not a file of memory, or if it has no name and no seal on its size, as
  ///   another process could shrink it under the handle; `foreignOwner`; `invalidSize` if it is
  ///   empty; and `system` for anything else.
  public init(
    adopting descriptor: FileDescriptor, owner: Owner = .currentUser
  ) throws(InterprocessError) {
    let subject = "Descriptor \(descriptor.rawValue)"
    let given: GivenFile
    do {
      given = try GivenFile(adopting: descriptor.rawValue)
    } catch {
      throw .refusing(error, subject)
    }
    self = try Self.adopt(given, name: nil, owner: owner, subject)
  }

  /// Makes a handle from a file that another process, or other code in this one, has opened.
  ///
  /// - Parameters:
  ///   - name: The name that the sender says it has.
  ///   - subject: What arrived, for errors.
  static func adopt(
    _ given: consuming GivenFile, name: SegmentName?, owner: Owner, _ subject: String
  ) throws(InterprocessError) -> SharedMemory {
    let isWritable = given.isWritable
    let status = try translating({ .adopting(subject, $0) }) { () throws(Errno) in
      try Files.status(of: given.descriptor)
    }
    guard owner.accepts(userID: status.userID) else {
      throw InterprocessError(
        code: .foreignOwner,
        message: """
          \(subject) is memory of user \(status.userID), not of this one. Pass `owner: .anyone` if \
          you trust that user.
          """)
    }
    guard status.byteCount > 0 else {
      throw InterprocessError(code: .invalidSize, message: "\(subject) is empty memory.")
    }
    guard status.linkCount > 0 || Files.isSealedAgainstShrinking(given.descriptor) else {
      throw InterprocessError(
        code: .wrongKind(
          expected: "memory of a sealed size", found: "memory that any of its holders may shrink"),
        message: """
          \(subject) is memory without a name that any of its holders may shrink. Seal it with \
          F_SEAL_SHRINK.
          """)
    }
    // A name that cannot be checked counts as one that leads elsewhere.
    let isNamed =
      (try? name.flatMap { name throws(Errno) in
        try Files.statusIfPresent(at: name.path)?.identity
      }) == status.identity
    EndOfProcess.enter()
    defer { EndOfProcess.leave() }
    let mapping: Mapping
    let lease: Lease.Outcome
    do {
      let descriptor = try given.reopened()
      // If not free: the name of the memory is being removed, and the handle does not need it.
      lease = try Lease.take(on: descriptor)
      mapping = try Mapping(descriptor, byteCount: status.byteCount, writable: isWritable)
    } catch {
      throw .adopting(subject, error)
    }
    if case .refused(let errno) = lease, status.isTemporary {
      throw .locksRefused(name?.value ?? "", errno, need: "temporary memory needs")
    }
    return SharedMemory(
      mapping: mapping, segmentName: isNamed ? name : nil, identity: status.identity,
      access: isWritable ? .readWrite : .readOnly, isCreator: false,
      lifetime: status.isTemporary ? .whileAttached : .untilUnlinked)
  }
}

extension SharedMemory.Owner {
  /// Whether memory of a user is accepted.
  func accepts(userID: UInt32) -> Bool {
    self == .anyone || userID == Credentials.effectiveUserID || userID == 0
  }
}

extension InterprocessError {
  /// The error for a descriptor that is not accepted.
  ///
  /// - Parameter subject: What arrived, to begin a sentence.
  static func refusing(_ refusal: GivenFile.Refusal, _ subject: String) -> InterprocessError {
    switch refusal {
    case .pathOnly:
      InterprocessError(
        code: .permissionDenied,
        message: "\(subject) was opened with O_PATH, which gives no access. Open it for reading.")
    case .unreadable:
      InterprocessError(
        code: .permissionDenied,
        message: "\(subject) is not open for reading. Open it for reading.")
    case .foreign(let found):
      InterprocessError(
        code: .wrongKind(expected: "shared memory", found: found),
        message: """
          \(subject) is \(found), not shared memory. Use memfd_create, or a file in /dev/shm.
          """)
    case .system(let errno): .adopting(subject, errno)
    }
  }

  fileprivate static func adopting(_ subject: String, _ errno: Errno) -> InterprocessError {
    InterprocessError(
      code: .system(errno), message: "\(subject) cannot be used as memory: \(errno).",
      errno: errno)
  }
}
