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

public import Synchronization
internal import SystemPackage

// Words of shared memory that several processes read and write at once.
extension MappedRange {
  /// A word of 8 bytes.
  ///
  /// The mapping must be writable if the caller stores through it.
  ///
  /// - Precondition: The word lies within the memory, and its offset is a multiple of 8.
  func word(at offset: Int) -> SharedWord {
    precondition(offset.isMultiple(of: 8), "An atomic word lies at a multiple of its size")
    // SAFETY: `pointer` has checked that the bytes are mapped; a mapping begins on a page, so the
    // word is aligned. An `Atomic` has the representation of its value, and every bit pattern is
    // valid.
    return unsafe SharedWord(
      pointer: pointer(at: offset, byteCount: 8).assumingMemoryBound(to: Atomic<UInt64>.self))
  }

  /// A word of 4 bytes, on which a thread can sleep.
  ///
  /// - Precondition: The word lies within the memory, which is writable, and its offset is a
  ///   multiple of 4.
  func word32(at offset: Int) -> SharedWord32 {
    precondition(offset.isMultiple(of: 4), "An atomic word lies at a multiple of its size")
    // SAFETY: as for `word(at:)`.
    return unsafe SharedWord32(
      pointer: UnsafePointer(
        mutablePointer(at: offset, byteCount: 4).assumingMemoryBound(to: Atomic<UInt32>.self)))
  }

  /// A word of 4 bytes that is only read and slept on.
  ///
  /// - Precondition: The word lies within the memory, and its offset is a multiple of 4.
  func readOnlyWord32(at offset: Int) -> SharedWord32 {
    precondition(offset.isMultiple(of: 4), "An atomic word lies at a multiple of its size")
    // SAFETY: as for `word(at:)`.
    return unsafe SharedWord32(
      pointer: pointer(at: offset, byteCount: 4).assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  /// The given number of words of 8 bytes.
  func words(at offset: Int, count: Int) -> SharedWords {
    precondition(offset.isMultiple(of: 8), "An atomic word lies at a multiple of its size")
    // SAFETY: as for `word(at:)`.
    return unsafe SharedWords(
      start: pointer(at: offset, byteCount: 8 * count).assumingMemoryBound(
        to: Atomic<UInt64>.self), count: count)
  }
}

/// A word of shared memory, used only while its mapping lives.
@safe @usableFromInline
struct SharedWord: @unchecked Sendable {
  // Sendable: an address is the same in every thread, and what lies there is atomic.
  @usableFromInline let pointer: UnsafePointer<Atomic<UInt64>>

  @unsafe @inlinable
  init(pointer: UnsafePointer<Atomic<UInt64>>) { unsafe self.pointer = unsafe pointer }

  // SAFETY, for all of these: the pointer was checked when the word was made, and the caller keeps
  // the mapping while it uses the word.
  @inlinable func loadRelaxed() -> UInt64 { unsafe pointer.pointee.load(ordering: .relaxed) }
  @inlinable func loadAcquiring() -> UInt64 { unsafe pointer.pointee.load(ordering: .acquiring) }
  @inlinable func storeRelaxed(_ value: UInt64) {
    unsafe pointer.pointee.store(value, ordering: .relaxed)
  }
  func addRelaxed(_ value: UInt64) { unsafe pointer.pointee.wrappingAdd(value, ordering: .relaxed) }
  /// - Returns: The previous value of the word.
  func addReleasing(_ value: UInt64) -> UInt64 {
    unsafe pointer.pointee.wrappingAdd(value, ordering: .releasing).oldValue
  }
  func orRelaxed(_ value: UInt64) { unsafe pointer.pointee.bitwiseOr(value, ordering: .relaxed) }
  /// - Returns: The previous value of the word.
  func exchangeReleasing(_ value: UInt64) -> UInt64 {
    unsafe pointer.pointee.exchange(value, ordering: .releasing)
  }
  @inlinable func storeReleasing(_ value: UInt64) {
    unsafe pointer.pointee.store(value, ordering: .releasing)
  }
}

/// A word of 4 bytes of shared memory, used only while its mapping lives.
@safe @usableFromInline
struct SharedWord32: @unchecked Sendable {
  // Sendable: an address is the same in every thread, and what lies there is atomic.
  @usableFromInline let pointer: UnsafePointer<Atomic<UInt32>>

  @unsafe init(pointer: UnsafePointer<Atomic<UInt32>>) { unsafe self.pointer = unsafe pointer }

  /// The generation of this process; see `Descriptor.generation`.
  static var generation: SharedWord32 {
    // SAFETY: the word is there for as long as the process runs, and an `Atomic` has the
    // representation of its value.
    unsafe SharedWord32(
      pointer: UnsafeRawPointer(Descriptor.generationWord)
        .assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  /// Distinguishes it from other words of this process.
  var address: UInt { UInt(bitPattern: unsafe pointer) }

  /// How often to try a change that other threads can foil by changing the word.
  ///
  /// Each failure is a change by another thread within some nanoseconds. Even many threads do not
  /// foil the same change that often in a row, unless one of them does nothing else.
  static let attemptLimit = 1 << 16

  // SAFETY, for all of these: as for `SharedWord`.
  @inlinable func loadRelaxed() -> UInt32 { unsafe pointer.pointee.load(ordering: .relaxed) }
  @inlinable func loadAcquiring() -> UInt32 { unsafe pointer.pointee.load(ordering: .acquiring) }
  func storeReleasing(_ value: UInt32) {
    unsafe pointer.pointee.store(value, ordering: .releasing)
  }
  func incrementReleasing() {
    unsafe pointer.pointee.wrappingAdd(1, ordering: .releasing)
  }
  /// - Returns: The previous value of the word.
  func orRelaxed(_ value: UInt32) -> UInt32 {
    unsafe pointer.pointee.bitwiseOr(value, ordering: .relaxed).oldValue
  }
  func andReleasing(_ value: UInt32) {
    unsafe pointer.pointee.bitwiseAnd(value, ordering: .releasing)
  }
  func exchangeReleasing(_ value: UInt32) -> UInt32 {
    unsafe pointer.pointee.exchange(value, ordering: .releasing)
  }
  /// - Returns: Whether the word had the value `expected`.
  func compareExchangeAcquiring(_ expected: UInt32, _ value: UInt32) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected, desired: value, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }
  func compareExchangeReleasing(_ expected: UInt32, _ value: UInt32) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected, desired: value, successOrdering: .releasing, failureOrdering: .relaxed
    ).exchanged
  }
  func compareExchangeAcquiringAndReleasing(_ expected: UInt32, _ value: UInt32) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected, desired: value, successOrdering: .acquiringAndReleasing,
      failureOrdering: .relaxed
    ).exchanged
  }
  func compareExchangeRelaxed(_ expected: UInt32, _ value: UInt32) -> Bool {
    unsafe pointer.pointee.compareExchange(
      expected: expected, desired: value, ordering: .relaxed
    ).exchanged
  }

  /// Sleeps while the word has a value; see `Futex`.
  func sleep(while value: UInt32, until end: SuspendingClock.Instant) throws(Errno) {
    unsafe try Futex.wait(on: pointer, while: value, atMost: end - .now)
  }

  /// The most words on which one call can sleep.
  static let sleepLimit = 128

  /// Sleeps while each of several words has its value; see `Futex`.
  static func sleep(
    onAnyOf words: [(SharedWord32, while: UInt32)], atMost timeout: Duration?
  ) throws(Errno) -> Bool {
    try unsafe Futex.wait(
      onAnyOf: words.map { unsafe ($0.0.pointer, while: $0.while) }, atMost: timeout)
  }

  /// Wakes at most `count` of the waiters that sleep on the word, in all processes.
  ///
  /// - Returns: How many were woken.
  @discardableResult
  func wake(_ count: Int) -> Int {
    unsafe Futex.wake(count, on: pointer)
  }
}

