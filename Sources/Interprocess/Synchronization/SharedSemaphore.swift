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

internal import CInterprocess

/// A number of permits, which processes take and release; those of a dead process become free
/// again.
///
/// ```swift
/// let slots = try SharedSemaphore.create("slots", permitCount: 3)
/// // ... in any number of processes, of which three at a time get through:
/// let slots = try SharedSemaphore.attach("slots")
/// let permit = try slots.acquire()
/// // ... use what the permit is for
/// permit.release()
/// ```
///
/// A permit is released at the end of its life, even if an error ends it. If a process dies with
/// permits, waiters find that out and take them over.
///
/// Permits limit how many threads and tasks work at once; they do not count events: a process that
/// holds no permit cannot release one. To signal that something has happened, use ``SharedEvent``.
///
/// Tasks and threads of one process may use one handle at once. The handle is closed when the last
/// reference to it goes, its permits included. Corresponds to `sem_t` in C and to
/// `multiprocessing.BoundedSemaphore` in Python, where the permits of a dead process are lost.
public final class SharedSemaphore: Sendable {
  /// Where the permits begin after the gate: in another pair of cache lines.
  static let permitsOffset = MemoryLayout<ipc_semaphore>.size

  let segment: StructuredSegment
  fileprivate let permits: HolderTable
  private let holder: HolderNumber
  private let waits: Waiting

  /// The number of permits, free or taken.
  public var permitCount: Int { segment.capacity }

  // MARK: - Create and attach

