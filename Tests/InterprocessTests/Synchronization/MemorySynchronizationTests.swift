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

import Glibc
import Subprocess
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Interprocess

/// Locks, signals and words inside plain memory.
@Suite("Synchronization within memory", .timeLimit(.minutes(5)))
struct MemorySynchronizationTests {
  // MARK: - Atomic integers

  @Test("An atomic integer consists of the bytes at its place")
  func atomics() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 64)
    let other = try SharedMemory.attach(name)
    try memory.unlink()
    memory.storeBytes(of: 7, toByteOffset: 8, as: UInt64.self)
    let sum = other[atomic: UInt64.self, at: 8].wrappingAdd(5, ordering: .relaxed)
    #expect(sum == (7, 12))
    #expect(memory.load(fromByteOffset: 8, as: UInt64.self) == 12)
    let results: [Int16] = [
      memory[atomic: Int16.self, at: 2].exchange(-5, ordering: .acquiringAndReleasing),
      memory[atomic: Int16.self, at: 2].wrappingSubtract(2, ordering: .relaxed).newValue,
      memory[atomic: Int16.self, at: 2].max(3, ordering: .relaxed).newValue,
      memory[atomic: Int16.self, at: 2].min(-1, ordering: .relaxed).newValue,
      memory[atomic: Int16.self, at: 2].bitwiseAnd(0xFF, ordering: .relaxed).newValue,
      memory[atomic: Int16.self, at: 2].bitwiseOr(0x100, ordering: .relaxed).newValue,
      memory[atomic: Int16.self, at: 2].bitwiseXor(0x1FE, ordering: .relaxed).newValue,
    ]
    #expect(results == [0, -7, 3, -1, 0xFF, 0x1FF, 1])
    other[atomic: Int16.self, at: 2].store(9, ordering: .releasing)
    let exchange = memory[atomic: Int16.self, at: 2].compareExchange(
      expected: 9, desired: 10, ordering: .sequentiallyConsistent)
    #expect(exchange == (true, 9))
    #expect(memory[atomic: Int16.self, at: 2].load(ordering: .acquiring) == 10)
    #expect(memory.load(fromByteOffset: 0, as: UInt16.self) == 0)
  }

  @Test("A place that is misaligned or out of range is a failed precondition", arguments: 0..<6)
  func wrongPlace(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      let memory = try SharedMemory.create(byteCount: 64, options: .whileAttached)
      try memory.unlink()
      switch way {
      case 0: memory[atomic: UInt64.self, at: 4].store(1, ordering: .relaxed)
      case 1: memory[atomic: UInt64.self, at: 64].store(1, ordering: .relaxed)
      case 2: try lock(memory.mutex(of: Int.self, at: 8)) { $0 += 1 }
      case 3: try lock(memory.mutex(of: Int.self, at: 48)) { $0 += 1 }
      case 4: _ = try memory.semaphore(at: 0, permitCount: 0)
      default: memory.wake(at: 2)
      }
    }
    let texts = [
      "An atomic integer lies at a multiple of its size",
      "Offset out of range of the shared memory",
      "Offset not a multiple of 16, as needed there",
      "Offset out of range of the shared memory",
      "Offset out of range of the shared memory",
      "An atomic word lies at a multiple of its size",
    ]
    #expect(result.says(texts[way]))
  }

  @Test("Read-only memory has no locks, but words to sleep on")
  func readOnly() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 64)
    let reader = try SharedMemory.attach(name, access: .readOnly)
    try wait(reader, at: 8, while: 1)
    #expect(
      errorCode { try wait(reader, at: 8, while: 0, timeout: .milliseconds(5)) } == .timedOut)
    reader.wake(at: 8)
    try memory.unlink()
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let name = uniqueName()
      let memory = try SharedMemory.create(name, byteCount: 64, options: .whileAttached)
      let reader = try SharedMemory.attach(name, access: .readOnly)
      try memory.unlink()
      _ = try reader.event(at: 0)
    }
    #expect(result.says("This shared memory is attached read-only"))
  }

  // MARK: - Locks

  /// The places of the objects in the memory that these tests share.
  private static let byteCount = 4096

  @Test("Processes use each kind at its place in one memory")
  func allKinds() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: Self.byteCount)
    try await runTogether(3) { _ in ["sync", "parts", name, "2000"] }
    let mutex = try memory.mutex(of: Account.self, at: 0)
    let account = try lock(mutex) { $0 }
    #expect(account.isWhole && account.first == 6000)
    let readWriteLock = try memory.readWriteLock(
      of: Account.self, at: 1024, maximumReaderCount: 4)
    #expect(try await readWriteLock.withReadLock { $0.first } == 6000)
    #expect(try memory.semaphore(at: 2048, permitCount: 2).availableCount == 2)
    #expect(try memory.event(at: 3072).generation == 6000)
    #expect(memory[atomic: UInt32.self, at: 3080].load(ordering: .relaxed) == 6000)
    try memory.unlink()
  }

  @Test("Each kind takes as many bytes as it says, and changes nothing beside them")
  func sizes() throws {
    let semaphoreByteCount = SharedSemaphore.byteCount(permitCount: 3)
    let barrierByteCount = SharedBarrier.byteCount(partyCount: 3)
    let lockByteCount = SharedReadWriteLock<Account>.byteCount(maximumReaderCount: 3)
    let sizes = [
      SharedMutex<Account>.byteCount, lockByteCount, semaphoreByteCount, SharedEvent.byteCount,
      barrierByteCount,
    ]
    for (kind, size) in sizes.enumerated() {
      var memory = try SharedMemory.create(byteCount: 16 + size + 16)
      try memory.unlink()
      for index in (0..<16).map({ $0 }) + (0..<16).map({ 16 + size + $0 }) { memory[index] = 0xEE }
      switch kind {
      case 0: try lock(memory.mutex(of: Account.self, at: 16)) { $0.first = .max }
      case 1:
        let rwLock = try memory.readWriteLock(of: Account.self, at: 16, maximumReaderCount: 3)
        let write: () throws -> Void = { try rwLock.withWriteLock { $0.repairCount = .max } }
        try write()
      case 2:
        let semaphore = try memory.semaphore(at: 16, permitCount: 3)
        let take: () throws -> Void = { try semaphore.acquire().release() }
        try take()
      case 3: try memory.event(at: 16).set()
      default: _ = try memory.barrier(at: 16, partyCount: 3).arrivedCount
      }
      for index in (0..<16).map({ $0 }) + (0..<16).map({ 16 + size + $0 }) {
        #expect(memory[index] == 0xEE, "\(kind) at \(index)")
      }
    }
  }

  @Test("A lock keeps its memory, and the death of its holder is noticed")
  func lifetime() async throws {
    let name = uniqueName()
    let mutex = try SharedMemory.create(name, byteCount: 4096, options: .whileAttached)
      .mutex(of: Account.self, at: 0)
    #expect(exists(name))
    #expect(mutex.name == name && mutex.isLinked)
    let (status, _) = try await withChildProcess(Places.helper, ["sync", "part-hold", name]) {
      holder in
      #expect(try await holder.nextLine() == "held")
      #expect(try mutex.tryWithLock { _ in } == nil)
      try holder.kill()
    }
    #expect(status == .signaled(9))
    #expect(errorCode { try lock(mutex) { _ in } } == .ownerDied)
    try await mutex.withLock(recovering: { $0.repair() }) { $0.add() }
    try mutex.unlink()
  }

  @Test("Anonymous memory can hold locks, too")
  func anonymous() throws {
    let memory = try SharedMemory.anonymous(byteCount: 4096)
    let first = try memory.mutex(of: Int.self, at: 64)
    let second = try memory.mutex(of: Int.self, at: 64)
    try lock(first) { $0 += 1 }
    #expect(try lock(second) { $0 } == 1)
    // Two handles of one lock exclude each other within one process.
    try lock(first) { _ in
      let isAvailable = try second.tryWithLock { _ in true }
      #expect(isAvailable == nil)
    }
  }

  // MARK: - Words

  @Test("A program that only uses the system call waits, and wakes others", arguments: 1...2)
  func python(round: Int) async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 64)
    let program = """
      import ctypes, mmap, os, struct, sys
      libc = ctypes.CDLL(None, use_errno=True)
      fd = os.open("/dev/shm/\(name)", os.O_RDWR)
      memory = mmap.mmap(fd, 64)
      address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
      def wait(offset, value):
        while struct.unpack_from("=I", memory, offset)[0] == value:
          libc.syscall(202, ctypes.c_void_p(address + offset), 0, ctypes.c_uint32(value), None)
      def wake(offset, value):
        struct.pack_into("=I", memory, offset, value)
        return libc.syscall(202, ctypes.c_void_p(address + offset), 1, ctypes.c_int(2**31 - 1))
      print("ready", flush=True)
      wait(0, 0)
      wake(4, 5)
      """
    let (status, _) = try await withChildProcess("python3", ["-c", program]) { python in
      #expect(try await python.nextLine() == "ready")
      try await Task.sleep(for: .milliseconds(50))
      let shared = try SharedMemory.attach(name)
      memory.storeBytes(of: 1, toByteOffset: 0, as: UInt32.self)
      memory.wake(at: 0)
      if round == 1 {
        try wait(shared, at: 4, while: 0)
      } else {
        try await shared.wait(at: 4, while: 0)
      }
      let answer = shared.load(fromByteOffset: 4, as: UInt32.self)
      #expect(answer == 5)
    }
    #expect(status == .exited(0))
    let cleanup = try SharedMemory.attach(name)
    try cleanup.unlink()
  }

  @Test("A wait for a word ends at once, or with a time-out, never early")
  func wordTimeouts() async throws {
    let memory = try SharedMemory.create(byteCount: 64)
    try memory.unlink()
    try wait(memory, at: 0, while: 1)
    try await memory.wait(at: 0, while: 1)
    for milliseconds in [0, 1, 25] {
      let begin = now()
      #expect(
        errorCode { try wait(memory, at: 0, while: 0, timeout: .milliseconds(milliseconds)) }
          == .timedOut)
      #expect(now() - begin >= milliseconds * 1_000_000)
    }
    #expect(memory.wake(at: 0) == 0)
  }
}

/// The form for threads, where the compiler would choose that for tasks.
private func wait(
  _ memory: borrowing SharedMemory, at offset: Int, while value: UInt32, timeout: Duration? = nil
) throws {
  try memory.wait(at: offset, while: value, timeout: timeout)
}
