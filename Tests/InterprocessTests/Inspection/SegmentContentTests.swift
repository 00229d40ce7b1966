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

/// What looking at a segment reports when the segment is not what it seems to be.
@Suite("Segment content", .timeLimit(.minutes(5)))
struct SegmentContentTests {
  /// The bytes of one segment of each kind.
  private func originals() throws -> [[UInt8]] {
    let value = try SharedMemory.create(
      copying: { try SharedValue.create($0, initialValue: SIMD2<Double>(1, 2)).close() })
    let list = try SharedMemory.create(
      copying: { try ShareableList.create($0, [1, "two", nil, 2.5, [0, 9]]).close() })
    let array = try SharedMemory.create(
      copying: { try SharedArray<Int32>.create($0, shape: [2, 3]).close() })
    return [value, list, array] + (try synchronizationOriginals()).map(\.bytes)
  }

  /// The same for the kinds by which processes wait for each other.
  private func synchronizationOriginals() throws -> [(kind: String, bytes: [UInt8])] {
    [
      (
        "mutex",
        try SharedMemory.create(copying: { _ = try SharedMutex.create($0, initialValue: 1) })
      ),
      (
        "semaphore",
        try SharedMemory.create(copying: { _ = try SharedSemaphore.create($0, permitCount: 3) })
      ),
      ("event", try SharedMemory.create(copying: { _ = try SharedEvent.create($0) })),
      (
        "atomic",
        try SharedMemory.create(copying: { _ = try SharedAtomic.create($0, initialValue: 7) })
      ),
      (
        "read-write-lock",
        try SharedMemory.create(
          copying: {
            _ = try SharedReadWriteLock.create($0, initialValue: 1, maximumReaderCount: 2)
          })
      ),
      (
        "barrier",
        try SharedMemory.create(copying: { _ = try SharedBarrier.create($0, partyCount: 3) })
      ),
    ]
  }

  @Test("A structured segment that ends within its version is damaged, wherever it ends")
  func cutVersion() throws {
    let original = try originals()[0]
    let contentOffset = 256
    for byteCount in contentOffset...contentOffset + 128 {
      let name = uniqueName()
      var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
      memory.replace(with: original.prefix(byteCount))
      memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
      guard case .unusable("value", let error) = try SegmentContent(ofSegment: name) else {
        Issue.record("\(byteCount) bytes are taken for a value")
        continue
      }
      guard case .corrupted = error.code else {
        Issue.record("\(error)")
        continue
      }
    }
  }

