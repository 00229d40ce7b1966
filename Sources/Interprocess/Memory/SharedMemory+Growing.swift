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
  /// The new bytes are zero, also where someone has written behind the end before, and their pages
  /// are taken, whatever the reservation was at creation. Other handles keep their size until they
  /// call ``refresh()``; who attaches later sees the new size, also in Python. Several processes of
  /// this library may do this at once; the largest size counts. Memory is never made smaller.
  ///
  /// The bytes may lie at another address in this process afterwards, which no view can notice, as
  /// none can exist meanwhile. Processes that grow the same memory take turns, and wait for each
  /// other: as long as the one in turn gets on, and at most a minute. Takes time in proportion to
  /// the new bytes. Corresponds to `posix_fallocate` and `mremap` in C; Python's `SharedMemory`
  /// cannot grow.
  ///
  /// - Parameter newByteCount: The size in bytes; at least the present one.
  /// - Throws: `invalidSize` if that is smaller than the present size or above the process's file
  ///   size limit, or if someone has shrunk the memory; `outOfMemory` if there is no room, in the
  ///   file system or below the memory limits of the control group and the machine;
  ///   `permissionDenied` if the size is sealed, as that of anonymous memory; `timedOut` if another
  ///   process keeps its turn; and `system` for anything else, such as `ENOMEM` if the addresses
  ///   are not to be had. Size, bytes and pages of the memory are then as they were. Only where the
  ///   system refuses `fallocate` may it have grown by a part, if room ran out meanwhile: by zeros,
  ///   whose pages are taken.
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

  /// Takes notice of the size that the memory has by now, if some process has made it larger.
  ///
  /// The bytes may lie at another address in this process afterwards. Does not block. There is
  /// nothing like it in Python, where a block keeps the size that it had when it was attached.
  ///
  /// - Throws: `invalidSize` if the memory has become smaller, which nobody should do to it: what
  ///   is gone must not be touched; and `system` for anything else.
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
  //   G1  drop what lies behind the end
  //   G2  look for room
  //   G3  take addresses
  //   G4  take pages behind the end
  //   G5  set the size
  //
  // The last page of a file, and a huge page, reach behind its end. Whoever has it mapped can write
  // there, and the kernel clears nothing when the file grows. So G1 does, before anyone can see
  // those bytes as content.
  //
  // A grower killed
  //   before G5 leaves pages behind the end, which the next one drops in G1.
  //   after G5 has grown the memory; its turn ends with it.
  //
  // G1 would take pages from a grower between G4 and G5, and bytes from one that is beyond it. So
  // growers take turns, by a lock that the kernel drops when they end. G5 does not rely on that:
  // it never makes a file smaller, whoever else enlarges it.

  private mutating func enlarge(
    from present: Int, to newByteCount: Int
  ) throws(InterprocessError) {
    let reachesBehindEnd = try dropBehindEnd(at: present)
    // The rest of the last page is there, unless that is a hole. Others may have made the file as
    // large as a number can be, so that no sum is taken.
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
        // These pages are there, so that this only sets the size.
        let last = max(present, newByteCount - Files.reservationStepByteCount)
        try Files.reserve(last..<newByteCount, of: mapping.descriptor)
      } else {
        // Without holes the last page is cleared by hand, and the rest is one call, which does all
        // or nothing. Where that is refused, too, zeros are written up to the new size, and the
        // memory grows with each step. What others see of it has its pages; and as they may use it
        // by then, it stays should the room run out.
        changeMapping { $0.clear(present..<(present + rest)) }
        try Files.reserve(
          present..<newByteCount, of: mapping.descriptor, stepByteCount: newByteCount - present)
      }
    } catch {
      // Whoever else has enlarged the file meanwhile keeps what it has.
      let end = (try? Files.status(of: mapping.descriptor).byteCount).map { max($0, present) }
      if let end { try? Files.discardPages(from: end, of: mapping.descriptor) }
      // Should that fail, they stay taken until this handle is closed or grows.
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

  /// Drops everything that lies behind the end of the file.
  ///
  /// - Returns: Whether pages can lie there; `false` where the file system knows no holes, or the
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

  /// Waits until no other handle grows the memory, and keeps others from it.
  ///
  /// Any process that may open the memory can hold that lock, too. So the wait ends when nothing
  /// moves for a while, and at last in any case.
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
          ? "another process is growing it, and does not get on"
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

  /// The size of the file, which is no smaller than this handle.
  borrowing func presentByteCount() throws(InterprocessError) -> Int {
    let present = try translating({ growing($0) }) { () throws(Errno) in
      try Files.status(of: mapping.descriptor).byteCount
    }
    guard present >= byteCount else {
      throw InterprocessError(
        code: .invalidSize, name: segmentName?.value,
        message: """
          Someone has shrunk this memory from \(byteCount) to \(present) bytes. Close it, and do \
          not touch its bytes.
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
