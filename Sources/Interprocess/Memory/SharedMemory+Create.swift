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

extension SharedMemory {
  /// Memory without a name yet, which no other process can see.
  ///
  /// If it is dropped, or if the process ends, the kernel frees it.
  struct Draft: ~Copyable {
    let requestedName: SegmentName?
    let identity: FileIdentity
    let lifetime: Lifetime
    var mapping: Mapping
    let hidden: HiddenFile?

    /// Takes the memory, with everything that a segment has except its name: size, pages, mode and
    /// lease.
    static func make(
      name: SegmentName?, byteCount: Int, options: SegmentOptions
    ) throws(InterprocessError) -> Draft {
      let (lifetime, permissions) = (options.lifetime, options.permissions)
      precondition(
        permissions.rawValue & ~0o777 == 0, "Shared memory has only the nine permission bits")
      precondition(
        options.pages != .huge || options.reservation == .reserved,
        "Huge pages are taken at creation, for reserved memory")
      try check(byteCount: byteCount, name: name)
      let mode = permissions.rawValue | (lifetime == .whileAttached ? TemporaryMark.modeBit : 0)

      // Its user may write to it until its mode is set, as the mark requires.
      let firstMode = permissions.rawValue | FilePermissions.ownerReadWrite.rawValue
      let file = try translating({ errno in
        errno == .noSpace
          ? Room.error(byteCount, for: name, errno) : error(errno, "create", name)
      }) { () throws(Errno) in
        try DraftFile.open(mode: firstMode)
      }
      checkpoint(.createOpened)
      if options.reservation == .reserved {
        try Room.check(byteCount, for: name, in: file.descriptor)
      }

      var call = "fsetxattr"
      do throws(Errno) {
        if lifetime == .whileAttached { try TemporaryMark.put(on: file.descriptor, mode: mode) }
        switch options.reservation {
        case .reserved:
          call = Room.reservingCalls
          options.pages.takeHuge(byteCount, in: file.descriptor)
          try Files.reserve(0..<byteCount, of: file.descriptor)
        case .onDemand:
          call = "ftruncate"
          try Files.setSize(byteCount, of: file.descriptor)
        }
      } catch {
        switch error {
        case .noSpace, .noMemory, .diskQuotaExceeded:
          let taken = (try? Files.status(of: file.descriptor).residentByteCount) ?? 0
          throw Room.error(byteCount, for: name, in: file.descriptor, error, taken: taken)
        case .fileTooLarge, .invalidArgument:
          throw tooLarge(name, byteCount: byteCount, errno: error)
        case .notPermitted, .noFunction, .notSupported:
          throw .callRefused(name, call, error)
        default:
          throw Self.error(error, "size", name)
        }
      }
      checkpoint(.createSized)

      let identity = try translating({ error($0, "create", name) }) { () throws(Errno) in
        let status = try Files.status(of: file.descriptor)
        // The umask has cleared bits of the first mode.
        if status.mode != mode { try Files.setMode(mode, of: file.descriptor) }
        return status.identity
      }

      let lease = try translating({ error($0, "lease", name) }) { () throws(Errno) in
        try Lease.take(on: file.descriptor)
      }
      switch lease {
      case .taken: break
      // Lasting memory does not need a lease.
      case _ where lifetime == .untilUnlinked: break
      case .held:
        // By a program that has opened a file without a name, through `/proc`.
        let lock = try? FileLocks.obstacle(
          to: .shared, byte: Lease.byteOffset, of: file.descriptor)
        throw .locked(name?.value ?? "", by: lock, action: "create \(Room.description(of: name))")
      case .refused(let errno):
        throw .locksRefused(name?.value ?? "", errno, need: "temporary memory needs")
      }
      checkpoint(.createLeased)
      let mapping = try Mapping.make(file.descriptor, byteCount: byteCount, writable: true) {
        error($0, "map", name)
      }
      return Draft(
        requestedName: name, identity: identity, lifetime: lifetime, mapping: mapping,
        hidden: file.hidden)
    }

    /// Lets the caller fill the memory.
    mutating func initialize(
      with body: (inout MutableRawSpan) throws(InterprocessError) -> Void
    ) throws(InterprocessError) {
      var bytes = mapping.mutableBytes
      try body(&bytes)
      checkpoint(.createInitialized)
    }

    /// Gives the memory its name in one step, or a random unused one if none was requested.
    consuming func publish() throws(InterprocessError) -> SharedMemory {
      var name = requestedName ?? .random()
      let isTemporary = lifetime == .whileAttached
      let deadline = SuspendingClock.now + SharedMemory.greatestPatience
      while true {
        // Once linked, the name must be known to the code that runs at the end of this process.
        if isTemporary { EndOfProcess.enter() }
        guard let errno = linkError(at: name) else { break }
        if isTemporary { EndOfProcess.leave() }
        switch errno {
        case .fileExists: break
        case .notPermitted, .noFunction: throw .callRefused(name, "linkat and renameat2", errno)
        default: throw Self.error(errno, "name", name)
        }
        // Only a process that creates stale memory of that name all the time can keep this up.
        guard SuspendingClock.now < deadline else { throw .alreadyExists(name, errno) }
        if requestedName == nil {
          name = .random()
        } else {
          do {
            try SharedMemory.removeIfStale(name)
          } catch {
            throw SharedMemory.obstacle(toReplacing: name) ?? error
          }
        }
        // The stale memory is gone, and the name is free unless another process is faster.
      }
      defer { if isTemporary { EndOfProcess.leave() } }
      return SharedMemory(
        mapping: mapping, segmentName: name, identity: identity, access: .readWrite,
        isCreator: true, lifetime: lifetime)
    }

    private borrowing func linkError(at name: SegmentName) -> Errno? {
      do {
        switch hidden {
        case .none: try Files.link(mapping.descriptor, at: name.path)
        case .some(let hidden): try Files.rename(hidden.path, to: name.path)
        }
        checkpoint(.createLinked)
        return nil
      } catch {
        return error
      }
    }

    // MARK: - Errors

    /// Throws for a size that no memory can have.
    static func check(byteCount: Int, name: SegmentName?) throws(InterprocessError) {
      guard byteCount > 0 else {
        throw InterprocessError(
          code: .invalidSize, name: name?.value,
          message: "Shared memory has at least one byte; \(byteCount) were asked for.")
      }
      let maximum = (try? Files.maximumFileByteCount()) ?? .max
      guard byteCount <= maximum else {
        throw tooLarge(name, byteCount: byteCount, errno: nil)
      }
    }

    /// - Parameter verb: What could not be done with the memory.
    private static func error(
      _ errno: Errno, _ verb: String, _ name: SegmentName?
    ) -> InterprocessError {
      let action = "\(verb) \(Room.description(of: name))"
      return switch errno {
      case .permissionDenied, .notPermitted:
        InterprocessError(
          code: .permissionDenied, name: name?.value,
          message: "Cannot \(action): \(SegmentName.directory) is not writable for this user.",
          errno: errno)
      case .noSuchFileOrDirectory, .notDirectory:
        InterprocessError(
          code: .system(errno), name: name?.value,
          message: "Cannot \(action): \(InterprocessError.missingDirectory).", errno: errno)
      default:
        .system(errno, name: name?.value, action: action)
      }
    }

    private static func tooLarge(
      _ name: SegmentName?, byteCount: Int, errno: Errno?
    ) -> InterprocessError {
      InterprocessError(
        code: .invalidSize, name: name?.value,
        message: """
          \(byteCount) bytes exceed this process's limit for the size of one file (see `ulimit -f`).
          """,
        errno: errno)
    }
  }
}
