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

/// The memory of a shared value: the latest version, and the slots of the last few values.
///
/// It moves words and knows no types, so that a client's compiler need not compile it for each type
/// of value.
@usableFromInline
struct ValueSlots: ~Copyable, Sendable {
  // The memory holds the latest version number, and a ring of slots. Version n lies in slot n %
  // slotCount, under its number. All words are atomic. The writer stores version n as follows:
  //
  //   W1  slot.version = 0         releasing
  //   W2  fence                    releasing
  //   W3  slot.words = value       relaxed, each
  //   W4  slot.version = n         releasing
  //   W5  version = n              releasing
  //
  // A reader loads as follows:
  //
  //   R1  v = version              acquiring, pairs with W5
  //   R2  s = slot.version         acquiring, pairs with W4 and W1; of slot v % slotCount
  //   R3  value = slot.words       relaxed, each
  //   R4  fence                    acquiring, pairs with W2
  //   R5  slot.version == s?       relaxed
  //   R6  s == v, or version >= s? relaxed: R2 has acquired all that the value needs
  //
  // Never torn: if R3 reads a word of a later store into that slot, then because of W2 and R4, R5
  // reads the mark W1 of that store, or something later, which is not s.
  //
  // Never waiting for a writer: R2, R5 and R6 fail only while slot v % slotCount holds, or gets, a
  // version n = v + slotCount or a later one. Its W1 comes after W5 of n - 1. A reader that has
  // read that W1, or W4, acquiring (a fence follows R5), reads n - 1 or more at the next R1, which
  // is more than v. So the next attempt looks at a newer value. Each failed attempt means that the
  // writer has stored values meanwhile; a writer that stands still, or is dead, disturbs no reader.
  // If v is the same again, something other than this code has written there.
  //
  // `valueAtOnce`, which clients inline, does R1 to R5 once, and returns only the version v itself,
  // which R1 has found published. Otherwise the reader begins again with `load(into:)`.
  //
  // A reader may find a version s > v, because the slot is newer than R1. It returns that version
  // only if it has been published (R6). Otherwise a later load could return s - 1, an older value.
  //
  // A writer killed
  //   between W1 and W4 leaves an unfinished slot, which no version points to; the next writer
  //     stores the same n again, in the same slot.
  //   between W4 and W5 leaves a finished slot, which R6 hides from readers. The next writer must
  //     not store the same n there again: a reader that has read words of both would find, in R5,
  //     the version that R2 has found. So the next writer first does W5 for that slot.
  //   between W5 and R5 of the gate leaves sleepers, which look again within a second.
  //
  // The writer holds the role, so no two write at once. It got the role after the kernel took it
  // from the previous writer, so it sees everything that one has written.
  //
  // Waiters for a version sleep at a gate: W5 is R1 of `AsymmetricEventCount`, and reading the
  // version is A3.
  //
  // `SharedValueModelTests` goes through all of this in every order, and with a sleeping waiter.

  let memory: SharedMemory
  let layout: ValueLayout
  @usableFromInline let wordCount: Int
  @usableFromInline let latestVersion: SharedWord
  /// The words of all slots.
  @usableFromInline let slots: SharedWords
  @usableFromInline let slotWordCount: Int
  /// The number of slots, a power of two, less one.
  @usableFromInline let slotMask: UInt64
  /// The gate at which waiters for a version sleep; `nil` if the memory is attached for reading
  /// only.
  let gate: AsymmetricEventCount?
  let waiting: Waiting
  /// Whether this handle is the writer; its copy in a child created by `fork` is not.
  ///
  /// Locked during a store, because two tasks may use one handle.
  private let isWriter = ThreadMutex(false)

  /// After this many failures, a reader assumes that something other than a writer of this library
  /// changes the memory.
  private static let maximumAttemptCount = 10_000

  init(_ memory: consuming SharedMemory, _ layout: ValueLayout, wordCount: Int) {
    gate =
      memory.access == .readWrite
      ? AsymmetricEventCount(in: memory._range, at: layout.gateOffset) : nil
    waiting = Waiting(
      for: "a value", in: memory.name, memory.mapping.waitChoice, usualSpin: .microseconds(50))
    latestVersion = memory._range.word(at: layout.versionOffset)
    slots = memory._range.words(
      at: layout.slotOffset(of: 0), count: layout.slotCount * layout.slotStride / 8)
    slotWordCount = layout.slotStride / 8
    slotMask = UInt64(layout.slotCount - 1)
    self.memory = memory
    self.layout = layout
    self.wordCount = wordCount
  }

  /// The same slots, with a second handle of the memory.
  func duplicate() throws(InterprocessError) -> ValueSlots {
    ValueSlots(try memory.duplicate(), layout, wordCount: wordCount)
  }

  // MARK: - Load and store

  @inlinable var version: UInt64 { latestVersion.loadAcquiring() }

  /// The latest value, if one attempt suffices, R1 to R5: nearly always, and then the only cost.
  ///
  /// It knows the type, so that a client's compiler loads a small value into registers.
  @inlinable @inline(__always)
  func valueAtOnce<Value: Shareable>(as type: Value.Type) -> Value? {
    let version = latestVersion.loadAcquiring()
    checkpoint(.loadBegun)
    let slot = slot(of: version)
    // No version is 0, which marks a slot that is being written.
    guard version != 0, slot.version.loadAcquiring() == version else { return nil }
    let value = ValueWords<Value>.load(slot.words)
    atomicMemoryFence(ordering: .acquiring)
    return slot.version.loadRelaxed() == version ? value : nil
  }

