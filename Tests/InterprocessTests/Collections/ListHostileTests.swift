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
import TestSupport
import Testing

/// Memory that is not a list, or a list that another process has damaged.
@Suite("Hostile lists", .timeLimit(.minutes(5)))
struct ListHostileTests {
  /// Makes memory of numbers of 8 bytes, with zeros up to the size.
  private func makeSparse(_ name: String, words: [Int], byteCount: Int) throws {
    makeSegment(
      name,
      words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    try #require(truncate(path(name), byteCount) == 0)
  }

  // Most are lists of two numbers, which have 16 + 2 * 17 + 2 * 8 = 66 bytes.
  static let tables: [([Int], Int, String)] = [
    ([0], 1, "it is too small for one"),
    ([0], 15, "it is too small for one"),
    ([-1, 0, 8, 16], 66, "it has no room for the -1 elements that it claims to have"),
    ([.min, 0, 8, 16], 66, "it has no room for the \(Int.min) elements that it claims to have"),
    ([.max, 0, 8, 16], 66, "it has no room for the \(Int.max) elements that it claims to have"),
    ([1 << 60, 0, 8, 16], 66, "it has no room for the \(1 << 60) elements that it claims to have"),
    ([3, 0, 8, 16, 24], 66, "it has no room for the 3 elements that it claims to have"),
    ([2, 0, 8, 16], 65, "it has no room for the 2 elements that it claims to have"),
    // A list of CPython 3.8, which has sizes in place of offsets.
    ([2, 8, 8, 1, 2, 0x71, 0x71], 66, "its first element does not lie where the data begins"),
    ([2, -8, 8, 16], 66, "its first element does not lie where the data begins"),
    ([2, 0, 0, 16], 66, "the offsets of element 0 make no sense"),
    ([2, 0, 7, 16], 66, "the offsets of element 0 make no sense"),
    ([2, 0, 9, 16], 66, "the offsets of element 1 make no sense"),
    ([2, 0, 8, 17], 66, "the offsets of element 1 make no sense"),
    ([2, 0, 8, .max], 66, "the offsets of element 1 make no sense"),
    ([2, 0, .max, 16], 66, "the offsets of element 0 make no sense"),
    ([2, 0, -8, 16], 66, "the offsets of element 0 make no sense"),
    ([2, 0, .min, 16], 66, "the offsets of element 0 make no sense"),
    ([2, 0, 16, 8], 66, "the offsets of element 1 make no sense"),
    ([1, 0, 10_000_000], 10_000_033, "the offsets of element 0 make no sense"),
  ]

  @Test("Contradictory tables are refused", arguments: tables)
  func refusedTable(words: [Int], byteCount: Int, reason: String) throws {
    let name = uniqueName("list")
    try makeSparse(name, words: words, byteCount: byteCount)
    let error = try #require(attachError(name))
    try SharedMemory.unlink(name)
    #expect(error.code == .corrupted(reason))
    #expect(error.name == name)
    #expect(
      error.message
        == "Shared memory \"\(name)\" holds no list: \(reason). Attach to something else, or wait "
        + "until the process that creates it has finished.")
  }

  @Test("A huge file with holes costs nothing", arguments: [0, 1, 1 << 30, 1 << 36, 1 << 50])
  func holes(count: Int) throws {
    let name = uniqueName("list")
    try makeSparse(name, words: [count], byteCount: 1 << 40)
    let error = attachError(name)
    try SharedMemory.unlink(name)
    // All zeros are a list without elements, for CPython as well.
    #expect((error == nil) == (count == 0))
  }

  @Test("Memory larger than its list, as some systems round it up, holds the list")
  func larger() throws {
    let name = uniqueName("list")
    makeSegment(name, ListBytesTests.dumps[0].bytes + Array(repeating: 0xFF, count: 4096))
    let list = try ShareableList.attach(name)
    try list.unlink()
    let (found, byteCount) = try (list.elements(), list.byteCount)
    #expect(found == ListBytesTests.dumps[0].elements)
    #expect(byteCount == 166 + 4096)
  }

  @Test("Slots of any size from 8 bytes on are read and written, aligned or not")
  func unaligned() throws {
    let name = uniqueName("list")
    // Slots of 9, 8 and 11 bytes.
    try makeSparse(name, words: [3, 0, 9, 17, 28], byteCount: 16 + 17 * 3 + 28)
    var memory = try SharedMemory.attach(name)
    for index in 0..<3 { memory[40 + 28 + 8 * index] = 0x71 }
    memory[40 + 9] = 200
    var list = try ShareableList.attach(name)
    try list.unlink()
    let found = try list.elements()
    #expect(found == [0, 200, 0])
    let elements: [Element] = [1.5, true, "12345678901"]
    for (index, element) in elements.enumerated() { try list.set(element, at: index) }
    let (after, capacities) = try (list.elements(), (0..<3).map { list.capacity(at: $0) })
    #expect(after == elements)
    #expect(capacities == [9, 8, 11])
    #expect(refusal(&list, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], at: 0) == .valueNotRepresentable)
  }

