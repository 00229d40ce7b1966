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

import Interprocess
import Subprocess
import SystemPackage
import TestSupport
import Testing

@Suite("List", .timeLimit(.minutes(3)))
struct ListTests {
  static let everyKind: [Element] = [1, -2.5, "three", true, false, nil, [0xFF, 0, 1], "", []]

  @Test("The elements put in as literals come out, on both handles")
  func literals() throws {
    let name = uniqueName("list")
    let list = try ShareableList.create(name, [1, 2.5, "three", true, nil, [1, 2], "\(4)"])
    let other = try ShareableList.attach(name)
    try list.unlink()
    #expect(!exists(name))
    let found = try [list.elements(), other.elements()]
    let expected: [Element] = [
      .int(1), .double(2.5), .string("three"), .bool(true), .none, .bytes([1, 2]), .string("4"),
    ]
    #expect(found == [expected, expected])
    let (count, byteCount) = (other.count, other.byteCount)
    #expect(count == 7)
    #expect(byteCount == 16 + 17 * 7 + 7 * 8)
  }

  @Test("A handle knows its properties")
  func handle() throws {
    let name = uniqueName("list")
    let list = try ShareableList.create("/" + name, ["text"], options: .whileAttached)
    let other = try ShareableList.attach(name, access: .readOnly)
    let (names, created) = ([list.name, other.name], [list.isCreator, other.isCreator])
    let (access, lifetimes) = ([list.access, other.access], [list.lifetime, other.lifetime])
    #expect(names == [name, name])
    #expect(created == [true, false])
    #expect(access == [.readWrite, .readOnly])
    #expect(lifetimes == [.whileAttached, .whileAttached])
    #expect(try info(name).permissions == .ownerReadWrite)
    list.close()
    #expect(exists(name))
    other.close()
    #expect(!exists(name))
  }