  @Test("A value with an element of any size is read without an overflow")
  func elementSize() throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: 1)
    var memory = try SharedMemory.attach(name)
    for size in [UInt64(Int.max), UInt64(Int.max) - 7, 1 << 62, 4096, .max] {
      memory.storeBytes(of: size, toByteOffset: 40, as: UInt64.self)
      guard case .unusable("value", _) = try SegmentContent(ofSegment: name) else {
        Issue.record("An element of \(size) bytes is accepted")
        continue
      }
    }
    memory.storeBytes(of: 8, toByteOffset: 40, as: UInt64.self)
    #expect(try facts(name) == ["dtype": .text("'<i8'"), "version": .integer(1)])
    memory.close()
    try value.unlink()
  }

  @Test("Memory that shrinks while it is read is an error, and no content")
  func shrinks() throws {
    for original in try originals() {
      for byteCount in [0, 1, 40, 130, original.count - 1] {
        let name = uniqueName()
        var memory = try SharedMemory.create(
          name, byteCount: original.count, options: .whileAttached)
        memory.replace(with: original[...])
        let peek = try SegmentPeek(name: SegmentName(name), owner: .anyone)
        #expect(truncate(path(name), byteCount) == 0)
        let error = #expect(throws: InterprocessError.self) { try SegmentContent(of: peek) }
        #expect(error?.code == .invalidSize)
      }
    }
  }

  @Test("Each damaged segment is reported as something")
  func mutations() throws {
    let roundCount = extent(whole: 1429, short: 200)
    var generator = SeededGenerator(seed: 7)
    let interesting: [UInt64] = [
      0, 1, 2, 7, 8, 128, 256, 1 << 31, 1 << 62, UInt64(Int.max), 1 << 63, .max,
    ]
    var kinds: [String: Int] = [:]
    for original in try originals() {
      for byteCount in [original.count, original.count - 1, original.count + 1, 260, 130, 40] {
        let name = uniqueName()
        var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
        for _ in 0..<roundCount {
          memory.replace(with: original.prefix(byteCount))
          // As far as there is one, so that the rest is read, too.
          if byteCount >= 128 && original[0] == UInt8(ascii: "S") {
            memory.storeBytes(of: UInt64(byteCount), toByteOffset: 24, as: UInt64.self)
          }
          for _ in 0..<Int.random(in: 0...3, using: &generator) {
            if Bool.random(using: &generator) {
              let offset = 8 * Int.random(in: 0...min(byteCount, 272) / 8 - 1, using: &generator)
              let number = interesting.randomElement(using: &generator)!
              memory.storeBytes(of: number, toByteOffset: offset, as: UInt64.self)
            } else {
              memory[Int.random(in: 0..<byteCount, using: &generator)] = .random(
                in: 0...255, using: &generator)
            }
          }
          let content = try SegmentContent(ofSegment: name)
          if case .unusable = content {
            kinds["unusable", default: 0] += 1
          } else {
            kinds[content.kind, default: 0] += 1
          }
          let kind = try SegmentContent.kind(ofSegment: Array(name.utf8))
          if kind != content.kind { Issue.record("\(kind) is not \(content)") }
        }
      }
    }
    #expect(
      Set(kinds.keys) == [
        "array", "atomic", "barrier", "bytes", "event", "list", "mutex", "read-write-lock",
        "semaphore", "unknown", "unusable", "value",
      ])
    #expect(kinds.values.min() ?? 0 > roundCount / 70, "\(kinds)")
  }

  // MARK: - Mutex, semaphore, event and atomic

  @Test("A segment that ends within its words is damaged, wherever it ends, and keeps its kind")
  func cutWords() throws {
    for (kind, bytes) in try synchronizationOriginals() {
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
    let (_, bytes) = try synchronizationOriginals()[0]
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
        #expect(facts == values(of: expected.facts), "\(word)")
      }
      for word: UInt32 in [0x4000_0000, 0x7FFF_FFFF, 0xC000_0000, .max] {
        memory.storeBytes(of: word, toByteOffset: 256, as: UInt32.self)
        try expectDamage(name, "mutex", "its lock holds \(word), which is no holder's number")
      }
    }
  }

  @Test("A mutex with a value of any size is read without an overflow")
  func valueSize() throws {
    let (_, bytes) = try synchronizationOriginals()[0]
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
    let (_, bytes) = try synchronizationOriginals()[1]
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
    let (_, bytes) = try synchronizationOriginals()[2]
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
    for (kind, bytes) in try synchronizationOriginals()
    where kind != "mutex" && kind != "read-write-lock" {
      try withSegment(bytes) { name, memory in
        // The size and the fingerprint; and, for an atomic, whose type follows from its
        // description, also the letter and the size there.
        for offset in [40, 64] + (kind == "atomic" ? [130, 131] : []) {
          memory[offset] ^= 2
          guard case .unusable(kind, _) = try SegmentContent(ofSegment: name) else {
            Issue.record("\(kind), byte \(offset): \(try SegmentContent(ofSegment: name))")
            continue
          }
          memory[offset] ^= 2
        }
        memory[130] = UInt8(ascii: "f")
        if kind == "atomic" {
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

  private func values(of facts: [SegmentFact]) -> [String: SegmentFact.Value] {
    Dictionary(uniqueKeysWithValues: facts.map { ($0.key, $0.value) })
  }

  /// What a structured segment tells about itself; nothing if it is something else.
  private func facts(_ name: String) throws -> [String: SegmentFact.Value] {
    guard case .structured(_, let facts) = try SegmentContent(ofSegment: name) else { return [:] }
    return values(of: facts)
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

  @Test("Each kind has a number and a name of its own, and is found by its number")
  func kinds() {
    let kinds = SegmentKinds.all
    #expect(kinds.map { $0.number } == (1...UInt32(kinds.count)).map { $0 })
    #expect(Set(kinds.map { $0.word }).count == kinds.count)
    for kind in kinds { #expect(SegmentKinds.kind(kind.number) == kind) }
    // So that no kind of the C header is missing in the list.
    #expect(SegmentHeader.name(ofKind: 0) == nil)
    #expect(SegmentHeader.name(ofKind: UInt32(kinds.count + 1)) == nil)
  }

  @Test("A path that is not a file is refused before anything is read from it")
  func noFile() throws {
    let name = uniqueName()
    #expect(mkfifo(path(name), 0o600) == 0)
    let error = #expect(throws: InterprocessError.self) { try SegmentContent(ofSegment: name) }
    #expect(error?.code == .wrongKind(expected: "shared memory", found: "a FIFO"))
    unlink(path(name))
  }
}

extension InterprocessError {
  fileprivate var isCorrupted: Bool { if case .corrupted = code { true } else { false } }
}

extension SharedMemory {
  /// The bytes of the segment that a body makes under a name.
  fileprivate static func create(copying make: (String) throws -> Void) throws -> [UInt8] {
    let name = uniqueName()
    try make(name)
    let memory = try attach(name)
    let bytes = (0..<memory.byteCount).map { memory[$0] }
    try memory.unlink()
    return bytes
  }

  /// Overwrites all bytes, with zeros behind the given ones.
  fileprivate mutating func replace(with bytes: ArraySlice<UInt8>) {
    withMutableBytes { span in
      span.withUnsafeMutableBytes { buffer in
        _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
        buffer.copyBytes(from: bytes)
      }
    }
  }
}
