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

internal import Synchronization
internal import SystemPackage

/// The number that names a handle in the words of a structured segment, as the holder of a lock, a
/// permit or a role.
///
/// A process that finds it in a word asks the kernel whether its holder lives: the number is a lock
/// on the segment's file that goes with the handle. It is taken when it is first needed, and drawn
/// at random, so that a free number is found without trusting any word. A child created by `fork`,
/// which holds none of the locks of its parent, takes a new one.
struct HolderNumber: ~Copyable, Sendable {
  /// The numbers that a handle may have.
  ///
  /// 0 means no holder, and the number after the range means a holder that died.
  static let range: Range<UInt32> = 1..<0x3FFF_FFFF

  /// The state of a closed handle; it belongs to no generation.
  private static let closed = UInt64.max

  private let segment: StructuredSegment
  /// The generation of forks in the upper half, the number in the lower one; 0 before there is one.
  private let state = Atomic<UInt64>(0)

  init(in segment: StructuredSegment) { self.segment = segment }

  /// The number of this handle in this process, if it already has one.
  var valueIfTaken: UInt32? { Self.number(in: state.load(ordering: .acquiring)) }

  private static func number(in state: UInt64) -> UInt32? {
    state != 0 && UInt32(state >> 32) == Descriptor.generation
      ? UInt32(truncatingIfNeeded: state) : nil
  }

  /// The number of this handle in this process.
  ///
  /// - Parameter forget: Called with a number that is about to be used for the first time, perhaps
  ///   more than once with different numbers. Words that name it were written by a dead holder, and
  ///   must not be taken for words of this one.
  /// - Throws: `system`: `resourceTemporarilyUnavailable` if a lock of another program covers the
  ///   bytes of the numbers.
  func value(forgetting forget: (UInt32) -> Void) throws(InterprocessError) -> UInt32 {
    let found = state.load(ordering: .acquiring)
    if let number = Self.number(in: found) { return number }
    do {
      if let number = try claim(instead: found, forgetting: forget) { return number }
    } catch {
      throw .locking(
        segment.name, error, action: "take a number for \(description)",
        need: "locks, permits, queues and topics need")
    }
    // All numbers are locked, so any of them shows which program holds the lock.
    let lock = try? Lease.obstacle(
      toNumber: .random(in: Self.range), on: segment.memory.mapping.descriptor)
    throw .locked(segment.name, by: lock, action: "use \(description)")
  }

  private var description: String {
    segment.name.isEmpty ? "this memory" : "\"\(segment.name)\""
  }

  /// How many numbers to try.
  ///
  /// A draw hits the number of another handle once in many million times; if this many draws in a
  /// row are locked, another program has locked all numbers.
  private static let drawLimit = 64

  /// - Returns: `nil` if all numbers that were tried are locked.
  private func claim(
    instead old: UInt64, forgetting forget: (UInt32) -> Void
  ) throws(Errno) -> UInt32? {
    if old == Self.closed { failAsClosed() }
    guard let number = try draw() else { return nil }
    forget(number)
    // No lock of this process is used, as a child of `fork` could inherit it taken. If two threads
    // come here, one gives its number back.
    let (exchanged, current) = state.compareExchange(
      expected: old, desired: UInt64(Descriptor.generation) << 32 | UInt64(number),
      ordering: .acquiringAndReleasing)
    if exchanged { return number }
    if current == Self.closed { failAsClosed() }
    let winner = UInt32(truncatingIfNeeded: current)
    // Both may even have drawn the same number.
    if winner != number { try Lease.dropNumber(number, on: segment.memory.mapping.descriptor) }
    return winner
  }

  private func draw() throws(Errno) -> UInt32? {
    for _ in 0..<Self.drawLimit {
      let number = UInt32.random(in: Self.range)
      if try Lease.takeNumber(number, on: segment.memory.mapping.descriptor) { return number }
    }
    return nil
  }

  /// Marks the handle as closed, so that nothing more begins under its number.
  ///
  /// The number stays taken until the handle's file is closed: a thread that is waiting at this
  /// moment may still write it.
  ///
  /// - Returns: The number, if the handle has one in this process.
  func close() -> UInt32? {
    Self.number(in: state.exchange(Self.closed, ordering: .acquiringAndReleasing))
  }

  /// Whether the holder of a number found in a word is dead, or its handle closed.
  ///
  /// - Parameter own: The number of this handle, whose holder is alive.
  static func isDead(
    _ number: UInt32, own: UInt32, on descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    if number == own { return false }
    return try !Lease.isNumberTaken(number, byOthersThan: descriptor)
  }

  /// The same for a thread that looks in place of a waiter.
  ///
  /// - Returns: `true` also if the waiter is to find out itself, as the handle has been closed, or
  ///   the system does not answer.
  static func seemsDead(_ number: UInt32, own: UInt32, in segment: StructuredSegment) -> Bool {
    if segment.isClosed.load(ordering: .relaxed) { return true }
    return (try? isDead(number, own: own, on: segment.memory.mapping.descriptor)) ?? true
  }
}
