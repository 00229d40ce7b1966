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

@Suite("Shared value", .timeLimit(.minutes(3)))
struct SharedValueTests {
  struct Pose: Shareable, Equatable {
    var position: SIMD4<Double>
    var time: UInt64
    var state: UInt8
  }

  struct Other: Shareable {
    var position: SIMD4<Double>
    var time: UInt64
    var status: UInt8
  }

  typealias Small = InlineArray<8, UInt64>
  typealias Large = InlineArray<512, UInt64>

  static func pose(_ number: Int) -> Pose {
    Pose(position: [1, 2, 3, Double(number)], time: UInt64(number), state: 7)
  }

  // MARK: - Basics

  @Test("Other handles load what one stores, and the version counts the stores")
  func storeAndLoad() throws {
    let name = uniqueName()
    let writer = try SharedValue.create(name, initialValue: Self.pose(0))
    let reader = try SharedValue<Pose>.attach(name, access: .readOnly)
    let creators = [writer.isCreator, reader.isCreator]
    #expect(creators == [true, false])
    let (readerName, access) = (reader.name, reader.access)
    #expect(readerName == name)
    #expect(access == .readOnly)
    #expect(try load(reader) == Self.pose(0))
    #expect(version(reader) == 1)
    for number in 1...100 {
      try writer.store(Self.pose(number))
      #expect(try load(reader) == Self.pose(number))
      #expect(version(reader) == UInt64(number + 1))
    }
    let wasLinked = reader.isLinked
    try writer.unlink()
    let isLinked = reader.isLinked
    #expect([wasLinked, isLinked] == [true, false])
    #expect(!exists(name))
    #expect(try load(reader) == Self.pose(100))
  }

  @Test("A value of any size is stored whole", arguments: [1, 2, 4, 8, 12, 33])
  func sizes(byteCount: Int) throws {
    func check<Value: Shareable & Equatable>(_ first: Value, _ second: Value) throws {
      let name = uniqueName()
      let writer = try SharedValue.create(name, initialValue: first)
      let reader = try SharedValue<Value>.attach(name)
      #expect(try load(reader) == first)
      try writer.store(second)
      #expect(try load(reader) == second)
      try writer.unlink()
    }
    switch byteCount {
    case 1: try check(UInt8(3), 250)
    case 2: try check(Int16(-3), 250)
    case 4: try check(Float(1.5), -.infinity)
    case 8: try check(1.5, 2.5)
    case 12: try check(SIMD3<Float>(1, 2, 3), [4, 5, 6])
    default: try check(Self.pose(1), Self.pose(2))
    }
  }