  /// Copies the latest value into `words`, whose number is that of the value's words.
  ///
  /// - Returns: Its version.
  @usableFromInline @discardableResult
  func load(into words: inout MutableSpan<UInt64>) throws(InterprocessError) -> UInt64 {
    var previous: UInt64 = 0
    for _ in 0..<Self.maximumAttemptCount {
      let latest = latestVersion.loadAcquiring()
      checkpoint(.loadBegun)
      // No version is 0.
      guard latest != previous else { throw missing(latest) }
      if let version = copyIfWhole(latest, into: &words) { return version }
      // Pairs with W1, in case R5 has read it.
      atomicMemoryFence(ordering: .acquiring)
      previous = latest
    }
    throw restless
  }

  @inline(never)
  private func missing(_ version: UInt64) -> InterprocessError {
    .corrupted(memory.name, "version \(version) is not in its slot")
  }

  private var restless: InterprocessError {
    @inline(never) get {
      InterprocessError(
        code: .timedOut, name: memory.name,
        message: """
          The shared value "\(memory.name)" changed during each of \
          \(Self.maximumAttemptCount) attempts to read it. Does its writer ever pause?
          """)
    }
  }

  /// Stores a value, given as its words.
  @usableFromInline
  func store(_ words: Span<UInt64>) throws(InterprocessError) {
    precondition(memory.access == .readWrite, "This shared value is attached read-only")
    try isWriter.withLock { isWriter throws(InterprocessError) in
      if !isWriter {
        try takeRole()
        try publishUnfinishedStore()
        isWriter = true
      }
      write(words, as: try nextVersion())
    }
    if gate!.isAwaited { gate!.gate.open(waking: .max) }
  }

  private func takeRole() throws(InterprocessError) {
    let name = memory.name
    let isTaken = try translating({
      .locking(
        name, $0, action: "become the writer of \"\(name)\"",
        need: "the writer of a shared value needs")
    }) { () throws(Errno) in try Lease.take(.writer, on: memory.mapping.descriptor) }
    guard isTaken else {
      if let lock = try? Lease.foreignLock(on: .writer, of: memory.mapping.descriptor) {
        throw .locked(name, by: lock, action: "become the writer of \"\(name)\"")
      }
      throw InterprocessError(
        code: .roleTaken, name: name,
        message: """
          Another handle is the writer of the shared value "\(name)". A value has one writer at a \
          time; close that handle first.
          """)
    }
  }

  // MARK: - Slots

  /// The slot of a version: the version that it holds, and the words of the value.
  @inlinable @inline(__always)
  func slot(of version: UInt64) -> (version: SharedWord, words: SharedWords) {
    // SAFETY: the mask is less than the number of slots. `init` has checked that all slots are
    // mapped; the layout, that each has room for a version and a value.
    let first = Int(truncatingIfNeeded: version & slotMask) &* slotWordCount
    return unsafe (slots[first], slots.part(at: first &+ 1, count: wordCount))
  }

  /// The next version to store; only for the writer.
  private func nextVersion() throws(InterprocessError) -> UInt64 {
    let version = latestVersion.loadRelaxed()
    let (next, overflow) = version.addingReportingOverflow(1)
    guard version > 0 && !overflow else { throw impossible(version) }
    return next
  }

  @inline(never)
  private func impossible(_ version: UInt64) -> InterprocessError {
    .corrupted(memory.name, "its version is \(version)")
  }

  /// W5 for a writer that was killed just before it.
  private func publishUnfinishedStore() throws(InterprocessError) {
    let next = try nextVersion()
    if slot(of: next).version.loadRelaxed() == next {
      latestVersion.storeReleasing(next)
    }
  }

  /// W1 to W5.
  private func write(_ words: Span<UInt64>, as version: UInt64) {
    let (slotVersion, slotWords) = slot(of: version)
    slotVersion.storeReleasing(0)
    atomicMemoryFence(ordering: .releasing)
    checkpoint(.storeMarked)
    slotWords.store(words)
    checkpoint(.storeWritten)
    slotVersion.storeReleasing(version)
    checkpoint(.storeCompleted)
    latestVersion.storeReleasing(version)
    checkpoint(.storePublished)
  }

  /// R2 to R6: copies the value in the slot of a version, which may be a later one.
  ///
  /// - Returns: The version; `nil` if the slot changed meanwhile.
  private func copyIfWhole(
    _ latest: UInt64, into words: inout MutableSpan<UInt64>
  ) -> UInt64? {
    let (slotVersion, slotWords) = slot(of: latest)
    let version = slotVersion.loadAcquiring()
    guard version >= latest else { return nil }
    slotWords.load(into: &words)
    atomicMemoryFence(ordering: .acquiring)
    guard slotVersion.loadRelaxed() == version else { return nil }
    return version == latest || latestVersion.loadRelaxed() >= version ? version : nil
  }
}
