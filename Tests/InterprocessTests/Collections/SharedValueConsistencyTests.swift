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

/// No load sees a part of a store, whatever happens to the writer.
@Suite("Consistency of a shared value", .timeLimit(.minutes(3)))
struct SharedValueConsistencyTests {
  typealias Small = InlineArray<8, UInt64>
  typealias Large = InlineArray<512, UInt64>

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
        // Once before, and in the attempt that clients inline.
        #expect(words.changeCount == 10_002)
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
    let value = SharedValueHandle(try SharedValue.create(initialValue: Large(number: 0)))
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