/// Distinguishes the process that took something from a child created by `fork`, which has a copy
/// of this and of what was taken.
@usableFromInline
struct Taken: Sendable {
  @usableFromInline let current = SharedWord32.generation
  @usableFromInline let generation = Descriptor.generation

  init() {}

  /// One load and one comparison, for clients to inline.
  @inlinable @inline(__always) var isOwn: Bool { current.loadRelaxed() == generation }
}

/// A value of shared memory as words, each of which is loaded and stored in one step.
@safe @usableFromInline
struct SharedWords: @unchecked Sendable {
  // Sendable: an address is the same in every thread, and what lies there is atomic.
  @usableFromInline let start: UnsafePointer<Atomic<UInt64>>
  @usableFromInline let count: Int

  @unsafe @inlinable
  init(start: UnsafePointer<Atomic<UInt64>>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  // SAFETY, for all of these: as for `SharedWord`, the pointer was checked and the caller keeps the
  // mapping.

  /// A word.
  ///
  /// - Precondition: There is such a word; this is not checked.
  @unsafe @inlinable
  subscript(index: Int) -> SharedWord { unsafe SharedWord(pointer: start + index) }

  /// The given number of words, from one on.
  ///
  /// - Precondition: There are that many; this is not checked.
  @unsafe @inlinable
  func part(at index: Int, count: Int) -> SharedWords {
    unsafe SharedWords(start: start + index, count: count)
  }

  /// Loads all words into another span, each relaxed.
  @inlinable @inline(__always)
  func load(into words: inout MutableSpan<UInt64>) {
    precondition(words.count == count, "A value has as many words as its copy")
    for index in 0..<count {
      unsafe words[unchecked: index] = unsafe start[index].load(ordering: .relaxed)
    }
  }

  /// Stores all words from another span, each relaxed.
  @inlinable @inline(__always)
  func store(_ words: Span<UInt64>) {
    precondition(words.count == count, "A value has as many words as its copy")
    for index in 0..<count {
      unsafe start[index].store(words[unchecked: index], ordering: .relaxed)
      if index == count / 2 { checkpoint(.storeHalfWritten) }
    }
  }
}

extension Checkpoint {
  @inlinable package static var storeHalfWritten: Checkpoint { Checkpoint("storeHalfWritten") }
}
