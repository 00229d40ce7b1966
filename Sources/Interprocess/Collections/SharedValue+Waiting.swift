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

extension SharedValue {
  // MARK: - Waiting

  /// How the waits of this handle wait, from the next one on; ``WaitStrategy/adaptive`` at first.
  public var waiting: WaitStrategy {
    get { _slots.memory.mapping.waitChoice.strategy }
    nonmutating set { _slots.memory.mapping.waitChoice.strategy = newValue }
  }

  /// Waits until a value newer than a given version has been stored.
  ///
  /// Blocks: spins for some microseconds, and then sleeps in the kernel. A handle that is attached
  /// for reading only cannot notify the writer that it sleeps: it checks every few milliseconds, 10
  /// at most. Corresponds to `std::atomic::wait` in C++20.
  ///
  /// ```swift
  /// var version: UInt64 = 0
  /// while true {
  ///   version = try pose.waitForChange(after: version)
  ///   show(try pose.load())  // of that version, or a later one
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - version: The version that the caller already knows; with 0, the present value counts as
  ///     new.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The present version, which is greater.
  /// - Throws: `timedOut`; `corrupted` if something other than this type has written there;
  ///   `system` for anything else.
  @discardableResult
  public func waitForChange(
    after version: UInt64, timeout: Duration? = nil
  ) throws(InterprocessError) -> UInt64 {
    try _slots.wait(after: version, atMost: timeout)
  }

  /// Waits until a value newer than a given version has been stored.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled.
  ///
  /// - Parameters:
  ///   - version: The version that the caller already knows; with 0, the present value counts as
  ///     new.
  ///   - timeout: How long to wait; `nil`: as long as it takes.
  /// - Returns: The present version, which is greater.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func waitForChange(
    after version: UInt64, timeout: Duration? = nil
  ) async throws -> UInt64 {
    try await _slots.wait(after: version, atMost: timeout)
  }

  /// A handle that a sequence and its iterators share.
  fileprivate final class Source: Sendable {
    let slots: ValueSlots

    init(_ slots: consuming ValueSlots) { self.slots = slots }
  }

  /// The values as they change.
  public struct Values: AsyncSequence, Sendable {
    fileprivate let source: Source
    fileprivate let version: UInt64

    /// Waits for one value after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let source: Source
      fileprivate var version: UInt64

      /// The newest value, as soon as it is newer than the last one returned; never `nil`.
      ///
      /// - Throws: What the async form of `waitForChange(after:timeout:)` without a time-out
      ///   throws, and what ``SharedValue/load()`` throws.
      public mutating func next() async throws -> Value? {
        _ = try await source.slots.wait(after: version, atMost: nil)
        return try ValueWords<Value>.value { (words) throws(InterprocessError) in
          version = try source.slots.load(into: &words)
        }
      }
    }

    /// An iterator, which begins at the version at which the sequence begins.
    public func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(source: source, version: version)
    }
  }

  /// The newest value each time the value changes, for `for try await`.
  ///
  /// Never returns to an older value, and skips values that were replaced before it read them. Ends
  /// with `CancellationError` when the task is cancelled. The sequence has its own handle, which
  /// keeps a temporary name, and stays open when this one is closed.
  ///
  /// - Parameter version: The version that the caller already knows; with 0, the sequence begins
  ///   with the present value.
  /// - Returns: The sequence.
  /// - Throws: `system` if the memory cannot be mapped again.
  public func values(after version: UInt64 = 0) throws(InterprocessError) -> Values {
    Values(source: Source(try _slots.duplicate()), version: version)
  }
}
