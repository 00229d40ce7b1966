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
  ///   - descriptor: The segment's file, by the descriptor of the handle.
  ///   - forget: Called with a number that is about to be used for the first time, perhaps more
  ///     than once with several numbers. Words that name it were written by a holder that is dead,
  ///     and must not be taken for words of this one.
  func value(
    on descriptor: borrowing Descriptor, forgetting forget: (UInt32) -> Void
  ) throws(Errno) -> UInt32 {
    let found = state.load(ordering: .acquiring)
    if let number = Self.number(in: found) { return number }
    return try claim(on: descriptor, instead: found, forgetting: forget)
  }

  private func claim(
    on descriptor: borrowing Descriptor, instead old: UInt64, forgetting forget: (UInt32) -> Void
  ) throws(Errno) -> UInt32 {
    var number: UInt32
    repeat {
      number = .random(in: Self.range)
    } while try !Lease.takeNumber(number, on: descriptor)
    forget(number)
    // Without a lock of this process, which a child of `fork` could find taken. Of two threads that
    // come here, one gives its number back.
    let (exchanged, current) = state.compareExchange(
      expected: old, desired: UInt64(Descriptor.generation) << 32 | UInt64(number),
      ordering: .acquiringAndReleasing)
    if exchanged { return number }
    let winner = UInt32(truncatingIfNeeded: current)
    // Both may even have drawn the same one.
    if winner != number { try Lease.dropNumber(number, on: descriptor) }
    return winner
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
