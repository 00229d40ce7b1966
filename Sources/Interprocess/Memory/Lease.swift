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
///   name still leads to the segment. So a segment without holders stays without: nobody revives
///   it, and two attachers that meet cannot take each other for holders.
/// - The last one to close drops its lease before it claims. Two that close at once may both find
///   no lease; the kernel gives the claim to one. If they did it the other way round, each would
///   see the other's lease, and neither would remove the name.
/// - Whoever is killed between two of these steps loses lease and claim at that moment. What is
///   left is a segment with a name and without holders: stale, for the next creator or sweep to
///   remove.
enum Lease {
  /// The byte whose lock says "someone uses this segment".
  ///
  /// Locks may lie behind the end of a file, and no segment is that large.
  static let byteOffset = 1 << 62

  /// Takes a lease on an open segment, which the descriptor then holds.
  ///
  /// - Returns: `false` if somebody has claimed the segment: it is being removed.
  static func take(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.shared, byte: byteOffset, of: descriptor)
  }

  /// Whether anybody else holds a lease.
  static func isLeasedByOthers(on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.othersLock(byte: byteOffset, of: descriptor) == .shared
  }

  /// Claims a segment for removal.
  ///
  /// - Returns: `false` if anybody holds a lease or a claim.
  static func claim(_ descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset, of: descriptor)
  }

  /// Gives up the lease or the claim.
  static func drop(on descriptor: borrowing Descriptor) throws(Errno) {
    try FileLocks.unlock(byte: byteOffset, of: descriptor)
  }

  // MARK: - Roles

  /// What only one handle at a time may do with a segment.
  enum Role: Int {
    case writer
  }

  /// Takes a role, which the descriptor then holds until it is closed.
  ///
  /// It is an exclusive lock on a byte of its own: free at once when its holder ends.
  ///
  /// - Returns: `false` if another handle has it.
  static func take(_ role: Role, on descriptor: borrowing Descriptor) throws(Errno) -> Bool {
    try FileLocks.tryLock(.exclusive, byte: byteOffset + 1 + role.rawValue, of: descriptor)
  }

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
  static func isNumberTaken(
    _ number: UInt32, byOthersThan descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    try FileLocks.othersLock(byte: byteOffset(ofNumber: number), of: descriptor) != nil
  }

  /// The byte whose lock says "the holder of this number lives".
  static func byteOffset(ofNumber number: UInt32) -> Int {
    // Behind the bytes of the lease and the roles.
    byteOffset + (1 << 32) + Int(number)
  }
}
