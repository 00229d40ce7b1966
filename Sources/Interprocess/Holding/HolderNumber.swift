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

/// The number by which the words of a structured segment name a handle that holds a lock, a permit
/// or a role.
///
/// Whoever finds it in a word asks the kernel whether its holder lives: the number is a lock on the
/// segment's file that goes with the handle. It is taken when it is first needed, at random, so
/// that no word has to be believed to find a free one; and taken anew in a child that `fork` has
/// made, which holds none of the locks of its parent.
struct HolderNumber: ~Copyable, Sendable {
  /// The numbers that a handle may have.
  ///
  /// 0 stands for nobody, and the one behind them for a holder that died.
  static let range: Range<UInt32> = 1..<0x3FFF_FFFF

  /// The state of a handle that is closed; it is of no generation.
  private static let closed = UInt64.max

  /// The generation of forks in the upper half, the number in the lower one; 0 before there is one.
  private let state = Atomic<UInt64>(0)

  /// The number of this handle in this process, if it has one already.
  var valueIfTaken: UInt32? { Self.number(in: state.load(ordering: .acquiring)) }

  private static func number(in state: UInt64) -> UInt32? {
    state != 0 && UInt32(state >> 32) == Descriptor.generation
      ? UInt32(truncatingIfNeeded: state) : nil
  }

  /// The number of this handle in this process.
  ///
  /// - Parameters:
  ///   - memory: The segment, by the handle.
  ///   - forget: Called with a number that is about to be used for the first time, perhaps more
  ///     than once with several numbers. Words that name it were written by a holder that is dead,
  ///     and must not be taken for words of this one.
  /// - Throws: `system`: `resourceTemporarilyUnavailable` if a lock of another program covers the
  ///   bytes of the numbers.
  func value(
    _ memory: borrowing SharedMemory, forgetting forget: (UInt32) -> Void
  ) throws(InterprocessError) -> UInt32 {
    let found = state.load(ordering: .acquiring)
    if let number = Self.number(in: found) { return number }
    do {
      if let number = try claim(
        on: memory.mapping.descriptor, instead: found, forgetting: forget)
      {
        return number
      }
    } catch {
      throw .locking(
        memory.name, error, action: "take a number for \(Self.description(of: memory))",
        need: "locks, permits, queues and topics need")
    }
    // Any other number would do to find out who locks them all.
    let lock = try? Lease.obstacle(
      toNumber: .random(in: Self.range), on: memory.mapping.descriptor)
    throw .locked(memory.name, by: lock, action: "use \(Self.description(of: memory))")
  }

  private static func description(of memory: borrowing SharedMemory) -> String {
    memory.name.isEmpty ? "this memory" : "\"\(memory.name)\""
  }

  /// How many numbers are tried.
  ///
  /// One of another handle comes up once in many million draws; with so many in a row that are
  /// locked, another program has locked them all.
  private static let drawLimit = 64

  /// - Returns: `nil` if all numbers that were tried are locked.
  private func claim(
    on descriptor: borrowing Descriptor, instead old: UInt64, forgetting forget: (UInt32) -> Void
  ) throws(Errno) -> UInt32? {
    if old == Self.closed { failAsClosed() }
    guard let number = try draw(on: descriptor) else { return nil }
    forget(number)
    // Without a lock of this process, which a child of `fork` could find taken. Of two threads that
    // come here, one gives its number back.
    let (exchanged, current) = state.compareExchange(
      expected: old, desired: UInt64(Descriptor.generation) << 32 | UInt64(number),
      ordering: .acquiringAndReleasing)
    if exchanged { return number }
    if current == Self.closed { failAsClosed() }
    let winner = UInt32(truncatingIfNeeded: current)
    // Both may even have drawn the same one.
    if winner != number { try Lease.dropNumber(number, on: descriptor) }
    return winner
  }

  private func draw(on descriptor: borrowing Descriptor) throws(Errno) -> UInt32? {
    for _ in 0..<Self.drawLimit {
      let number = UInt32.random(in: Self.range)
      if try Lease.takeNumber(number, on: descriptor) { return number }
    }
    return nil
  }

  /// Lets the handle begin nothing more under its number, which stays taken until the handle's file
  /// is closed: a thread that waits at this moment may still write it.
  ///
  /// - Returns: The number, if the handle has one in this process.
  func close() -> UInt32? {
    Self.number(in: state.exchange(Self.closed, ordering: .acquiringAndReleasing))
  }

  /// Whether the holder of a number that was found in a word is dead, or its handle closed.
  ///
  /// - Parameter own: The number of this handle, whose holder is alive.
  static func isDead(
    _ number: UInt32, own: UInt32, on descriptor: borrowing Descriptor
  ) throws(Errno) -> Bool {
    if number == own { return false }
    return try !Lease.isNumberTaken(number, byOthersThan: descriptor)
  }
}