  static let unknownFormat = "its format is not one that a list has"
  static let contradiction = "its format and its code contradict each other"
  static let forms: [(String, UInt8, String)] = [
    ("", 0, unknownFormat), ("", 3, unknownFormat), ("q", 4, "its code is not one that a list has"),
    ("q", 255, "its code is not one that a list has"), ("Q", 0, unknownFormat),
    ("qq", 0, unknownFormat),
    ("\0q", 0, unknownFormat), ("q\0q", 0, unknownFormat), ("s", 1, unknownFormat),
    ("8", 1, unknownFormat), ("8ss", 1, unknownFormat), ("8s\0\0\0\0\0s", 1, unknownFormat),
    ("88888888", 1, unknownFormat), ("-8s", 1, unknownFormat), ("xxxxxxxx", 0, unknownFormat),
    ("xxxxxx?", 0, unknownFormat), ("9s", 1, "its format states more bytes than its slot has"),
    ("9999999s", 2, "its format states more bytes than its slot has"), ("q", 1, contradiction),
    ("q", 2, contradiction), ("q", 3, contradiction), ("d", 3, contradiction),
    ("xxxxxxx?", 3, contradiction), ("xxxxxx?x", 0, contradiction), ("xxxxxx?x", 1, contradiction),
    ("8s", 0, contradiction), ("8s", 3, contradiction),
  ]

  @Test(
    "Contradictory elements are refused when they are read, and can be set", arguments: forms)
  func refusedForm(format: String, code: UInt8, reason: String) throws {
    let name = uniqueName("list")
    makeSegment(name, ListBytesTests.single([], format: format, code: code))
    var list = try ShareableList.attach(name)
    try list.unlink()
    let error = #expect(throws: InterprocessError.self) { _ = try list.elements() }
    #expect(error?.code == .corrupted("element 0: \(reason)"))
    #expect(error?.name == name)
    #expect(
      error?.message
        == "Element 0 of the list \"\(name)\" cannot be read: \(reason). Set it again, or guard the "
        + "list with a lock if a process was just writing it.")
    let sought = #expect(throws: InterprocessError.self) { _ = try list.firstIndex(of: 1) }
    #expect(sought?.code == error?.code)
    try list.set("text", at: 0)
    let found = try list[0]
    #expect(found == "text")
  }

  static let notUTF8: [[UInt8]] = [
    [0xFF], [0x61, 0xC3], [0xC3, 0xC3, 0xA9], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
    [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80, 0x61], [0xE2, 0x82, 0, 0x61],
  ]

  @Test("Text that is not UTF-8 is refused, but can be read as bytes", arguments: notUTF8)
  func invalidText(data: [UInt8]) throws {
    let name = uniqueName("list")
    makeSegment(name, ListBytesTests.single(data, format: "8s", code: 1))
    var list = try ShareableList.attach(name)
    try list.unlink()
    let error = #expect(throws: InterprocessError.self) { _ = try list[0] }
    #expect(error?.code == .corrupted("element 0: its text is not UTF-8"))
    try list.set(.bytes(data), at: 0)
    let found = try list[0]
    #expect(found == .bytes(data))
  }

  @Test("The error names the element, and the others can be read")
  func namedElement() throws {
    let name = uniqueName("list")
    var list = try ShareableList.create(name, ["zero", "one", "two"])
    var memory = try SharedMemory.attach(name)
    try list.unlink()
    // The first byte of the text of element 1, behind the count, 4 offsets and a slot.
    memory[40 + 8] = 0xFF
    let error = #expect(throws: InterprocessError.self) { _ = try list.elements() }
    #expect(error?.code == .corrupted("element 1: its text is not UTF-8"))
    let others = try [list[0], list[2]]
    #expect(others == ["zero", "two"])
    try list.set("uno", at: 1)
    let found = try list.elements()
    #expect(found == ["zero", "uno", "two"])
  }

  @Test("Offsets are read once: overwriting them later moves no element")
  func offsetsAreKept() throws {
    let name = uniqueName("list")
    var list = try ShareableList.create(name, [1, 2, 3])
    var memory = try SharedMemory.attach(name)
    try list.unlink()
    for offset in 0..<40 { memory[offset] = 0xFF }
    try list.set(4, at: 2)
    let (count, found) = try (list.count, list.elements())
    #expect(count == 3)
    #expect(found == [1, 2, 4])
  }

  // MARK: - Mutations

  @Test("Each mutated list is refused, or can be used")
  func mutations() throws {
    let seed = UInt64.random(in: .min ... .max)
    var generator = SeededGenerator(seed: seed)
    let count = extent(whole: 100_000, short: 10_000)
    let name = uniqueName("list")
    let sources = try (0..<50).map { _ in
      let list = try ShareableList.create(name, generator.elements())
      defer { try? SharedMemory.unlink(name) }
      list.close()
      return try bytes(of: name)
    }
    let fd = open(path(name), O_RDWR | O_CREAT | O_EXCL, 0o600)
    try #require(fd >= 0)
    defer {
      close(fd)
      try? SharedMemory.unlink(name)
    }
    var (refused, broken, usable) = (0, 0, 0)
    for round in 0..<count {
      let image = generator.mutation(of: sources.randomElement(using: &generator)!)
      try #require(ftruncate(fd, image.count) == 0)
      try #require(pwrite(fd, image, image.count, 0) == image.count)
      let place = { "seed \(seed), round \(round): \(hex(image))" }
      do {
        var list = try ShareableList.attach(name)
        let unreadable = try use(&list, byteCount: image.count, &generator, place)
        if unreadable > 0 { broken += 1 } else { usable += 1 }
      } catch {
        guard case .corrupted? = (error as? InterprocessError)?.code else {
          Issue.record("\(error), \(place())")
          return
        }
        refused += 1
      }
    }
    // All three outcomes must be common, or the mutations prove nothing.
    #expect(
      min(refused, broken, usable) > count / 20, "\(refused) \(broken) \(usable), seed \(seed)")
  }

  /// Reads all elements and sets one.
  ///
  /// - Returns: How many could not be read.
  private func use(
    _ list: inout ShareableList, byteCount: Int, _ generator: inout SeededGenerator,
    _ place: () -> String
  ) throws -> Int {
    let count = list.count
    var unreadable = 0
    var elements: [Element?] = []
    for index in 0..<count {
      let element = try read(list, index)
      elements.append(element)
      if element == nil { unreadable += 1 }
    }
    guard count > 0 else { return 0 }
    let index = Int.random(in: 0..<count, using: &generator)
    let element = generator.element()
    let fits = element.textByteCount <= list.capacity(at: index)
    let refused = refusal(&list, element, at: index)
    if (refused == nil) != fits { Issue.record("set \(element.word) at \(index), \(place())") }
    if fits { elements[index] = element }
    for index in 0..<count where try read(list, index)?.word != elements[index]?.word {
      Issue.record("element \(index), \(place())")
    }
    return unreadable
  }
}

