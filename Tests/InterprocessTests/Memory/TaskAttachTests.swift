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

import Foundation
import Synchronization
import TestFork
import TestSupport
import Testing

@testable import Interprocess

/// `attach(waitingUpTo:)` in tasks.
@Suite("Attaching in tasks", .timeLimit(.minutes(2)))
struct TaskAttachTests {
  /// A type, with the ways to create it and attach to it.
  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let create: @Sendable (String) throws -> Void
    let attach: @Sendable (String, Duration) async throws -> Void

    init(
      _ testDescription: String, create: @escaping @Sendable (String) throws -> Void,
      attach: @escaping @Sendable (String, Duration) async throws -> Void
    ) {
      self.testDescription = testDescription
      self.create = create
      self.attach = attach
    }
  }

  static let kinds = [
    Kind("memory") {
      _ = try SharedMemory.create($0, byteCount: 8)
    } attach: {
      _ = try await SharedMemory.attach($0, waitingUpTo: $1)
    },
    Kind("array") {
      _ = try SharedArray<Int>.create($0, count: 3)
    } attach: {
      _ = try await SharedArray<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("list") {
      _ = try ShareableList.create($0, [1, "two"])
    } attach: {
      _ = try await ShareableList.attach($0, waitingUpTo: $1)
    },
    Kind("value") {
      _ = try SharedValue.create($0, initialValue: 1)
    } attach: {
      _ = try await SharedValue<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("mutex") {
      _ = try SharedMutex.create($0, initialValue: 1)
    } attach: {
      _ = try await SharedMutex<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("read-write lock") {
      _ = try SharedReadWriteLock.create($0, initialValue: 1)
    } attach: {
      _ = try await SharedReadWriteLock<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("semaphore") {
      _ = try SharedSemaphore.create($0, permitCount: 1)
    } attach: {
      _ = try await SharedSemaphore.attach($0, waitingUpTo: $1)
    },
    Kind("event") {
      _ = try SharedEvent.create($0)
    } attach: {
      _ = try await SharedEvent.attach($0, waitingUpTo: $1)
    },
    Kind("barrier") {
      _ = try SharedBarrier.create($0, partyCount: 2)
    } attach: {
      _ = try await SharedBarrier.attach($0, waitingUpTo: $1)
    },
    Kind("atomic") {
      _ = try SharedAtomic<Int>.create($0, initialValue: 1)
    } attach: {
      _ = try await SharedAtomic<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("queue") {
      _ = try SharedQueue<Int>.create($0, capacity: 1)
    } attach: {
      _ = try await SharedQueue<Int>.attach($0, waitingUpTo: $1)
    },
    Kind("byte queue") {
      _ = try SharedByteQueue.create($0, byteCapacity: 64, maximumByteCount: 8)
    } attach: {
      _ = try await SharedByteQueue.attach($0, waitingUpTo: $1)
    },
    Kind("topic") {
      _ = try SharedTopic<Int>.create($0)
    } attach: {
      _ = try await SharedTopic<Int>.attach($0, waitingUpTo: $1)
    },
  ]

  @Test(
    "A task gets memory that is created later, a time-out, or its cancellation", arguments: kinds)
  func attach(kind: Kind) async throws {
    let name = uniqueName()
    let begin = ContinuousClock.now
    let code = await taskErrorCode { try await kind.attach(name, .milliseconds(20)) }
    #expect(code == .timedOut && ContinuousClock.now - begin >= .milliseconds(20))
    let cancelled = Task { try await kind.attach(name, .seconds(3600)) }
    let task = Task { try await kind.attach(name, .seconds(60)) }
    try await Task.sleep(for: .milliseconds(20))
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    let early = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await kind.attach(name, .zero)
    }
    await #expect(throws: CancellationError.self) { try await early.value }
    try kind.create(name)
    defer { try? SharedMemory.unlink(name) }
    try await task.value
    // Existing memory is taken at once, and memory of another kind is refused.
    try await kind.attach(name, .zero)
    let wrong = await taskErrorCode {
      if kind.testDescription == "mutex" {
        _ = try await SharedEvent.attach(name, waitingUpTo: .seconds(60))
      } else {
        _ = try await SharedMutex<Int>.attach(name, waitingUpTo: .seconds(60))
      }
    }
    guard case .wrongKind? = wrong else {
      Issue.record("\(String(describing: wrong))")
      return
    }
  }

  @Test("Waiting tasks occupy no thread, whatever their number")
  func threads() async throws {
    let names = (0..<100).map { _ in uniqueName() }
    defer { for name in names { try? SharedMemory.unlink(name) } }
    try await withThrowingTaskGroup { group in
      for name in names {
        group.addTask {
          _ = try await SharedMemory.attach(name, waitingUpTo: .seconds(60))
        }
      }
      // This task gets a turn although there are fewer threads than waiting tasks.
      group.addTask {
        try await Task.sleep(for: .milliseconds(20))
        for name in names { _ = try SharedMemory.create(name, byteCount: 1) }
      }
      try await group.waitForAll()
    }
  }

  @Test("A task waits for a file that is still empty, or that was moved")
  func files() async throws {
    let (name, other) = (uniqueName(), uniqueName())
    defer { for name in [name, other] { try? SharedMemory.unlink(name) } }
    try makeFile(name)
    let code = await taskErrorCode {
      _ = try await SharedMemory.attach(name, waitingUpTo: .milliseconds(20))
    }
    #expect(code == .timedOut)
    let sized = Task { try await SharedMemory.attach(name, waitingUpTo: .seconds(60)).byteCount }
    let moved = Task { try await SharedMemory.attach(other, waitingUpTo: .seconds(60)).byteCount }
    try await Task.sleep(for: .milliseconds(20))
    #expect(truncate(path(name), 33) == 0)
    #expect(try await sized.value == 33)
    #expect(rename(path(name), path(other)) == 0)
    #expect(try await moved.value == 33)
  }

  @Test("A task waits for a list without elements, and for a truncated array")
  func incomplete() async throws {
    let (list, array) = (uniqueName(), uniqueName())
    defer { for name in [list, array] { try? SharedMemory.unlink(name) } }
    let content = try bytesOfList()
    var memory = try SharedMemory.create(list, byteCount: content.count)
    let count = Task { try await ShareableList.attach(list, waitingUpTo: .seconds(60)).count }
    let whole = NpyHeaderReadingTests.file(NpyHeaderReadingTests.text("'|u1'"), dataByteCount: 2)
    let file = URL(filePath: path(array))
    try Data(whole.dropLast()).write(to: file)
    let code = await taskErrorCode {
      _ = try await SharedArray<UInt8>.attach(array, waitingUpTo: .milliseconds(20))
    }
    guard case .corrupted? = code else {
      Issue.record("\(String(describing: code))")
      return
    }
    let shape = Task {
      try await SharedArray<UInt8>.attach(array, waitingUpTo: .seconds(60)).shape
    }
    try await Task.sleep(for: .milliseconds(20))
    for (offset, byte) in content.enumerated() { memory[offset] = byte }
    let handle = try FileHandle(forWritingTo: file)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(whole.suffix(1)))
    #expect(try await count.value == 1)
    #expect(try await shape.value == [2])
  }

  /// The bytes of a list of one element.
  private func bytesOfList() throws -> [UInt8] {
    let list = try ShareableList.create(uniqueName(), [nil])
    defer { try? SharedMemory.unlink(list.name) }
    return [UInt8](try Data(contentsOf: URL(filePath: path(list.name))))
  }

  @Test(
    "Tasks also wait where the system watches no directory, or sleeps on one word at a time only",
    arguments: ["inotify_init1", "futex_waitv"])
  func refused(call: String) async {
    await #expect(processExitsWith: .success) { [call] in
      precondition(ipctest_deny(call, ENOSYS) == 0, "The system refuses to refuse it")
      let names = (0..<3).map { _ in uniqueName() }
      let tasks = names.map { name in
        Task { try await SharedMemory.attach(name, waitingUpTo: .seconds(60)).byteCount }
      }
      try await Task.sleep(for: .milliseconds(20))
      for (index, name) in names.enumerated() {
        let memory = try SharedMemory.create(name, byteCount: index + 1)
        let byteCount = try await tasks[index].value
        try memory.unlink()
        precondition(byteCount == index + 1, "\(byteCount) bytes")
      }
    }
  }

  @Test("When no task waits any more, the descriptor is closed, and opened again when needed")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      func instanceCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
          let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/self/fd/\($0)")
          return target?.contains("inotify") == true
        }
      }
      let before = try instanceCount()
      for _ in 0..<2 {
        let name = uniqueName()
        let tasks = (0..<5).map { _ in
          Task { _ = try await SharedMemory.attach(name, waitingUpTo: .seconds(60)) }
        }
        let begin = ContinuousClock.now
        while try instanceCount() == before {
          precondition(.now - begin < .seconds(30), "Nobody watches")
          usleep(1000)
        }
        let count = try instanceCount()
        precondition(count == before + 1, "\(count) instances")
        let memory = try SharedMemory.create(name, byteCount: 1)
        for task in tasks { try await task.value }
        try memory.unlink()
        while try instanceCount() > before {
          precondition(.now - begin < .seconds(60), "The descriptor stays")
          usleep(10_000)
        }
      }
    }
  }
}