  /// Creates a semaphore under a name that is not taken.
  ///
  /// Does not wait for other processes.
  ///
  /// - Parameters:
  ///   - name: The name, as for ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  ///   - permitCount: How many permits there are, at least 1.
  ///   - options: When the name is removed, who may use the semaphore, and when its pages are
  ///     taken. Every user needs permission to write.
  /// - Returns: The semaphore, all of whose permits are free.
  /// - Throws: What creating ``SharedMemory`` throws: `alreadyExists`, `invalidName`,
  ///   `outOfMemory`, `permissionDenied` and `system`.
  public static func create(
    _ name: String? = nil,
    permitCount: Int,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedSemaphore {
    SharedSemaphore(
      try StructuredSegment.create(
        name, plan(permitCount), options: options))
  }

  /// Attaches to a semaphore, or creates it if it does not exist.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - permitCount: How many permits a new semaphore has, at least 1.
  ///   - options: The options of a new semaphore.
  ///   - owner: Whose memory to accept.
  /// - Returns: The semaphore; ``isCreator`` tells whether this call created it.
  /// - Throws: What creating and attaching throw.
  public static func attachOrCreate(
    _ name: String,
    permitCount: Int,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedSemaphore {
    try _open(
      StructuredSegment.attachOrCreate(
        name, plan(permitCount), options: options, owner: owner))
  }

  /// The bytes after the header; `nil` if no semaphore can have this number of permits.
  static func byteCount(of permitCount: Int) -> Int? {
    guard permitCount >= 1 else { return nil }
    let (byteCount, overflow) = permitCount.multipliedReportingOverflow(by: 4)
    let (sum, isTooLarge) = byteCount.addingReportingOverflow(permitsOffset)
    return overflow || isTooLarge ? nil : sum
  }

  private static func plan(
    _ permitCount: Int
  ) throws(InterprocessError) -> StructuredSegment.Plan<UInt32> {
    guard let byteCount = byteCount(of: permitCount) else {
      throw InterprocessError(
        code: .invalidSize, message: "A semaphore has at least one permit, not \(permitCount).")
    }
    return StructuredSegment.Plan(
      kind: SemaphoreKind.self, capacity: permitCount, byteCount: byteCount)
  }

  init(_ segment: StructuredSegment) {
    permits = HolderTable(
      in: segment,
      gateOffset: segment.contentOffset + fieldOffset(\ipc_semaphore.gate),
      offset: segment.contentOffset + Self.permitsOffset, stride: 4, count: segment.capacity,
      wakeCount: 1)
    holder = HolderNumber(in: segment)
    waits = Waiting(for: "a permit", in: segment)
    self.segment = segment
  }

  // MARK: - Basics

  /// Ends this handle's use of the semaphore, and releases its permits.
  ///
  /// Gives up its lease; a temporary name goes with the last lease of all processes. The same
  /// happens when the last reference to the handle goes, which also unmaps the memory. A closed
  /// handle can only report its name and what belongs to the name, and unlink it. Any other use is
  /// a failed precondition, even by a thread or task that was waiting here, when it resumes.
  /// Closing the handle again does nothing.
  ///
  /// Does not block, except as ``SharedMemory/close()`` does.
  public func close() {
    segment.close { if let number = holder.close() { permits.forget(number) } }
  }

  // MARK: - Permits

  /// A permit of a semaphore, held until the end of its life.
  public struct Permit: ~Copyable, Sendable {
    private let semaphore: SharedSemaphore
    private let index: Int
    private let number: UInt32
    private let generation: UInt32

    fileprivate init(_ semaphore: SharedSemaphore, index: Int, number: UInt32) {
      self.semaphore = semaphore
      self.index = index
      self.number = number
      generation = Descriptor.generation
    }

    /// Releases the permit.
    ///
    /// The same happens at the end of its life. Does not block, and makes a system call only if a
    /// waiter sleeps. Corresponds to `sem_post` in C.
    public consuming func release() {}

    deinit {
      // A child created by `fork` has a copy of this, but does not hold the permit.
      if generation == Descriptor.generation { semaphore.free(index, number) }
    }
  }

  /// How many permits are free.
  ///
  /// The number may have changed by the time it is returned. Corresponds to `sem_getvalue` in C.
  ///
  /// - Complexity: Linear in the number of permits, without blocking.
  public var availableCount: Int {
    segment.checkOpen()
    return permits.freeCount
  }

  /// Frees the permits whose holders are dead.
  ///
  /// Waiters do this by themselves; call it only to learn how many there were.
  ///
  /// - Returns: How many permits were freed.
  /// - Throws: `corrupted` if something other than this type has written there; `system` for
  ///   anything else.
  /// - Complexity: One system call for each permit that is taken; none of them blocks.
  @discardableResult
  public func reclaim() throws(InterprocessError) -> Int {
    try permits.reclaim(own: try number())
  }

  /// Takes a permit.
  ///
  /// Blocks until one is free: spins for some microseconds, and then sleeps in the kernel. Waiters
  /// get permits in no particular order. Corresponds to `sem_wait` and `sem_timedwait` in C.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The permit, which is released at the end of its life.
  /// - Throws: `timedOut`; `corrupted` if something other than this type has written there;
  ///   `system` for anything else.
  /// - Complexity: Linear in the number of permits.
  public func acquire(timeout: Duration? = nil) throws(InterprocessError) -> Permit {
    let number = try number()
    // Without reading the clock.
    if let index = permits.take(as: number) { return Permit(self, index: index, number: number) }
    let index = try waits.wait(atMost: timeout) { stage throws(InterprocessError) in
      try permits.attemptToTake(stage, as: number)
    }
    return try permit(index, number)
  }

  /// Takes a permit if one is free.
  ///
  /// Does not block. Corresponds to `sem_trywait` in C.
  ///
  /// - Returns: The permit, or `nil` if living holders have all of them.
  /// - Throws: `corrupted` if something other than this type has written there; `system` for
  ///   anything else.
  /// - Complexity: Linear in the number of permits.
  public func tryAcquire() throws(InterprocessError) -> Permit? {
    let number = try number()
    guard let index = try permits.takeAlsoOfDead(as: number) else { return nil }
    return Permit(self, index: index, number: number)
  }

  /// Takes a permit.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameter timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The permit, which is released at the end of its life.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) func acquire(
    timeout: Duration? = nil
  ) async throws -> Permit {
    let number = try number()
    let index = try await waits.wait(
      atMost: timeout, isDue: { self.permits.seemsFree(own: number) }
    ) { stage throws(InterprocessError) in
      try permits.attemptToTake(stage, as: number)
    }
    return try permit(index, number)
  }

  /// The gate at which waiters for a permit sleep.
  var gate: EventCount { permits.gate }

  /// Whether a permit is free.
  ///
  /// - Parameter isReclaiming: Whether to free the permits of dead holders first.
  func hasFreePermit(isReclaiming: Bool) throws(InterprocessError) -> Bool {
    if isReclaiming { try permits.reclaim(own: try number()) }
    return permits.freeCount > 0
  }

  /// Whether a waiter may find a permit, for a thread that looks in its place.
  var seemsFree: Bool { permits.seemsFree(own: holder.valueIfTaken ?? 0) }

  private func permit(_ index: Int?, _ number: UInt32) throws(InterprocessError) -> Permit {
    guard let index else {
      throw InterprocessError(
        code: .timedOut, name: name,
        message: """
          None of the \(permitCount) permits of "\(name)" became free in time. What do their \
          holders wait for?
          """)
    }
    return Permit(self, index: index, number: number)
  }

  private func number() throws(InterprocessError) -> UInt32 {
    if let number = holder.valueIfTaken { return number }
    return try holder.value { permits.forget($0) }
  }

  /// Frees the permit of a handle.
  ///
  /// In the `deinit` of the permit, the compiler would copy the table, and retain its segment.
  fileprivate func free(_ index: Int, _ number: UInt32) { permits.free(index, number) }
}

extension SharedSemaphore: StructuredObject {
  /// For the functions of ``StructuredObject``.
  public static func _open(
    _ memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedSemaphore {
    SharedSemaphore(
      try StructuredSegment(reading: memory, SemaphoreKind.self, of: UInt32.self) {
        byteCount(of: $0)
      })
  }

  /// For the functions of ``SharedObject``.
  public func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isNeeded { segment.checkOpen() }
    return try body(segment.memory)
  }
}