  @Test("A temporary value goes with its last handle")
  func temporary() throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: 1.5, options: .whileAttached)
    let other = try SharedValue<Double>.attach(name)
    let lifetimes = [value.lifetime, other.lifetime]
    #expect(lifetimes == [.whileAttached, .whileAttached])
    value.close()
    #expect(exists(name))
    other.close()
    #expect(!exists(name))
  }

  @Test("A value without a given name gets one, and permissions are exact")
  func nameAndPermissions() throws {
    let value = try SharedValue.create(
      initialValue: 5, options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead]))
    let name = value.name
    #expect(name.hasPrefix("swift_"))
    #expect(try info(name).permissions == [.ownerReadWrite, .groupRead])
    try value.unlink()
  }

  @Test("A store through a handle for reading is a failed precondition")
  func readOnlyStore() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let name = uniqueName()
      let value = try SharedValue.create(name, initialValue: 1, options: .whileAttached)
      let reader = try SharedValue<Int>.attach(name, access: .readOnly)
      try value.unlink()
      try reader.store(2)
    }
    #expect(result.says("This shared value is attached read-only"))
  }

  // MARK: - The writer

  @Test("Only one handle is the writer, until it is closed")
  func writerRole() throws {
    let name = uniqueName()
    let first = try SharedValue.create(name, initialValue: 1)
    let second = try SharedValue<Int>.attach(name)
    // The first handle to store is the writer, whichever created the value.
    try second.store(2)
    #expect(code { () throws(InterprocessError) in try first.store(3) } == .roleTaken)
    #expect(try load(first) == 2)
    second.close()
    try first.store(4)
    #expect(try load(first) == 4)
    try first.unlink()
  }

  @Test("A writer in another process keeps the role until it is killed")
  func writerKilled() async throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: Small(repeating: 0))
    let (status, _) = try await withChildProcess(Places.helper, ["value-writer", "64", name]) {
      child in
      #expect(try await child.nextLine() == "ready")
      #expect(
        code { () throws(InterprocessError) in try value.store(.init(repeating: 1)) } == .roleTaken)
      try child.kill()
    }
    #expect(status == .signaled(9))
    try value.store(Small(repeating: 5))
    let stored = try value.load()
    #expect(stored[0] == 5)
    try value.unlink()
  }

  @Test("A forked child does not have its parent's role, and can take it once the parent has ended")
  func forked() async throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: Small(number: 1))
    let (status, _) = try await withChildProcess(Places.helper) { parent in
      try await parent.expect("value \(name)", "ok 64")
      try await parent.expect("store 2", "ok ")
      #expect(try await parent.ask("fork")?.hasPrefix("ok ") == true)
      try await parent.expect("child store 3", "ok error roleTaken")
      #expect(try load(value).number == 2)
      try await parent.expect("store 4", "ok ")
      try await parent.expect("closeValue", "ok ")
      try await parent.expect("child store 5", "ok ok ")
      #expect(try load(value).number == 5)
    }
    #expect(status == .exited(0))
    try value.unlink()
  }

  @Test("Two tasks may store through one handle at once")
  func twoTasks() async throws {
    let name = uniqueName()
    let value = Handle(try SharedValue.create(name, initialValue: Small(repeating: 0)))
    try await withThrowingTaskGroup { group in
      for task in 1...2 {
        group.addTask {
          for number in 1...5000 { try value.shared.store(Small(repeating: UInt64(task * number))) }
        }
      }
      group.addTask {
        for _ in 1...5000 {
          let words = try value.shared.load()
          let first = words[0]
          for index in words.indices { #expect(words[index] == first) }
        }
      }
      try await group.waitForAll()
    }
    #expect(version(value.shared) == 10_001)
    try value.shared.unlink()
  }

  // MARK: - Never torn

  @Test(
    "Three readers never see a torn or an older value while a writer stores",
    arguments: ["64", "4096"])
  func neverTorn(size: String) async throws {
    let name = try create(size)
    try await withReaders(of: name, size: size) {
      let (status, answer) = try await withChildProcess(
        Places.helper, ["value-writer", size, name]
      ) { writer in
        #expect(try await writer.nextLine() == "ready")
        try await Task.sleep(for: extent(whole: .seconds(30), short: .seconds(2)))
        return try await writer.ask("stop")
      }
      #expect(status == .exited(0))
      #expect(answer?.hasPrefix("stored ") == true)
    }
    try SharedMemory.unlink(name)
  }

  @Test(
    "Readers continue when the writer is killed, and so does the next writer",
    arguments: ["64", "4096"])
  func killedWriters(size: String) async throws {
    let name = try create(size)
    try await withReaders(of: name, size: size) {
      for _ in 1...extent(whole: 250, short: 30) {
        let (status, _) = try await withChildProcess(
          Places.helper, ["value-writer", size, name]
        ) { writer in
          #expect(try await writer.nextLine() == "ready")
          try await Task.sleep(for: .microseconds(Int.random(in: 0...3000)))
          try writer.kill()
        }
        #expect(status == .signaled(9))
      }
    }
    try SharedMemory.unlink(name)
  }

  @Test(
    "A writer killed at any step of a store disturbs no process",
    arguments: [Checkpoint.storeMarked, .storeHalfWritten, .storeWritten, .storeCompleted])
  func killedAt(step: Checkpoint) async throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: Small(number: 1))
    for round in 1...20 {
      let (status, answer) = try await withChildProcess(Places.helper) { writer in
        try await writer.expect("value \(name)", "ok 64")
        for number in 0..<round { try await writer.expect("store \(number)", "ok ") }
        try await writer.expect("dieAt \(step.description)", "ok ")
        return try await writer.ask("store 1000")
      }
      #expect(status == .signaled(9))
      #expect(answer == nil)
      #expect(try load(value).number == UInt64(round - 1))
    }
    // A store that lacks only its last step gets that step first.
    let before = version(value)
    try value.store(Small(number: 77))
    #expect(version(value) - before == (step == .storeCompleted ? 2 : 1))
    #expect(try load(value).number == 77)
    #expect(try load(value).isWhole)
    try value.unlink()
  }

  @Test("A reader that finds an unpublished version loads the one before")
  func unpublished() async throws {
    let name = uniqueName()
    let value = try SharedValue.create(name, initialValue: Small(number: 1))
    _ = try await withChildProcess(Places.helper) { writer in
      try await writer.expect("value \(name)", "ok 64")
      _ = try await withChildProcess(Places.helper) { reader in
        try await reader.expect("value \(name)", "ok 64")
        try await reader.expect("stopAt loadBegun", "ok ")
        try await reader.expectStop("load", at: .loadBegun)
        // The eighth of these lies in the slot of the first version, which the reader looks at.
        for number in 2...8 { try await writer.expect("store \(number)", "ok ") }
        try await writer.expect("stopAt storeCompleted", "ok ")
        try await writer.expectStop("store 9", at: .storeCompleted)
        try await reader.expectAfterStop("ok 8")
        try await writer.expectAfterStop("ok ")
        try await reader.expect("load", "ok 9")
      }
    }
    try value.unlink()
  }

  @Test("A load of a value that changes during every attempt ends with an error")
  func restless() async {
    await #expect(processExitsWith: .success) {
      let value = try SharedValue.create(initialValue: 1)
      let words = Words(try SharedMemory.attach(value.name), versionOffset: 256)
      try value.unlink()
      // Whenever a load has read the latest version, it changes to another, whose slot is empty.
      words.changeVersion()
      Checkpoint.handler = { if $0 == .loadBegun { words.changeVersion() } }
      do throws(InterprocessError) {
        _ = try value.load()
        exit(1)
      } catch {
        #expect(error.code == .timedOut)
        #expect(error.message.contains("changed during each of 10000 attempts to read it"))
        #expect(words.changeCount == 10_001)
      }
    }
  }

  private func create(_ size: String) throws -> String {
    let name = uniqueName()
    if size == "64" {
      try SharedValue.create(name, initialValue: Small(number: 0)).close()
    } else {
      try SharedValue.create(name, initialValue: Large(number: 0)).close()
    }
    return name
  }

  /// Runs three readers in separate processes beside a body, and expects that they have seen only
  /// whole values, many of them, in order.
  private func withReaders(
    of name: String, size: String, _ body: @Sendable @escaping () async throws -> Void
  ) async throws {
    let isDone = Flag()
    try await withThrowingTaskGroup { group in
      for _ in 1...3 {
        group.addTask {
          let (status, answer) = try await withChildProcess(
            Places.helper, ["value-reader", size, name]
          ) { reader in
            #expect(try await reader.nextLine() == "ready")
            while !isDone.isSet { try await Task.sleep(for: .milliseconds(20)) }
            return try await reader.ask("stop")
          }
          #expect(status == .exited(0))
          let words = (answer ?? "nothing").split(separator: " ")
          try #require(words.first == "whole", "\(answer ?? "nothing")")
          #expect(Int(words[1]) ?? 0 > 1000)
          #expect(Int(words[2]) ?? 0 > (isWhole ? 100 : 10), "\(answer ?? "")")
        }
      }
      group.addTask {
        defer { isDone.set() }
        try await body()
      }
      try await group.waitForAll()
    }
  }

  /// Two threads and one mapping, so that the thread sanitizer sees both sides.
  @Test("A load beside a store is whole, also under the thread sanitizer")
  func twoThreadsStoreAndLoad() async throws {
    let value = Handle(try SharedValue.create(initialValue: Large(number: 0)))
    try value.shared.unlink()
    let isDone = Flag()
    try await withThrowingTaskGroup { group in
      group.addTask {
        defer { isDone.set() }
        for number in 1...20_000 { try value.shared.store(Large(number: UInt64(number))) }
      }
      group.addTask {
        var last: UInt64 = 0
        while !isDone.isSet {
          let words = try value.shared.load()
          #expect(words.isWhole && words.number >= last)
          last = words.number
        }
      }
      try await group.waitForAll()
    }
    #expect(version(value.shared) == 20_001)
  }
}

