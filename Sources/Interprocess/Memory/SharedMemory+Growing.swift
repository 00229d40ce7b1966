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
  /// Makes the memory larger.
  ///
  /// The new bytes are zero, even if another process has already written past the end. They get
  /// small pages at once, even if the memory was created on demand. Other handles keep their size
  /// until they call ``refresh()``; processes that attach later see the new size, also
  /// in Python. Several processes of this library may do this at once; the largest size counts.
  /// Memory is never made smaller.
  ///
  /// The bytes may lie at another address in this process afterwards; no view can notice, as none
  /// can exist meanwhile. Processes that grow the same memory take turns and wait for each other:
  /// as long as the one in turn makes progress, and for at most a minute. Takes time in proportion
  /// to the new bytes. Corresponds to `posix_fallocate` and `mremap` in C; Python's `SharedMemory`
  /// cannot grow.
  ///
  /// - Parameter newByteCount: The size in bytes; at least the present one.
  /// - Throws: `invalidSize` if that is smaller than the present size or above the process's file
  ///   size limit, or if another process has shrunk the memory; `outOfMemory` if there is no room,
  ///   in the file system or below the memory limits of the control group and the machine;
  ///   `permissionDenied` if the size is sealed, as that of anonymous memory is; `timedOut` if
  ///   another process keeps its turn; and `system` for anything else, such as `ENOMEM` if there
  ///   are no free addresses. Size, bytes and pages of the memory are then as before. Only if the
  ///   system refuses `fallocate`, and room ran out meanwhile, may the memory have grown by a part:
  ///   by zeros, whose pages are taken.
  /// - Precondition: The memory is attached for writing.
  public mutating func grow(to newByteCount: Int) throws(InterprocessError) {
    precondition(mapping.range.isWritable, "This shared memory is attached read-only")
    guard newByteCount >= byteCount else {
      throw InterprocessError(
        code: .invalidSize, name: segmentName?.value,
        message: "Memory of \(byteCount) bytes cannot shrink to \(newByteCount).")
    }
    try Draft.check(byteCount: newByteCount, name: segmentName)
    if Files.isSealedAgainstShrinking(mapping.descriptor) { throw sealed(.notPermitted) }
    try takeTurn()
    defer { try? Lease.drop(.grower, on: mapping.descriptor) }
    let present = try presentByteCount()
    checkpoint(.growSeen)
    if newByteCount > present {
      try enlarge(from: present, to: newByteCount)
    } else {
      try refresh()
    }
  }

  /// Adopts the present size of the memory, if another process has made it larger.
  ///
  /// The bytes may lie at another address in this process afterwards. Does not block. Python has
  /// nothing like it: there a block keeps the size that it had when it was attached.
  ///
  /// - Throws: `invalidSize` if the memory has become smaller, which no program should do to it:
  ///   the missing bytes must not be touched; and `system` for anything else.
  public mutating func refresh() throws(InterprocessError) {
    let present = try presentByteCount()
    if present == byteCount { return }
    do {
      try changeMapping { mapping throws(Errno) in
        try mapping.takeAddresses(for: present)
        mapping.extend(to: present)
      }
    } catch {
      throw growing(error)
    }
  }

  // MARK: - Steps

  // All that can fail happens before the size changes, and the size changes last:
  //
  //   G1  drop what lies past the end
  //   G2  check for room
  //   G3  take addresses
  //   G4  take pages past the end
  //   G5  set the size
  //
  // The last page of a file, and a huge page, reach past its end. A process with a mapping can
  // write there, and the kernel clears nothing when the file grows. So G1 does, before any process
  // can see those bytes as content.
  //
  // A grower killed
  //   before G5 leaves pages past the end, which the next grower drops in G1.
  //   after G5 has grown the memory; its turn ends with it.
  //
  // G1 would take pages from a grower between G4 and G5, and bytes from one after G5. So growers
  // take turns, by a lock that the kernel drops when they end. G5 does not rely on that: it never
  // makes a file smaller, even if another process enlarges it.

  private mutating func enlarge(
    from present: Int, to newByteCount: Int
  ) throws(InterprocessError) {
    let reachesBehindEnd = try dropBehindEnd(at: present)
    // The rest of the last page exists, unless it is a hole. No sum is computed, as other processes
    // may have made the file as large as a number can be.
    let page = Files.pageByteCount
    let rest = min((page - present % page) % page, newByteCount - present)
    let needed = newByteCount - present - rest
    try Room.check(
      needed, for: segmentName, in: mapping.descriptor, alwaysAskingFileSystem: true)
    do {
      try changeMapping { mapping throws(Errno) in try mapping.takeAddresses(for: newByteCount) }
    } catch {
      throw growing(error)
    }
    checkpoint(.growMapped)
    do throws(Errno) {
      if reachesBehindEnd {
        try Files.takePages(of: present..<newByteCount, in: mapping.descriptor)
        checkpoint(.growTaken)
        // These pages exist already, so this only sets the size.
        let last = max(present, newByteCount - Files.reservationStepByteCount)
        try Files.reserve(last..<newByteCount, of: mapping.descriptor)
      } else {
        // Without holes, the last page is cleared by hand, and the rest is one call that does all
        // or nothing. If that is refused too, zeros are written up to the new size, and the memory
        // grows with each step. The part that other processes see has its pages; as they may
        // already use it, it stays if the room runs out.
        changeMapping { $0.clear(present..<(present + rest)) }
        try Files.reserve(
          present..<newByteCount, of: mapping.descriptor, stepByteCount: newByteCount - present)
      }
    } catch {
      // If another process has enlarged the file meanwhile, it keeps its pages.
      let end = (try? Files.status(of: mapping.descriptor).byteCount).map { max($0, present) }
      if let end { try? Files.discardPages(from: end, of: mapping.descriptor) }
      // If this fails, the addresses stay taken until this handle is closed or grows.
      let before = byteCount
      try? changeMapping { mapping throws(Errno) in try mapping.takeAddresses(for: before) }
      switch error {
      case .noSpace, .noMemory, .diskQuotaExceeded:
        throw Room.error(needed, for: segmentName, in: mapping.descriptor, error)
      case .notPermitted where Files.isSealed(mapping.descriptor): throw sealed(error)
      case .notPermitted, .noFunction, .notSupported:
        throw .callRefused(segmentName, Room.reservingCalls, error)
      default: throw growing(error)
      }
    }
    checkpoint(.growSized)
    changeMapping { $0.extend(to: newByteCount) }
  }

  /// Drops everything that lies past the end of the file.
  ///
  /// - Returns: Whether pages can lie there; `false` if the file system supports no holes, or the
  ///   system refuses to make any.
  private borrowing func dropBehindEnd(at present: Int) throws(InterprocessError) -> Bool {
    do {
      try Files.discardPages(from: present, of: mapping.descriptor)
      return true
    } catch {
      switch error {
      case .notPermitted where Files.isSealed(mapping.descriptor): throw sealed(error)
      case .notPermitted, .notSupported, .noFunction: return false
      default: throw growing(error)
      }
    }
  }

  // MARK: - Turns

  /// Waits until no other handle grows the memory, and keeps others from growing it.
  ///
  /// Any process that may open the memory can hold that lock, too. So the wait ends when nothing
  /// changes for a while, and in any case after a minute.
  private borrowing func takeTurn() throws(InterprocessError) {
    let end = SuspendingClock.now + .seconds(60)
    var deadline = SuspendingClock.now + Self.patience
    var residentByteCount = 0
    while true {
      let isTaken = try translating({ errno in
        FileLocks.isRefusal(errno)
          ? .locksRefused(name, errno, need: "memory needs to grow") : growing(errno)
      }) { () throws(Errno) in
        try Lease.take(.grower, on: mapping.descriptor)
      }
      if isTaken { return }
      let now = SuspendingClock.now
      let status = try? Files.status(of: mapping.descriptor)
      if let status, status.residentByteCount != residentByteCount {
        residentByteCount = status.residentByteCount
        deadline = now + Self.patience
      }
      guard now < min(deadline, end) else {
        let lock = (try? Lease.foreignLock(on: .grower, of: mapping.descriptor)) ?? nil
        let holder =
          lock == nil
          ? "another process is growing it, but makes no progress"
          : FileLocks.Lock.description(of: lock)
        throw InterprocessError(
          code: .timedOut, name: segmentName?.value,
          message: "Cannot enlarge shared memory: \(holder).")
      }
      try translating({ growing($0) }) { () throws(Errno) in
        try Interruption.pause(for: .milliseconds(Int.random(in: 1...5)))
      }
    }
  }

  /// The size of the file, which is at least that of this handle.
  borrowing func presentByteCount() throws(InterprocessError) -> Int {
    let present = try translating({ growing($0) }) { () throws(Errno) in
      try Files.status(of: mapping.descriptor).byteCount
    }
    guard present >= byteCount else {
      throw InterprocessError(
        code: .invalidSize, name: segmentName?.value,
        message: """
          This memory has been shrunk from \(byteCount) to \(present) bytes. Close it, and do not \
          touch its bytes.
          """)
    }
    return present
  }

  // MARK: - Errors

  private borrowing func growing(_ errno: Errno) -> InterprocessError {
    .system(errno, name: segmentName?.value, action: "enlarge shared memory")
  }

  private borrowing func sealed(_ errno: Errno) -> InterprocessError {
    InterprocessError(
      code: .permissionDenied, name: segmentName?.value,
      message: "The size of this memory is sealed.", errno: errno)
  }
}
