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
import TestSupport
import Testing

@testable import Interprocess

/// What looking at a segment reports of the words by which processes wait for each other.
@Suite("Segment content of synchronization", .timeLimit(.minutes(5)))
struct SegmentContentSynchronizationTests {
  @Test("A segment that ends within its words is damaged, wherever it ends, and keeps its kind")
  func cutWords() throws {
    for (kind, bytes) in try synchronizationSegments() {
      for byteCount in 256...bytes.count {
        let name = uniqueName()
        var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
        memory.replace(with: bytes.prefix(byteCount))
        memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
        let content = try SegmentContent(ofSegment: name)
        #expect(content.kind == kind)
        let isDamaged =
          if case .unusable(_, let error) = content { error.isCorrupted } else { false }
        #expect(isDamaged == (byteCount < bytes.count), "\(byteCount) bytes: \(content)")
      }
    }
  }

  /// Creates a segment, and calls a body with its name and with a handle to damage it by.
  private func withSegment(
    _ bytes: [UInt8], _ body: (String, inout SharedMemory) throws -> Void
  ) throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: bytes.count, options: .whileAttached)
    memory.replace(with: bytes[...])
    try body(name, &memory)
  }

  @Test("Any word of a lock is reported with its holder")
  func lockWords() throws {
    let (_, bytes) = try synchronizationSegments()[0]
    try withSegment(bytes) { name, memory in
      let (free, ownerDied) = (LockHolding.free, LockHolding.ownerDied)
      let words: [(UInt32, LockHolding)] = [
        (0, free), (1 << 31, free), (0x3FFF_FFFF, ownerDied), (0xBFFF_FFFF, ownerDied),
        // No handle has such a number.
        (1, ownerDied), (0x3FFF_FFFE, ownerDied), (0x8000_1234, ownerDied),
      ]
      for (word, expected) in words {
        memory.storeBytes(of: word, toByteOffset: 256, as: UInt32.self)
        var facts = try facts(name)
        #expect(facts.removeValue(forKey: "dtype") == .text("'<i8'"))
        #expect(facts == expected.facts.byKey, "\(word)")
      }
      for word: UInt32 in [0x4000_0000, 0x7FFF_FFFF, 0xC000_0000, .max] {
        memory.storeBytes(of: word, toByteOffset: 256, as: UInt32.self)
        try expectDamage(name, "mutex", "its lock holds \(word), which is no holder's number")
      }
    }
  }

  @Test("A mutex with a value of any size is read without an overflow")
  func valueSize() throws {
    let (_, bytes) = try synchronizationSegments()[0]
    try withSegment(bytes) { name, memory in
      for size in [9, 4096, UInt64(Int.max), UInt64(Int.max) - 15, 1 << 62, .max] {
        memory.storeBytes(of: size, toByteOffset: 40, as: UInt64.self)
        guard case .unusable("mutex", _) = try SegmentContent(ofSegment: name) else {
          Issue.record("A value of \(size) bytes is accepted")
          continue
        }
      }
    }
  }

  @Test("Permits of impossible holders, and more permits than fit, are damage")
  func permits() throws {
    let (_, bytes) = try synchronizationSegments()[1]
    try withSegment(bytes) { name, memory in
      for word: UInt32 in [0x3FFF_FFFF, 0x4000_0000, 1 << 31, .max] {
        memory.storeBytes(of: word, toByteOffset: 256 + 128 + 8, as: UInt32.self)
        try expectDamage(
          name, "semaphore", "permit 2 is held by \(word), which is no holder's number")
      }
      memory.storeBytes(of: 5, toByteOffset: 256 + 128 + 8, as: UInt32.self)
      try expectPermits(name, of: 3, free: 2, orphaned: 1)
      for count: UInt64 in [0, 4, 1 << 61, 1 << 62, UInt64(Int.max), .max] {
        memory.storeBytes(of: count, toByteOffset: 32, as: UInt64.self)
        guard case .unusable("semaphore", _) = try SegmentContent(ofSegment: name) else {
          Issue.record("\(count) permits are accepted")
          continue
        }
      }
    }
  }

  @Test("Any word is that of an event")
  func eventWords() throws {
    let (_, bytes) = try synchronizationSegments()[2]
    try withSegment(bytes) { name, memory in
      for word: UInt32 in [0, 1, 2, 3, 4, 7, .max] {
        memory.storeBytes(of: word, toByteOffset: 256, as: UInt32.self)
        let facts = try facts(name)
        #expect(
          facts == ["isSet": .flag(word & 2 == 2), "generation": .integer(Int128(word / 4))])
      }
    }
  }

  @Test("A semaphore, an event or an atomic with another element is damaged")
  func elements() throws {
    // A mutex and a read-write lock may hold values of any type.
    for (kind, bytes) in try synchronizationSegments()
    where kind != "mutex" && kind != "read-write-lock" {
      try withSegment(bytes) { name, memory in
        // The size and the fingerprint; and, for an atomic, whose type follows from its
        // description, also the letter and the size there.
        for offset in [40, 64] + (kind == "atomic" ? [130, 131] : []) {
          let fingerprint = memory.load(fromByteOffset: 64, as: UInt64.self)
          memory[offset] ^= 2
          if offset > 128 {
            let described = ElementLayout.fingerprint(
              ofDescription: (128..<133).map { memory[$0] })
            memory.storeBytes(of: described, toByteOffset: 64, as: UInt64.self)
          }
          defer {
            memory[offset] ^= 2
            memory.storeBytes(of: fingerprint, toByteOffset: 64, as: UInt64.self)
          }
          guard case .unusable(kind, _) = try SegmentContent(ofSegment: name) else {
            Issue.record("\(kind), byte \(offset): \(try SegmentContent(ofSegment: name))")
            continue
          }
        }
        if kind == "atomic" {
          memory[130] = UInt8(ascii: "f")
          memory.storeBytes(
            of: ElementLayout(of: Double.self).fingerprint, toByteOffset: 64, as: UInt64.self)
          try expectDamage(name, kind, "it holds '<f8', which is not an integer")
        }
      }
    }
  }

  @Test("An atomic of each type is shown with its value")
  func integers() throws {
    func check<Value: SharedAtomicValue>(_ type: Value.Type, _ dtype: String) throws {
      for value in [Value.min, 0, 7, Value.max] {
        let name = uniqueName()
        let atomic = try SharedAtomic.create(name, initialValue: value, options: .whileAttached)
        #expect(
          try facts(name) == ["dtype": .text(dtype), "value": .integer(Int128(value))])
        withExtendedLifetime(atomic) {}
      }
    }
    try check(Int8.self, "'|i1'")
    try check(Int16.self, "'<i2'")
    try check(Int32.self, "'<i4'")
    try check(Int64.self, "'<i8'")
    try check(Int.self, "'<i8'")
    try check(UInt8.self, "'|u1'")
    try check(UInt16.self, "'<u2'")
    try check(UInt32.self, "'<u4'")
    try check(UInt64.self, "'<u8'")
    try check(UInt.self, "'<u8'")
  }

  @Test("Reading permits that were never touched takes no page, and finds those behind them")
  func untouchedPermits() throws {
    let name = uniqueName()
    let semaphore = try SharedSemaphore.create(
      name, permitCount: 100_000,
      options: SegmentOptions(lifetime: .whileAttached, reservation: .onDemand))
    try expectPermits(name, of: 100_000, free: 100_000, orphaned: 0)
    #expect(try info(name).residentByteCount == 4096)
    // A number that no handle has, at both ends of one page and in the last permit.
    var memory = try SharedMemory.attach(name)
    for offset in [40_960, 45_052, 256 + 128 + 4 * 99_999] {
      memory.storeBytes(of: 9, toByteOffset: offset, as: UInt32.self)
    }
    memory.close()
    try expectPermits(name, of: 100_000, free: 99_997, orphaned: 3)
    #expect(try info(name).residentByteCount == 3 * 4096)
    withExtendedLifetime(semaphore) {}
  }

  @Test(
    "A holder is dead only if its number is in the word before and after the kernel was asked",
    arguments: [
      ([nil], [], nil), ([5], [5], "5 true"), ([5, 5], [], "5 false"), ([5, nil], [], nil),
      ([5, 6], [6], "6 true"), ([5, 6, 6], [], "6 false"), ([5, 6, nil], [], nil),
      // Always another number, some number of times.
      ((1...17).map { $0 }, [], "17 true"),
    ] as [([UInt32?], Set<UInt32>, String?)])
  func holder(reads: [UInt32?], taken: Set<UInt32>, expected: String?) throws {
    var reads = reads[...]
    let found = try NumberSighting.find(
      number: { reads.removeFirst() }, isTaken: { taken.contains($0) })
    #expect(found.map { "\($0.number) \($0.isAlive)" } == expected)
    #expect(reads.isEmpty)
  }

  @Test("While handles come, hold a lock or a permit and go, none of them counts as dead")
  func movingHolders() async throws {
    let (name, other) = (uniqueName(), uniqueName())
    let mutex = try SharedMutex.create(name, initialValue: 0, options: .whileAttached)
    let semaphore = try SharedSemaphore.create(other, permitCount: 2, options: .whileAttached)
    let (status, _) = try await withChildProcess(
      Places.helper, ["sync", "come-and-go", name, other]
    ) { child in
      #expect(try await child.nextLine() == "ready")
      var (heldCount, takenCount) = (0, 0)
      while heldCount < 20 || takenCount < 50 {
        if heldCount < 20 {
          switch try facts(name)["lock"] {
          case .state("free", _): break
          case .state("held", _): heldCount += 1
          case let lock: Issue.record("\(String(describing: lock))")
          }
        }
        let permits = try facts(other)
        #expect(permits["orphanedCount"] == .integer(0))
        switch permits["freeCount"] {
        case .integer(2): break
        case .integer(1): takenCount += 1
        case let count: Issue.record("\(String(describing: count)) free permits")
        }
      }
      try child.kill()
    }
    #expect(status == .signaled(SIGKILL))
    withExtendedLifetime((mutex, semaphore)) {}
  }

  private func expectPermits(
    _ name: String, of count: Int, free: Int, orphaned: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      try facts(name) == [
        "permitCount": .integer(Int128(count)), "freeCount": .integer(Int128(free)),
        "orphanedCount": .integer(Int128(orphaned)), "holders": .holders([]),
      ], sourceLocation: sourceLocation)
  }

  /// Expects a segment to be reported as damaged, for a reason.
  private func expectDamage(
    _ name: String, _ kind: String, _ reason: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    guard case .unusable(kind, let error) = try SegmentContent(ofSegment: name) else {
      Issue.record(
        "\(try SegmentContent(ofSegment: name))", sourceLocation: sourceLocation)
      return
    }
    #expect(error.code == .corrupted(reason), sourceLocation: sourceLocation)
  }
}

extension InterprocessError {
  fileprivate var isCorrupted: Bool { if case .corrupted = code { true } else { false } }
}
