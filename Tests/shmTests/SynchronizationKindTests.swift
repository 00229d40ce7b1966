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
import Subprocess
import Synchronization
import TestSupport
import Testing

/// What the tool shows of locks, permits and signals, and of their holders.
@Suite("Kinds of synchronization", .timeLimit(.minutes(3)))
struct SynchronizationKindTests {
  /// Runs the helper as a holder, until the body ends or kills it.
  private func withHolder(
    _ arguments: String..., body: (ChildProcess) async throws -> Void
  ) async throws {
    _ = try await withChildProcess(Places.helper, ["sync"] + arguments) { child in
      #expect(try await child.nextLine() == "held")
      try await body(child)
    }
  }

  private static let account =
    "dtype [('first', '<u8'), ('second', '<u8'), ('repairCount', '<u8')]"

  @Test("The tool shows which process holds a mutex, and that the value needs a repair")
  func mutex() async throws {
    try await withName { name in
      let mutex = try SharedMutex.create(name, initialValue: Account())
      func expectLock(
        _ text: String, _ state: String, _ holder: (text: String, json: NSDictionary)? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
      ) async throws {
        let before = try content(name)
        #expect(
          try await infoDetails(name) == ["kind mutex", Self.account, "lock \(text)"]
            + (holder.map { ["held by \($0.text)"] } ?? []), sourceLocation: sourceLocation)
        let json = try await infoJSON(name)
        #expect(json["lock"] as? String == state, sourceLocation: sourceLocation)
        #expect(
          json["holder"] as? NSObject == holder?.json ?? NSNull(), sourceLocation: sourceLocation)
        #expect(try content(name) == before, sourceLocation: sourceLocation)
      }
      #expect(try await listedKind(name) == "mutex")
      try await expectLock("free", "free")
      try await withHolder("mutex-hold", name) { child in
        let (pid, command) = (child.processID, "interprocess-te")
        let holder = ("\(pid) \(command)", ["processID": pid, "command": command] as NSDictionary)
        try await expectLock("held", "held", holder)
        // Waiters do not show.
        async let waiter = run(Places.helper, ["sync", "mutex-hold", name], input: "\n")
        while try content(name)[256 + 3] & 0x80 == 0 {
          try await Task.sleep(for: .milliseconds(5))
        }
        try await expectLock("held", "held", holder)
        try await child.send("")
        #expect(try await child.nextLine() == "released")
        #expect(try await waiter.output == "held\nreleased\n")
        try await expectLock("free", "free")
      }
      try await withHolder("mutex-hold", name) { try $0.kill() }
      // At first the word still has the number of a dead process; later a waiter has noticed.
      try await expectLock("its holder died", "ownerDied")
      #expect(try content(name)[256..<260] != [255, 255, 255, 63])
      #expect(throws: InterprocessError.self) { try mutex.withLock { _ in } }
      #expect(try content(name)[256..<260] == [255, 255, 255, 63])
      try await expectLock("its holder died", "ownerDied")
      try await mutex.withLock(recovering: { $0.repair() }) { _ in }
      try await expectLock("free", "free")
      #expect(
        try await shm("read", name, "--as", "uint64", "--offset", "272", "--count", "3")
          == .success("3 3 1\n"))
    }
  }

  @Test("The tool shows a holder in Python that locks the byte of its number, and no more")
  func pythonHolder() async throws {
    try await withName { name in
      _ = try SharedMutex.create(name, initialValue: Account())
      let python = try #require(Python.all.first)
      // F_OFD_SETLK, with a flock of 64 bits, for the numbers 5 to 9, and for 20. A lock on several
      // bytes is not a holder's.
      let program = """
        import fcntl, mmap, struct, sys
        file = open("/dev/shm/" + sys.argv[1], "r+b")
        memory = mmap.mmap(file.fileno(), 0)
        for first, count in (5, 5), (20, 1):
          start = 2**62 + 2**32 + first
          fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, start, count, 0))
        for number in 4, 5, 7, 20, 21:
          memory[256:260] = struct.pack("<I", number)
          print(number, flush=True)
          sys.stdin.readline()
        """
      _ = try await withChildProcess(python.path, ["-c", program, name]) { child in
        for number in [4, 5, 7, 20, 21] {
          #expect(try await child.nextLine() == "\(number)")
          let lock = try await infoDetails(name).last
          let holder = "held by \(child.processID) python"
          #expect(
            number == 20 ? lock?.hasPrefix(holder) == true : lock == "lock its holder died",
            "\(number): \(lock ?? "")")
          try await child.send("")
        }
      }
    }
  }

  @Test(
    "A holder that this user may not look into is not shown",
    .enabled(if: geteuid() == 0, "needs root, to act as another user"))
  func hiddenHolder() async throws {
    try await withName { name in
      let mutex = try SharedMutex.create(name, initialValue: Account())
      #expect(chmod("/dev/shm/\(name)", 0o644) == 0)
      try await withHolder("mutex-hold", name) { _ in
        for (options, expected) in [([], "held by    ?"), (["--json"], #""holder": null"#)] {
          let outcome = try await run(
            "setpriv", ["--reuid=65534", "--clear-groups", Tool.path, "info", name] + options)
          #expect(outcome.status == .exited(0))
          #expect(outcome.output.contains(expected), "\(outcome.output)")
        }
      }
      withExtendedLifetime(mutex) {}
    }
  }

  @Test("The tool shows the free permits of a semaphore, and those of dead holders")
  func semaphore() async throws {
    try await withName { name in
      let semaphore = try SharedSemaphore.create(name, permitCount: 5)
      func expectPermits(
        free: Int, orphaned: Int, holders: [(ChildProcess, Int)] = [],
        sourceLocation: SourceLocation = #_sourceLocation
      ) async throws {
        #expect(
          try await infoDetails(name)
            == ["kind semaphore", "permits 5", "free \(free)", "orphaned \(orphaned)"]
            + holders.map { holder, count in
              "held by \(holder.processID) interprocess-te"
                + (count == 1 ? "" : " (\(count) times)")
            }, sourceLocation: sourceLocation)
        let json = try await infoJSON(name)
        let counts = ["permitCount", "freeCount", "orphanedCount"].map { json[$0] as? Int }
        #expect(counts == [5, free, orphaned], sourceLocation: sourceLocation)
        let found = try #require(json["holders"] as? [NSDictionary])
        #expect(
          found
            == holders.map { holder, count in
              [
                "process": ["processID": holder.processID, "command": "interprocess-te"],
                "count": count,
              ] as NSDictionary
            }, sourceLocation: sourceLocation)
      }
      #expect(try await listedKind(name) == "semaphore")
      try await expectPermits(free: 5, orphaned: 0)
      try await withHolder("semaphore-hold", name, "1") { first in
        try await withHolder("semaphore-hold", name, "2") { child in
          let holders = [(first, 1), (child, 2)].sorted { $0.0.processID < $1.0.processID }
          try await expectPermits(free: 2, orphaned: 0, holders: holders)
          try child.kill()
        }
        try await expectPermits(free: 2, orphaned: 2, holders: [(first, 1)])
        #expect(try semaphore.reclaim() == 2)
        try await expectPermits(free: 4, orphaned: 0, holders: [(first, 1)])
      }
      try await expectPermits(free: 5, orphaned: 0)
    }
  }

  @Test("The tool shows which process writes under a read-write lock, and which read")
  func readWriteLock() async throws {
    try await withName { name in
      let lock = try SharedReadWriteLock.create(
        name, initialValue: Account(), maximumReaderCount: 3)
      func expectLock(
        _ state: String = "free", writer: ChildProcess? = nil, readers: [ChildProcess] = [],
        orphaned: Int = 0,
        sourceLocation: SourceLocation = #_sourceLocation
      ) async throws {
        let before = try content(name)
        let readers = readers.sorted { $0.processID < $1.processID }
        #expect(
          try await infoDetails(name)
            == ["kind read-write-lock", Self.account, "lock \(state)"]
            + (writer.map { ["held by \($0.processID) interprocess-te"] } ?? [])
            + ["maximum readers 3", "readers \(readers.count)", "orphaned \(orphaned)"]
            + readers.map { "reading \($0.processID) interprocess-te" },
          sourceLocation: sourceLocation)
        let json = try await infoJSON(name)
        #expect(json["readerCount"] as? Int == readers.count, sourceLocation: sourceLocation)
        #expect(try content(name) == before, sourceLocation: sourceLocation)
      }
      #expect(try await listedKind(name) == "read-write-lock")
      try await expectLock()
      try await withHolder("rwlock-read", name) { first in
        try await withHolder("rwlock-read", name) { second in
          try await expectLock(readers: [first, second])
          try second.kill()
        }
        try await expectLock(readers: [first], orphaned: 1)
      }
      try await expectLock(orphaned: 1)
      try await withHolder("rwlock-write", name) { child in
        try await expectLock("held", writer: child)
        try child.kill()
      }
      try await expectLock("its holder died")
      #expect(try await infoJSON(name)["lock"] as? String == "ownerDied")
      withExtendedLifetime(lock) {}
    }
  }

  @Test("The tool shows the parties of a barrier, how many have arrived, and why it is broken")
  func barrier() async throws {
    try await withName { name in
      let barrier = try SharedBarrier.create(name, partyCount: 3)
      func expectBarrier(
        arrived: Int, _ state: String, parties: [ChildProcess] = [], dead: Int = 0,
        sourceLocation: SourceLocation = #_sourceLocation
      ) async throws {
        #expect(
          try await infoDetails(name)
            == [
              "kind barrier", "parties 3", "arrived \(arrived)", "state \(state)", "dead \(dead)",
            ] + parties.map { "party \($0.processID) interprocess-te" },
          sourceLocation: sourceLocation)
        let json = try await infoJSON(name)
        let counts = ["partyCount", "arrivedCount", "deadCount"].map { json[$0] as? Int }
        #expect(counts == [3, arrived, dead], sourceLocation: sourceLocation)
      }
      #expect(try await listedKind(name) == "barrier")
      try await expectBarrier(arrived: 0, "whole")
      _ = try await withChildProcess(
        Places.helper, ["sync", "barrier-arrive", name, "0"]
      ) { child in
        #expect(try await child.nextLine() == "ready")
        while barrier.arrivedCount == 0 { try await Task.sleep(for: .milliseconds(5)) }
        try await expectBarrier(arrived: 1, "whole", parties: [child])
        try child.kill()
      }
      try await expectBarrier(arrived: 1, "whole", dead: 1)
      // The next waiter finds out.
      _ = try? await barrier.arriveAndWait(timeout: .seconds(60))
      let details = try await infoDetails(name)
      #expect(details.contains("state broken: a party died or left"))
    }
  }

  @Test("The tool shows whether an event is set, and its generation")
  func event() async throws {
    try await withName { name in
      let event = try SharedEvent.create(name)
      #expect(try await listedKind(name) == "event")
      #expect(try await infoDetails(name) == ["kind event", "set no", "generation 0"])
      for _ in 0..<3 { event.pulse() }
      event.set()
      #expect(try await infoDetails(name) == ["kind event", "set yes", "generation 4"])
      let json = try await infoJSON(name)
      #expect(json["isSet"] as? Bool == true)
      #expect(json["generation"] as? Int == 4)
      event.reset()
      // A waiter leaves a mark in the word.
      _ = try await withChildProcess(Places.helper, ["sync", "event-wait", name, "100000"]) {
        child in
        #expect(try await child.nextLine() == "ready")
        while try content(name)[256] & 1 == 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try await infoDetails(name) == ["kind event", "set no", "generation 4"])
        event.set()
        #expect(try await child.nextLine() == "came")
      }
    }
  }

  @Test("The tool shows the type and the exact value of an atomic")
  func atomic() async throws {
    try await withName { name in
      let atomic = try SharedAtomic<UInt64>.create(name, initialValue: .max)
      #expect(try await listedKind(name) == "atomic")
      let text = "18446744073709551615"
      #expect(try await infoDetails(name) == ["kind atomic", "dtype '<u8'", "value \(text)"])
      #expect(try await shm("info", name, "--json").output.contains("\"value\": \(text)"))
      atomic[].store(12, ordering: .relaxed)
      #expect(try await infoDetails(name).last == "value 12")
      try atomic.unlink()
      let small = try SharedAtomic<Int8>.create(name, initialValue: -128)
      #expect(try await infoDetails(name) == ["kind atomic", "dtype '|i1'", "value -128"])
      withExtendedLifetime(small) {}
    }
  }

  @Test("The tool reports a damaged word, and still shows the kind")
  func damage() async throws {
    try await withName { name in
      _ = try SharedMutex.create(name, initialValue: Account())
      var memory = try SharedMemory.attach(name)
      memory.storeBytes(of: 0x4000_0000, toByteOffset: 256, as: UInt32.self)
      let problem = """
        Shared memory "\(name)" is damaged: its lock holds 1073741824, which is no holder's \
        number. Remove it, and let its creator create it again.
        """
      #expect(try await listedKind(name) == "mutex")
      #expect(try await infoDetails(name) == ["kind mutex", "problem \(problem)"])
      #expect(try await infoJSON(name)["problem"] as? String == problem)
      // Segments too small for a mutex, or with elements of another type.
      for (number, kind) in [(3, "read-write-lock"), (6, "barrier")] {
        memory.storeBytes(of: UInt32(number), toByteOffset: 12, as: UInt32.self)
        #expect(try await listedKind(name) == kind)
        let details = try await infoDetails(name)
        #expect(details.first == "kind \(kind)")
        #expect(details.last?.hasPrefix("problem ") == true)
      }
      memory.close()
    }
  }

  @Test("Looking at a temporary mutex neither keeps nor removes it")
  func temporary() async throws {
    try await withName { name in
      var mutex: SharedMutex<Int>? = try .create(name, initialValue: 1, options: .whileAttached)
      #expect(try await infoDetails(name).last == "lock free")
      #expect(mutex?.isLinked == true)
      mutex = nil
      #expect(!exists(name))
    }
  }
}
