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

/// What a handle holds while it uses a segment: a shared lock on a byte far past the segment's
/// end.
///
/// The kernel drops it when the process ends, however it ends. No byte of the memory and no process
/// number is involved, so that neither a crash nor a reused number can leave a wrong trace.
///
/// A process that wants to remove the name of a temporary segment claims the segment first, by
/// holding the same lock exclusively, which no process can get while a handle is open anywhere.
/// What each side may see:
///
/// - A creator holds its lease before the segment has a name.
/// - An attacher takes a lease only on a segment on which it has just seen another lease (a claim
///   does not count: its holder may be killed before the name is removed), and then checks whether
///   the name still leads to the segment. So an attacher revives no segment without holders, and
///   two attachers that meet cannot take each other for holders.
/// - The last handle to close drops its lease before it claims. Two that close at once may both
///   find no lease; the kernel gives the claim to one. In the other order, each would see the
///   other's lease, and neither would remove the name.
/// - A child created by `fork` has no lease, and may take one as an attacher does. If it sees none,
///   its parent is gone, and it claims the segment first. That keeps out removers, sweepers and
///   attachers; so if the name leads to the segment then, it continues to. The kernel turns the
///   claim into a lease in one step.
/// - A process killed between two of these steps loses its lease and claim at that moment. What is
///   left is a segment with a name and without holders: stale, for the next creator or sweep to
///   remove.
///
/// Any process that may open the file can lock these bytes too, by `lockf` or with locks like
/// these. A lock counts as this library's if it belongs to an open file description and covers no
/// more than the bytes that one handle locks; any other is foreign.
///
/// - A foreign exclusive lock on the byte shows that no process holds a lease: the two cannot
///   coexist. So the segment is stale if it is temporary, and cannot be removed until that lock is
///   gone. Lasting memory is then used without a lease: its name does not depend on any.
/// - A foreign shared lock shows nothing, and hides what the kernel would report next. Then
///   `/proc/locks` is searched for leases. A claim fails while the lock lasts.
/// - An attacker that imitates a lease or a claim to the byte keeps a stale name, as an attached
///   process would, and can do no more.
enum Lease {
  /// The byte whose lock says "a process uses this segment".
  ///
  /// Locks may lie past the end of a file, and no segment is that large.
  static let byteOffset = 1 << 62

  /// The result of an attempt to take a lease.
  enum Outcome: Sendable {
    case taken
    /// Another process has claimed the segment, which is being removed, or holds a foreign lock.
    case held
    /// The system lets no process take one.
    case refused(Errno)
  }

  /// Takes a lease on an open segment; the descriptor then holds it.
  static func take(on descriptor: borrowing Descriptor) throws(Errno) -> Outcome {
    do {
      return try FileLocks.tryLock(.shared, byte: byteOffset, of: descriptor) ? .taken : .held
    } catch {
      guard FileLocks.isRefusal(error) else { throw error }
      return .refused(error)
    }
  }

  /// The same as `take`, for a caller that cannot do without a lease.
  ///
  /// - Returns: `false` if another process holds it.
  static func takeIfFree(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    switch try take(on: descriptor) {
    case .taken: true
    case .held: false
    case .refused(let errno): throw errno
    }
  }

  /// What holds a segment, apart from the descriptor that asks.
  enum Holders: Sendable {
    case nobody
    /// Handles that have leases.
    case handles
    /// A process that is about to remove the segment.
    case remover
    /// No known holder, and a foreign lock that keeps others from removing the segment; perhaps
    /// handles, if the lock hides them and `/proc/locks` cannot be read.
    case foreign(FileLocks.Lock, mayHideHandles: Bool)
  }

  /// - Complexity: One system call; with a foreign shared lock on the byte, linear in the number of
  ///   all locks of the machine.
  static func holders(of descriptor: borrowing Descriptor) throws(Errno) -> Holders {
    guard
      let lock = try FileLocks.obstacle(to: .exclusive, byte: byteOffset, of: descriptor)
    else { return .nobody }
    if isOwn(lock) { return lock.kind == .shared ? .handles : .remover }
    if lock.kind == .exclusive { return .foreign(lock, mayHideHandles: false) }
    let identity = try Files.status(of: descriptor).identity
    guard let table = try? LockTable(byte: byteOffset) else {
      return .foreign(lock, mayHideHandles: true)
    }
    let file = KernelFile(descriptor, identity, mounts: MountTable())
    return table.count(of: file) > 0 ? .handles : .foreign(lock, mayHideHandles: false)
  }