  @Test("Permissions, reservation and errors are those of memory")
  func memoryArguments() throws {
    let name = uniqueName("list")
    let list = try ShareableList.create(
      name, [.string(String(repeating: "x", count: 100_000))],
      options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead], reservation: .onDemand))
    #expect(try info(name).permissions == [.ownerReadWrite, .groupRead])
    #expect(try info(name).residentByteCount > 100_000)
    let taken = #expect(throws: InterprocessError.self) { _ = try ShareableList.create(name, []) }
    #expect(taken?.code == .alreadyExists)
    let invalid = #expect(throws: InterprocessError.self) {
      _ = try ShareableList.create("a/b", [])
    }
    #expect(invalid?.code == .invalidName)
    let wasLinked = list.isLinked
    try SharedMemory.unlink(name)
    let isLinked = list.isLinked
    #expect([wasLinked, isLinked] == [true, false])
    let gone = #expect(throws: InterprocessError.self) { try list.unlink() }
    #expect(gone?.code == .notFound)
    #expect(attachError(name)?.code == .notFound)
    #expect(attachError(name, waitingUpTo: .milliseconds(1))?.code == .timedOut)
    let large = #expect(throws: InterprocessError.self) {
      let text = Element.string(String(repeating: "x", count: 9_000_000))
      _ = try ShareableList.create(Array(repeating: text, count: 1_000_000))
    }
    guard case .outOfMemory? = large?.code else {
      Issue.record("\(String(describing: large))")
      return
    }
  }

  @Test("A list without a name has a random one")
  func randomNames() throws {
    let list = try ShareableList.create([1])
    let other = try ShareableList.create(nil, [1])
    let names = [list.name, other.name]
    try list.unlink()
    try other.unlink()
    #expect(names.allSatisfy { $0.hasPrefix("swift_") })
    #expect(names[0] != names[1])
  }

  @Test("An empty list has 16 zero bytes and no element")
  func empty() throws {
    let name = uniqueName("list")
    let list = try ShareableList.create(name, [])
    let found = try bytes(of: name)
    let other = try ShareableList.attach(name, waitingUpTo: .seconds(100))
    try list.unlink()
    #expect(found == Array(repeating: 0, count: 16))
    let (count, elements, index) = try (other.count, other.elements(), other.firstIndex(of: nil))
    #expect(count == 0)
    #expect(elements.isEmpty)
    #expect(index == nil)
  }

  @Test("A list of 100,000 elements")
  func many() throws {
    let name = uniqueName("list")
    let elements = (0..<100_000).map { $0 % 2 == 0 ? Element.int(Int64($0)) : .string("\($0)") }
    let list = try ShareableList.create(name, elements)
    let other = try ShareableList.attach(name, waitingUpTo: .seconds(100))
    try list.unlink()
    let found = try other.elements()
    #expect(found == elements)
  }

  // MARK: - Setting

  @Test("Every kind goes into a slot of every kind, and its neighbours stay", arguments: everyKind)
  func setting(element: Element) throws {
    let name = uniqueName("list")
    var list = try ShareableList.create(name, Self.everyKind)
    let other = try ShareableList.attach(name)
    try list.unlink()
    for index in 0..<list.count {
      try list.set(element, at: index)
      var expected = Self.everyKind
      expected[index] = element
      let found = try [list.elements(), other.elements()]
      #expect(found == [expected, expected])
      try list.set(Self.everyKind[index], at: index)
    }
  }

  @Test(
    "A slot has room for one byte more than was put in, rounded up, and for the requested capacity")
  func capacities() throws {
    let texts: [Element] = [
      "", "1234567", "12345678", "éééé", "ééé", [1, 2, 3, 4, 5, 6, 7, 8], 1, 2.5, true, nil,
    ]
    let expected = [8, 8, 16, 16, 8, 16, 8, 8, 8, 8]
    for (extra, added) in [(0, 0), (1, 8), (8, 8), (9, 16), (1000, 1000)] {
      let list = try ShareableList.create(texts, extraCapacity: extra)
      try list.unlink()
      let capacities = (0..<list.count).map { list.capacity(at: $0) }
      #expect(capacities == expected.enumerated().map { $0.offset < 6 ? $0.element + added : 8 })
    }
  }

  @Test("A text may fill its slot, but not be longer")
  func fullSlot() throws {
    var list = try ShareableList.create([1, "12345678", nil], extraCapacity: 3)
    try list.unlink()
    let full: [Element] = [
      "éééé", .string(String(repeating: "x", count: 24)), [1, 2, 3, 4, 5, 6, 7, 8],
    ]
    for (index, element) in full.enumerated() { try list.set(element, at: index) }
    let found = try list.elements()
    #expect(found == full)
    let refusals = [
      refusal(&list, "éééée", at: 0),
      refusal(&list, .string(String(repeating: "x", count: 25)), at: 1),
      refusal(&list, [1, 2, 3, 4, 5, 6, 7, 8, 9], at: 2),
    ]
    #expect(refusals == Array(repeating: .valueNotRepresentable, count: 3))
    let after = try list.elements()
    #expect(after == full)
  }

  @Test(
    "Values that end in NUL are refused, at creation and later, and change nothing",
    arguments: ["\0", "text\0", [0], [1, 0]] as [Element])
  func endingInNUL(element: Element) throws {
    let name = uniqueName("list")
    let error = #expect(throws: InterprocessError.self) {
      _ = try ShareableList.create(name, [1, element])
    }
    #expect(error?.code == .valueNotRepresentable)
    #expect(error?.name == name)
    #expect(
      error?.message
        == "The value for element 1 cannot be in the list \"\(name)\": it ends in NUL, which "
        + "every reader cuts off; append a byte that is not zero.")
    #expect(!exists(name))
    var list = try ShareableList.create(name, ["a text that has room"])
    let before = try bytes(of: name)
    #expect(refusal(&list, element, at: 0) == .valueNotRepresentable)
    #expect(try bytes(of: name) == before)
    try list.set("a\0b", at: 0)
    let found = try list.elements()
    #expect(found == ["a\0b"])
    try list.unlink()
  }

  @Test("The longest text is as long as CPython's")
  func longest() throws {
    let longest = String(repeating: "x", count: 9_999_991)
    let list = try ShareableList.create([.string(longest)])
    try list.unlink()
    let (capacity, found) = try (list.capacity(at: 0), list[0])
    #expect(capacity == 9_999_992)
    #expect(found == .string(longest))
    let tooLong: [(Element, Int)] = [
      (.string(longest + "x"), 0), (.string(longest), 1),
      (.bytes(Array(repeating: 1, count: 9_999_992)), 0), ("", .max), ("", 9_999_985),
    ]
    for (element, extra) in tooLong {
      let error = #expect(throws: InterprocessError.self) {
        _ = try ShareableList.create([element], extraCapacity: extra)
      }
      #expect(error?.code == .valueNotRepresentable)
    }
    let most = try ShareableList.create([""], extraCapacity: 9_999_984)
    try most.unlink()
    let room = most.capacity(at: 0)
    #expect(room == 9_999_992)
  }

  @Test("Integers of all types become elements, unless they are out of range")
  func integers() throws {
    #expect(try Element(UInt8(200)) == 200)
    #expect(try Element(UInt64(Int64.max)) == .int(.max))
    #expect(try Element(Int128(Int64.min)) == .int(.min))
    #expect(try Element(Int.min) == .int(.min))
    for value in [Int128(Int64.max) + 1, Int128(Int64.min) - 1] {
      let error = #expect(throws: InterprocessError.self) { _ = try Element(value) }
      #expect(error?.code == .valueNotRepresentable)
    }
  }

  @Test("A search finds the first equal element")
  func index() throws {
    let elements: [Element] = [1, 1.0, true, "1", [0x31], nil, 1, .double(.nan), "é"]
    let list = try ShareableList.create(elements)
    try list.unlink()
    let sought: [Element] = [1, 1.0, true, "1", [0x31], nil, 2, .double(.nan), false, "e\u{301}"]
    let found = try sought.map { try list.firstIndex(of: $0) }
    #expect(found == [0, 1, 2, 3, 4, 5, nil, nil, nil, 8])
  }

  @Test("A read-only handle sees changes, and cannot write")
  func readOnly() async throws {
    var list = try ShareableList.create(["one"])
    let reader = try ShareableList.attach(list.name, access: .readOnly)
    try list.unlink()
    try list.set(2, at: 0)
    let found = try reader.elements()
    #expect(found == [2])
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let list = try ShareableList.create(["one"])
      var reader = try ShareableList.attach(list.name, access: .readOnly)
      try list.unlink()
      // The precondition fails even for a value that the list could not take.
      try? reader.set("longer than the slot", at: 0)
    }
    #expect(result.says("This shared memory is attached read-only"))
  }

  @Test("Every index out of range is a failed precondition", arguments: 0..<6)
  func outOfRange(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      var list = try ShareableList.create([1, 2])
      try list.unlink()
      switch way {
      case 0: _ = try list[2]
      case 1: _ = try list[-1]
      case 2: try list.set(1, at: 2)
      case 3: try list.set(1, at: -1)
      case 4: _ = list.capacity(at: .max)
      default: _ = list.capacity(at: .min)
      }
    }
    #expect(result.says("Index out of range of the list"))
  }

  @Test("Extra capacity is not negative")
  func negativeExtraCapacity() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try ShareableList.create([""], extraCapacity: -1)
    }
    #expect(result.says("The extra capacity of a list is not negative"))
  }

  @Test("The lists of a manager exist for the whole scope and are gone after it")
  func manager() throws {
    let name = try withSharedMemoryManager { manager in
      let list = try manager.list(
        ["text", 1], extraCapacity: 8,
        options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead]))
      let name = list.name
      list.close()
      let other = try ShareableList.attach(name)
      let (found, capacity) = try (other.elements(), other.capacity(at: 0))
      #expect(found == ["text", 1])
      #expect(capacity == 16)
      #expect(try info(name).permissions == [.ownerReadWrite, .groupRead])
      #expect(try info(name).lifetime == .whileAttached)
      return name
    }
    #expect(!exists(name))
  }
}