/// The bytes of a value, for a program that follows no protocol.
private final class Words: @unchecked Sendable {
  // Sendable: only one thread uses it.
  private var memory: SharedMemory
  private let versionOffset: Int
  private(set) var changeCount = 0

  init(_ memory: consuming SharedMemory, versionOffset: Int) {
    self.memory = memory
    self.versionOffset = versionOffset
  }

  func changeVersion() {
    changeCount += 1
    memory.storeBytes(of: UInt64(100 + changeCount), toByteOffset: versionOffset, as: UInt64.self)
  }
}

/// A handle that several tasks use.
private final class Handle<Value: Shareable>: Sendable {
  let shared: SharedValue<Value>

  init(_ shared: consuming SharedValue<Value>) { self.shared = shared }
}

private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }

  func set() { value.store(true, ordering: .relaxed) }
}

private func load<Value>(
  _ value: borrowing SharedValue<Value>
) throws(InterprocessError) -> Value {
  try value.load()
}

private func version<Value>(_ value: borrowing SharedValue<Value>) -> UInt64 { value.version }

/// The code of the error that a body throws; `nil` if it throws none.
private func code(_ body: () throws(InterprocessError) -> Void) -> InterprocessError.Code? {
  do {
    try body()
    return nil
  } catch {
    return error.code
  }
}
