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

import Subprocess
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
    #expect(errorCode { try first.store(3) } == .roleTaken)
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
        errorCode { try value.store(.init(repeating: 1)) } == .roleTaken)
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
    let value = SharedValueHandle(try SharedValue.create(name, initialValue: Small(repeating: 0)))
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
}
