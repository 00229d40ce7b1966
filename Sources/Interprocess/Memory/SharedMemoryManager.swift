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

/// Creates memory that lives as long as a scope.
///
/// Every block gets a name of its own, which other processes can attach to while the scope runs; at
/// the end of the scope all names are removed, even if it throws. If the process is killed, the
/// blocks become stale once no process has them any more, and
/// ``SharedMemory/sweep(reportingLeft:)`` removes them.
///
/// ```swift
/// try await withSharedMemoryManager { manager in
///   var input = try manager.create(byteCount: 1 << 20)
///   var output = try manager.create(byteCount: 1 << 20)
///   try await runWorkers(reading: input.name, writing: output.name)
/// }
/// ```
///
/// For a single block, or one that outlives the scope, create ``SharedMemory`` itself. Corresponds
/// to `multiprocessing.managers.SharedMemoryManager` in Python, which runs a process for this.
public final class SharedMemoryManager: Sendable {
  /// A separate handle on each block, so that the block lasts until the scope ends.
  private final class Block: Sendable {
    let memory: SharedMemory

    init(_ memory: consuming SharedMemory) {
      self.memory = memory
    }
  }

  /// A child created by `fork` has none of its parent's blocks.
  private let blocks = ThreadMutex<[Block]>([])

  fileprivate init() {}

  /// Creates a block under a random name, filled with zeros.
  ///
  /// The block stays until the scope ends, even if the returned handle is closed before. Does not
  /// wait for other processes. Corresponds to `SharedMemoryManager.SharedMemory(size)` in Python.
  ///
  /// - Parameters:
  ///   - byteCount: The size in bytes, greater than zero.
  ///   - options: Who may use it, and when its pages are taken. Its lifetime is that of the scope.
  /// - Returns: The memory, attached for reading and writing.
  /// - Throws: `invalidSize`, `outOfMemory`, `permissionDenied` and `system`, as
  ///   ``SharedMemory/create(_:byteCount:options:initializingWith:)``.
  public func create(
    byteCount: Int, options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedMemory {
    let memory = try SharedMemory.create(
      byteCount: byteCount, options: options.with(.whileAttached))
    try keep(memory)
    return memory
  }

  /// Keeps a block until the scope ends, or the process within it.
  func keep(_ memory: borrowing SharedMemory) throws(InterprocessError) {
    let kept = try memory.duplicate()
    kept.mapping.temporaryName?.goAtEnd()
    let block = Block(kept)
    blocks.withLock { $0.append(block) }
  }

  /// Removes the names of all blocks.
  fileprivate func removeAll() {
    for block in blocks.withLock({ $0 }) {
      // A name that is already gone, or cannot be removed, does not affect the others. A sweep
      // reports why it stays.
      try? block.memory.unlink()
    }
  }
}

/// Runs a closure with a manager, whose blocks lose their names when the closure ends.
///
/// - Parameter body: Creates blocks and uses them. Handles may outlive it; their names are gone
///   then.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public func withSharedMemoryManager<Result: ~Copyable, Failure: Error>(
  _ body: (SharedMemoryManager) throws(Failure) -> Result
) throws(Failure) -> Result {
  let manager = SharedMemoryManager()
  defer { manager.removeAll() }
  return try body(manager)
}

/// Runs an asynchronous closure with a manager, whose blocks lose their names when the closure
/// ends.
///
/// - Parameter body: Creates blocks and uses them. Handles may outlive it; their names are gone
///   then.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public nonisolated(nonsending) func withSharedMemoryManager<Result: ~Copyable, Failure: Error>(
  _ body: nonisolated(nonsending) (SharedMemoryManager) async throws(Failure) -> Result
) async throws(Failure) -> Result {
  let manager = SharedMemoryManager()
  defer { manager.removeAll() }
  return try await body(manager)
}