extension SeededGenerator {
  /// A list with one to three faults, or perhaps none.
  fileprivate mutating func mutation(of source: [UInt8]) -> [UInt8] {
    var image = source
    let count = Int(source[0])
    let formats = image.count - 9 * count
    for _ in 0..<Int.random(in: 1...3, using: &self) where image.count >= 16 {
      switch Int.random(in: 0..<9, using: &self) {
      case 0: image.removeLast(Int.random(in: 0..<image.count, using: &self))
      case 1:
        image += (0..<Int.random(in: 1...64, using: &self)).map { _ in
          UInt8.random(in: 0...255, using: &self)
        }
      case 2: store(number(near: count), at: 0, in: &image)
      case 3:
        let offset = Int.random(in: 0...count, using: &self)
        store(number(near: 8 * offset), at: 8 + 8 * offset, in: &image)
      case 4 where count > 1:
        let (a, b) = (
          Int.random(in: 0..<count, using: &self), Int.random(in: 0..<count, using: &self)
        )
        for byte in 0..<8 where 16 + 8 * max(a, b) + byte < image.count {
          image.swapAt(16 + 8 * a + byte, 16 + 8 * b + byte)
        }
      case 5 where count > 0:
        let formatTexts = [
          "q", "d", "xxxxxxx?", "xxxxxx?x", "8s", "16s", "3s", "0s", "9999999s", "s", "",
        ]
        let text = Array(formatTexts.randomElement(using: &self)!.utf8)
        let at = formats + 8 * Int.random(in: 0..<count, using: &self)
        for byte in 0..<8 where at + byte < image.count {
          image[at + byte] = byte < text.count ? text[byte] : 0
        }
      case 6 where count > 0:
        let at = formats + 8 * count + Int.random(in: 0..<count, using: &self)
        if at < image.count { image[at] = UInt8.random(in: 0...4, using: &self) }
      default:
        image[Int.random(in: 0..<image.count, using: &self)] = UInt8.random(
          in: 0...255, using: &self)
      }
    }
    return image
  }

  private mutating func number(near value: Int) -> Int {
    switch Int.random(in: 0..<6, using: &self) {
    case 0: [.max, .min, -1, 0, 1 << 32, 1 << 60].randomElement(using: &self)!
    case 1: Int(truncatingIfNeeded: next())
    default: value + Int.random(in: -16...16, using: &self)
    }
  }

  private func store(_ value: Int, at offset: Int, in image: inout [UInt8]) {
    for byte in 0..<8 where offset + byte < image.count {
      image[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
    }
  }
}
