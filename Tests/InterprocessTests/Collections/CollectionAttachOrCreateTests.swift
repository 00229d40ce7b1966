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
import SystemPackage
import TestSupport
import Testing

@Suite("Attach or create: arrays, lists and values", .timeLimit(.minutes(5)))
struct CollectionAttachOrCreateTests {
  @Test("An array is created once, and attached to with its shape and type")
  func array() throws {
    let name = uniqueName("array")
    defer { unlink(path(name)) }
    do {
      var first = try SharedArray<Double>.attachOrCreate(
        name, shape: [2, 3],
        options: SegmentOptions(
          lifetime: .whileAttached, permissions: [.ownerReadWrite, .groupRead],
          reservation: .onDemand))
      #expect(try info(name).permissions == [.ownerReadWrite, .groupRead])
      let before = first[1, 2]
      first[1, 2] = 5
      let second = try SharedArray<Double>.attachOrCreate(name, shape: [2, 3])
      let after = second[1, 2]
      #expect([before, after] == [0, 5])
      let roles = [first.isCreator, second.isCreator]
      #expect(roles == [true, false])
      let lifetime = second.lifetime
      #expect(lifetime == .whileAttached)
    }
    #expect(!exists(name))
    let third = try SharedArray<Double>.attachOrCreate(name, count: 4)
    let (isCreator, count) = (third.isCreator, third.count)
    #expect(isCreator && count == 4)
  }

  @Test("An array of another shape or type is refused, whatever its size")
  func mismatch() throws {
    let name = uniqueName("array")
    defer { unlink(path(name)) }
    let array = try SharedArray<Double>.create(name, shape: [2, 3])
    func code<Element: Shareable>(
      _ type: Element.Type, _ shape: [Int]
    ) -> InterprocessError.Code? {
      do throws(InterprocessError) {
        _ = try SharedArray<Element>.attachOrCreate(name, shape: shape)
        return nil
      } catch {
        #expect(error.name == name)
        #expect(error.message.contains("\"\(name)\""))
        return error.code
      }
    }
    #expect(code(Double.self, [7]) == .invalidSize)
    #expect(code(Double.self, [2, 2]) == .invalidSize)
    #expect(code(Double.self, [1_000_000]) == .invalidSize)
    #expect(
      code(Double.self, [3, 2])
        == .layoutMismatch(expected: "the shape (3, 2)", found: "the shape (2, 3)"))
    #expect(code(Float.self, [2, 3]) == .layoutMismatch(expected: "'<f4'", found: "'<f8'"))
    #expect(
      code(SIMD4<Double>.self, [1_000])
        == .layoutMismatch(
          expected: "'<f8' in a shape that ends in (4,)", found: "'<f8' in the shape (2, 3)"))
    #expect(code(Double.self, [-1]) == .invalidSize)
    #expect(code(Double.self, [2, 3]) == nil)
    try array.unlink()
  }

  @Test("Memory that is not an array is refused as such, whatever its size")
  func wrongKind() throws {
    let name = uniqueName("array")
    defer { unlink(path(name)) }
    let memory = try SharedMemory.create(name, byteCount: 16)
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedArray<Double>.attachOrCreate(name, count: 100)
    }
    #expect(error?.code == .wrongKind(expected: "a NumPy array", found: "other bytes"))
    let other = #expect(throws: InterprocessError.self) {
      _ = try SharedValue<Int>.attachOrCreate(name, initialValue: 1)
    }
    #expect(
      other?.code == .wrongKind(expected: "a shared value", found: "memory without a header"))
    try memory.unlink()
  }

  @Test("An array that numpy has saved, with a shorter header, is attached to")
  func ofNumpy() throws {
    let name = uniqueName("array")
    defer { unlink(path(name)) }
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}"
    let header = text + String(repeating: " ", count: 70 - text.utf8.count)
    let bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 70, 0] + Array(header.utf8)
    try Data(bytes + Array(repeating: 0, count: 16)).write(to: URL(filePath: path(name)))
    let array = try SharedArray<Double>.attachOrCreate(name, count: 2)
    let (isCreator, byteCount) = (array.isCreator, array.byteCount)
    #expect(!isCreator && byteCount == 96)
  }

  @Test("A list is created once, and attached to as it is")
  func list() throws {
    let name = uniqueName("list")
    defer { unlink(path(name)) }
    let first = try ShareableList.attachOrCreate(name, [1, "two"], extraCapacity: 16)
    let second = try ShareableList.attachOrCreate(name, [3, 4, 5, "a much longer list", 7, 8, 9])
    let roles = [first.isCreator, second.isCreator]
    #expect(roles == [true, false])
    #expect(try second.elements() == [1, "two"])
    let capacity = second.capacity(at: 1)
    #expect(capacity == 24)
    try first.unlink()

    let memory = try SharedMemory.create(name, byteCount: 1)
    let error = #expect(throws: InterprocessError.self) {
      _ = try ShareableList.attachOrCreate(name, [1])
    }
    if case .corrupted? = error?.code {} else { Issue.record("\(String(describing: error))") }
    try memory.unlink()
    let empty = try ShareableList.attachOrCreate(name, [])
    let again = try ShareableList.attachOrCreate(name, [1])
    let counts = [empty.count, again.count]
    #expect(counts == [0, 0])
    try again.unlink()
  }

  @Test("A value is created once, and attached to with its type")
  func value() throws {
    let name = uniqueName("value")
    defer { unlink(path(name)) }
    let first = try SharedValue.attachOrCreate(name, initialValue: 1.5)
    let second = try SharedValue.attachOrCreate(name, initialValue: 2.5)
    let roles = [first.isCreator, second.isCreator]
    #expect(roles == [true, false])
    #expect(try second.load() == 1.5)
    try second.store(3)
    #expect(try first.load() == 3)
    // Another type that needs more room than there is.
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedValue.attachOrCreate(name, initialValue: InlineArray<500, Int>(repeating: 0))
    }
    if case .layoutMismatch? = error?.code {} else { Issue.record("\(String(describing: error))") }
    try first.unlink()
  }

  @Test(
    "Of 16 processes that start at once exactly one creates", arguments: ["array", "list", "value"])
  func race(kind: String) async throws {
    let processCount = 16
    try await withHelpers(processCount) { helpers in
      for round in 1...50 {
        let name = uniqueName("race\(round)")
        defer { unlink(path(name)) }
        // Late enough for all of them to be waiting at that moment.
        let start = now() + 5_000_000
        for helper in helpers { try await helper.send("raceCollection \(kind) \(name) \(start)") }
        var answers: [String] = []
        for helper in helpers { answers.append(try await helper.nextLine() ?? "died") }
        let creators = answers.filter { $0.hasPrefix("ok creator ") }
        try #require(creators.count == 1, "\(answers)")
        let attached = creators[0].replacing("creator", with: "attached")
        #expect(answers.filter { $0 == attached }.count == processCount - 1, "\(answers)")
      }
    }
  }
}
