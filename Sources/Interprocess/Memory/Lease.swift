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

/// What a handle holds for as long as it uses a segment, and what the kernel drops when the process
/// ends, however it ends: a shared lock on a byte far behind the segment's end.
///
/// No byte of the memory and no process number is involved, so that neither a crash nor a reused
/// number can leave a wrong trace.
///
/// Who wants to remove the name of a temporary segment claims it first, by the same lock held
/// exclusively, which nobody can get while a handle is open anywhere. What each side may see:
///
/// - A creator holds its lease before the segment has a name.
/// - An attacher takes a lease only on a segment on which it has just seen another's (a claim is
///   none: who holds it may be killed before the name is gone), and looks afterwards whether the
///   name still leads to the segment. So an attacher revives no segment that is without
///   holders, and two attachers that meet cannot take each other for holders.
/// - The last one to close drops its lease before it claims. Two that close at once may both find
///   no lease; the kernel gives the claim to one. If they did it the other way round, each would
///   see the other's lease, and neither would remove the name.
/// - A child that `fork` has made has no lease, and may take one as an attacher does. If it sees
///   none, its parent is gone, and it claims the segment first. That keeps out removers, sweepers
///   and attachers; so if the name leads to the segment then, it goes on doing so. The kernel turns
///   the claim into a lease in one step.
/// - Whoever is killed between two of these steps loses lease and claim at that moment. What is
///   left is a segment with a name and without holders: stale, for the next creator or sweep to
///   remove.
///
/// Anyone who may open the file can lock these bytes too, by `lockf` or with locks like these. A
/// lock is this library's if it belongs to an open file description and covers no more than the
/// bytes that one handle locks; any other is foreign.
///
/// - A foreign exclusive lock on the byte says that nobody holds a lease: it would not be there
///   otherwise. So the segment is stale if it is temporary, and cannot be removed until that lock
///   is gone. Lasting memory is used without a lease then: its name does not depend on any.
/// - A foreign shared lock says nothing, and hides what the kernel would tell next. Then
///   `/proc/locks` is asked for leases. A claim fails while it lasts.
/// - An attacker who imitates a lease or a claim to the byte keeps a stale name, as one who
///   attaches would, and nothing else.
enum Lease {
  /// The byte whose lock says "someone uses this segment".
  ///
  /// Locks may lie behind the end of a file, and no segment is that large.
  static let byteOffset = 1 << 62

  /// What came of an attempt to take a lease.
  enum Outcome: Sendable {
    case taken
    /// Somebody has claimed the segment, which is being removed, or holds a foreign lock.
    case held
    /// The system lets nobody take one.
    case refused(Errno)
  }

  /// Takes a lease on an open segment, which the descriptor then holds.
  static func take(on descriptor: borrowing Descriptor) throws(Errno) -> Outcome {
    do {
      return try FileLocks.tryLock(.shared, byte: byteOffset, of: descriptor) ? .taken : .held
    } catch {
      guard FileLocks.isRefusal(error) else { throw error }
      return .refused(error)
    }
  }

  /// As `take`, for one who cannot do without.
  ///
  /// - Returns: `false` if it is held by somebody else.
  static func takeIfFree(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    switch try take(on: descriptor) {
    case .taken: true
    case .held: false
    case .refused(let errno): throw errno
    }
  }

  /// Who holds a segment, apart from the descriptor that asks.
  enum Holders: Sendable {
    case nobody
    /// Handles that have leases.
    case handles
    /// One who is about to remove it.
    case remover
    /// Nobody who is known, and a foreign lock that keeps others from removing it; perhaps handles,
    /// if the lock hides them and `/proc/locks` cannot be read.
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

  /// Whether anybody else holds a lease, or may.
  static func isLeasedByOthers(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    switch try holders(of: descriptor) {
    case .nobody, .remover: false
    case .handles: true
    case .foreign(_, let mayHideHandles): mayHideHandles
    }
  }

  /// Whether a lock can be one of this library's.
  ///
  /// One handle may hold locks on bytes that lie side by side, which the kernel then tells as one:
  /// its claim with a role, or two numbers.
  private static func isOwn(_ lock: FileLocks.Lock) -> Bool {
    lock.processID == nil && lock.bytes.lowerBound >= byteOffset
      && lock.bytes.upperBound - lock.bytes.lowerBound < 2
  }

  /// Claims a segment for removal.
  ///
  /// - Returns: `false` if anybody holds a lease or a claim.
  static func claim(_ descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset, of: descriptor)
  }

  /// Who holds a segment and so keeps this process from removing it.
  ///
  /// - Parameter claiming: Whether to claim it if nobody does.
  static func holders(
    of descriptor: borrowing Descriptor, claiming: Bool
  ) throws(Errno) -> Holders {
    if claiming, try claim(descriptor) { return .nobody }
    let holders = try holders(of: descriptor)
    // Whoever held it has let go since.
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
    /// Enlarging the memory. Not beside another byte, whose lock would become one with this.
    case grower = 2
  }

  /// Takes a role, which the descriptor then holds until it is closed.
  ///
  /// It is an exclusive lock on a byte of its own: free at once when its holder ends.
  ///
  /// - Returns: `false` if another handle has it.
  static func take(_ role: Role, on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset(of: role), of: descriptor)
  }

  /// Gives a role back.
  static func drop(_ role: Role, on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset(of: role), of: descriptor)
  }

  /// The foreign lock that keeps everybody from a role, if there is one.
  static func foreignLock(
    on role: Role, of descriptor: borrowing Descriptor
  ) throws(Errno) -> FileLocks.Lock? {
    let lock = try FileLocks.obstacle(to: .exclusive, byte: byteOffset(of: role), of: descriptor)
    return lock.flatMap { isOwn($0) ? nil : $0 }
  }

  private static func byteOffset(of role: Role) -> Int { byteOffset + 1 + role.rawValue }

  // MARK: - Numbers

  /// Takes a number, by which the words of a structured segment name a handle, until it is closed.
  ///
  /// It is an exclusive lock on the byte of that number. So anyone who finds the number in a word
  /// can ask whether its holder lives.
  ///
  /// - Returns: `false` if another handle has it.
  static func takeNumber(
    _ number: UInt32, on descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset(ofNumber: number), of: descriptor)
  }

  /// Gives a number back.
  static func dropNumber(_ number: UInt32, on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset(ofNumber: number), of: descriptor)
  }

  /// Whether another handle than that of the descriptor has a number.
  ///
  /// Only an exclusive lock on its byte says so, and not a foreign one: had the holder of the
  /// number its lock, nobody else would have that one.
  static func isNumberTaken(
    _ number: UInt32, byOthersThan descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    // What keeps one from a shared lock is an exclusive one.
    let lock = try FileLocks.obstacle(
      to: .shared, byte: byteOffset(ofNumber: number), of: descriptor)
    return lock.map(isOwn) ?? false
  }

  /// The lock that keeps everybody from a number, if there is one.
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
