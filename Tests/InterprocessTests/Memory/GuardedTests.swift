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
import Interprocess
import Synchronization
import TestSupport
import Testing

@Suite("Guarded reading", .timeLimit(.minutes(2)))
struct GuardedTests {
  private func sum(_ bytes: RawSpan) -> Int {
    bytes.byteOffsets.reduce(0) { $0 + Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) }
  }

  private func create(_ name: String, byteCount: Int) throws -> SharedMemory {
    try SharedMemory.create(name, byteCount: byteCount) { bytes in
      for offset in bytes.byteOffsets {
        bytes.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
      }
    }
  }

  @Test("Memory that another process shrinks is an error, and the process survives")
  func shrunkByAnother() async throws {
    let name = uniqueName()
    let memory = try create(name, byteCount: 100_000)
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 100000")
      try await helper.expect("guardedSum", "ok reading")
      try await helper.expect("", "ok 100000")
      try await helper.expect("guardedSum", "ok reading")
      #expect(truncate(path(name), 5000) == 0)
      let reason = "it has been shrunk from 100000 to 5000 bytes"
      try await helper.expect("", "error corrupted(\"\(reason)\")")
      // The remaining bytes can still be read; and all of them once the memory has grown again.
      try await helper.expect("get 4999", "ok 1")
      #expect(truncate(path(name), 100_000) == 0)
      try await helper.expect("guardedSum", "ok reading")
      try await helper.expect("", "ok 5000")
      try await helper.expect("set 99999 1", "ok ")
    }
    // Written to the file, not to a page of the reader's own.
    let last = memory[99_999]
    #expect(last == 1)
    try memory.unlink()
  }

  @Test("Missing bytes read as zeros, the rest is unchanged; the closure's error gives way")
  func zeros() throws {
    let name = uniqueName()
    let memory = try create(name, byteCount: 3 * 4096)
    let error = #expect(throws: InterprocessError.self) {
      try memory.withGuardedBytes { bytes throws(InterprocessError) in
        #expect(sum(bytes) == 3 * 4096)
        #expect(truncate(path(name), 4096) == 0)
        #expect(sum(bytes) == 4096)
        throw InterprocessError(code: .notFound, message: "Found only zeros.")
      }
    }
    #expect(error?.code == .corrupted("it has been shrunk from 12288 to 4096 bytes"))
    #expect(error?.name == name)
    let own = #expect(throws: InterprocessError.self) {
      try memory.withGuardedBytes { _ throws(InterprocessError) in
        throw InterprocessError(code: .notFound, message: "Not this.")
      }
    }
    #expect(own?.code == .notFound)
    try memory.unlink()
  }

  @Test("Each scope around a fault fails, and none after it")
  func nested() throws {
    let name = uniqueName()
    let memory = try create(name, byteCount: 8192)
    let other = try create("\(name)2", byteCount: 100)
    var codes: [Bool] = []
    func writer(_ name: String) throws(InterprocessError) {
      var writer = try SharedMemory.attach(name)
      writer[0] = 5
    }
    func run(_ body: () throws(InterprocessError) -> Void) {
      do {
        try body()
        codes.append(true)
      } catch {
        codes.append(false)
      }
    }
    run { () throws(InterprocessError) in
      try memory.withGuardedBytes { bytes throws(InterprocessError) in
        run { () throws(InterprocessError) in
          try other.withGuardedBytes { others throws(InterprocessError) in
            run { () throws(InterprocessError) in
              try memory.withGuardedBytes { bytes throws(InterprocessError) in
                #expect(truncate(path(name), 0) == 0)
                #expect(sum(bytes) == 0)
                #expect(sum(others) == 100)
              }
            }
          }
        }
        // The zeros stay as long as any scope is open on the memory.
        #expect(truncate(path(name), 8192) == 0)
        try writer(name)
        #expect(sum(bytes) == 0)
      }
    }
    #expect(codes == [false, true, false])
    run { () throws(InterprocessError) in
      try memory.withGuardedBytes { bytes throws(InterprocessError) in #expect(sum(bytes) == 5) }
    }
    #expect(codes.last == true)
    try memory.unlink()
    try other.unlink()
  }

  /// Readers of one handle, or of one handle each, in separate threads.
  @Test("Many threads survive a file that shrinks and grows under them", arguments: [true, false])
  func manyThreads(haveOneHandle: Bool) async throws {
    let name = uniqueName()
    let byteCount = 64 * 4096
    let memory = try create(name, byteCount: byteCount)
    let isOver = Flag()
    let end = now() + 60_000_000_000
    @Sendable func read(_ memory: borrowing SharedMemory) -> (whole: Int, failed: Int) {
      var counts = (whole: 0, failed: 0)
      while min(counts.whole, counts.failed) < 100, now() < end {
        do {
          _ = try memory.withGuardedBytes { bytes in
            stride(from: 0, to: bytes.byteCount, by: 512).reduce(0) {
              $0 + Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self))
            }
          }
          counts.whole += 1
        } catch {
          counts.failed += 1
        }
      }
      return counts
    }
    let attachedCount = Counter()
    let readers = (0..<2).map { _ in
      inThread {
        let memory = try SharedMemory.attach(name)
        attachedCount.increment()
        guard haveOneHandle else { return [read(memory)] }
        let counts = Mutex<[(whole: Int, failed: Int)]>([])
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
          let found = read(memory)
          counts.withLock { $0.append(found) }
        }
        return counts.withLock { $0 }
      }
    }
    let done = Task {
      var counts: [(whole: Int, failed: Int)] = []
      for reader in readers { counts += try await reader.value }
      isOver.set()
      return counts
    }
    // A handle of the shrunk file would be too small to miss pages. The readers leave no thread that
    // would continue a task.
    while attachedCount.value < readers.count && now() < end { usleep(100) }
    while !isOver.isSet && now() < end {
      #expect(truncate(path(name), off_t(Int.random(in: 0..<byteCount))) == 0)
      usleep(UInt32.random(in: 0...500))
      #expect(truncate(path(name), off_t(byteCount)) == 0)
      usleep(UInt32.random(in: 0...500))
    }
    let counts = try await done.value
    #expect(counts.allSatisfy { $0.whole >= 100 && $0.failed >= 100 }, "\(counts)")
    try memory.unlink()
  }

  @Test("A hole that gets no page is an error that says so")
  func noRoomForHole() async throws {
    try await withPrivateSharedMemory("size=1m") { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 2000000 onDemand", "ok m")
        try await helper.expect("guardedSum", "ok reading")
        let reason = "bytes without pages were read, and there is no room for those pages"
        try await helper.expect("", "error corrupted(\"\(reason)\")")
        try await helper.expect("unlink", "ok ")
      }
    }
  }

  // MARK: - Other faults

  @Test("A thread that blocks the signal is guarded, and still blocks it afterwards")
  func blockedSignal() async throws {
    let result = await #expect(processExitsWith: .exitCode(0)) {
      let name = uniqueName()
      let memory = try SharedMemory.create(name, byteCount: 4096)
      var set = sigset_t()
      sigfillset(&set)
      pthread_sigmask(SIG_BLOCK, &set, nil)
      truncate(path(name), 0)
      let error = #expect(throws: InterprocessError.self) {
        _ = try memory.withGuardedBytes { bytes in
          bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        }
      }
      try memory.unlink()
      var after = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &after)
      guard case .corrupted? = error?.code, sigismember(&after, SIGBUS) == 1 else { exit(3) }
      exit(0)
    }
    #expect(result != nil)
  }

  @Test("A fault outside every scope ends the process as usual")
  func unguarded() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let name = uniqueName()
      let memory = try SharedMemory.create(name, byteCount: 4096)
      _ = try memory.withGuardedBytes { $0.byteCount }
      truncate(path(name), 0)
      try memory.unlink()
      print(memory[0])
    }
  }

  @Test("A fault outside the range of the scope goes to the previous handler")
  func previousHandler() async {
    await #expect(processExitsWith: .exitCode(7)) {
      signal(SIGBUS) { _ in _exit(7) }
      let name = uniqueName()
      let memory = try SharedMemory.create(name, byteCount: 4096)
      let other = try SharedMemory.create(byteCount: 4096)
      truncate(path(other.name), 0)
      try memory.unlink()
      try other.unlink()
      _ = try memory.withGuardedBytes { _ in other[0] }
    }
  }

  @Test("A signal from another process goes there as well, and an ignored one stays ignored")
  func sentSignal() async {
    await #expect(processExitsWith: .exitCode(8)) {
      signal(SIGBUS, SIG_IGN)
      let memory = try SharedMemory.create(byteCount: 4096)
      try memory.unlink()
      _ = try memory.withGuardedBytes { _ in
        raise(SIGBUS)
        return 0
      }
      _exit(8)
    }
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let memory = try SharedMemory.create(byteCount: 4096)
      try memory.unlink()
      _ = try memory.withGuardedBytes { _ in
        raise(SIGBUS)
        return 0
      }
      _exit(9)
    }
  }

  @Test("A child that is forked in a scope ends the scope by itself")
  func forked() async throws {
    let name = uniqueName()
    let memory = try create(name, byteCount: 8192)
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 8192")
      try await helper.expect("forkedGuard", "ok both 8192")
      #expect(truncate(path(name), 4096) == 0)
      // The child restores the size of the file, and then reads all of it.
      try await helper.expect("forkedGuard", "ok neither, and then 4096")
    }
    try memory.unlink()
  }
}