  /// Whether another handle holds a lease, or may hold one.
  static func isLeasedByOthers(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    switch try holders(of: descriptor) {
    case .nobody, .remover: false
    case .handles: true
    case .foreign(_, let mayHideHandles): mayHideHandles
    }
  }

  /// Whether a lock can be one of this library's.
  ///
  /// One handle may hold locks on adjacent bytes, which the kernel then reports as one: its claim
  /// and a role, or two numbers.
  private static func isOwn(_ lock: FileLocks.Lock) -> Bool {
    lock.processID == nil && lock.bytes.lowerBound >= byteOffset
      && lock.bytes.upperBound - lock.bytes.lowerBound < 2
  }

  /// Claims a segment for removal.
  ///
  /// - Returns: `false` if another process holds a lease or a claim.
  static func claim(_ descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset, of: descriptor)
  }

  /// What holds a segment and so keeps this process from removing it.
  ///
  /// - Parameter claiming: Whether to claim it if nothing does.
  static func holders(
    of descriptor: borrowing Descriptor, claiming: Bool
  ) throws(Errno) -> Holders {
    if claiming, try claim(descriptor) { return .nobody }
    let holders = try holders(of: descriptor)
    // The holder has let go since.
    if claiming, case .nobody = holders { return .remover }
    return holders
  }

  /// Gives up the lease or the claim.
  static func drop(on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset, of: descriptor)
  }

  // MARK: - Roles

  /// What only one handle at a time may do with a segment.
  enum Role: Int {
    case writer
    /// Enlarging the memory. Not adjacent to another byte, whose lock would merge with this one.
    case grower = 2
  }

  /// Takes a role; the descriptor then holds it until it is closed.
  ///
  /// It is an exclusive lock on a byte of its own: free as soon as its holder ends.
  ///
  /// - Returns: `false` if another handle holds it.
  static func take(_ role: Role, on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset(of: role), of: descriptor)
  }

  /// Gives a role back.
  static func drop(_ role: Role, on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset(of: role), of: descriptor)
  }

  /// The foreign lock that keeps every process from a role, if there is one.
  static func foreignLock(
    on role: Role, of descriptor: borrowing Descriptor
  ) throws(Errno) -> FileLocks.Lock? {
    let lock = try FileLocks.obstacle(to: .exclusive, byte: byteOffset(of: role), of: descriptor)
    return lock.flatMap { isOwn($0) ? nil : $0 }
  }

  private static func byteOffset(of role: Role) -> Int { byteOffset + 1 + role.rawValue }

  // MARK: - Numbers

  /// Takes a number by which the words of a structured segment name a handle, until it is closed.
  ///
  /// It is an exclusive lock on the byte of that number. So any process that finds the number in a
  /// word can check whether its holder lives.
  ///
  /// - Returns: `false` if another handle holds it.
  static func takeNumber(
    _ number: UInt32, on descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset(ofNumber: number), of: descriptor)
  }

  /// Gives a number back.
  static func dropNumber(_ number: UInt32, on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset(ofNumber: number), of: descriptor)
  }

  /// Whether a handle other than that of the descriptor holds a number.
  ///
  /// Only an exclusive lock on its byte proves that, and only if it is not foreign: while the
  /// holder of the number has its lock, no other process can have a foreign one.
  static func isNumberTaken(
    _ number: UInt32, byOthersThan descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    // Only an exclusive lock prevents a shared one.
    let lock = try FileLocks.obstacle(
      to: .shared, byte: byteOffset(ofNumber: number), of: descriptor)
    return lock.map(isOwn) ?? false
  }

  /// The lock that keeps every process from a number, if there is one.
  static func obstacle(
    toNumber number: UInt32, on descriptor: borrowing Descriptor
  ) throws(Errno) -> FileLocks.Lock? {
    try FileLocks.obstacle(to: .exclusive, byte: byteOffset(ofNumber: number), of: descriptor)
  }

  /// The byte whose lock says "the holder of this number lives".
  static func byteOffset(ofNumber number: UInt32) -> Int {
    // Behind the bytes of the lease and the roles.
    byteOffset + (1 << 32) + Int(number)
  }
}
