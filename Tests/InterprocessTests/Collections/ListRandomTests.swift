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
import TestSupport
import Testing

/// Random lists and assignments that Swift and every version of CPython must see alike.
@Suite("Random lists with Python", .timeLimit(.minutes(5)))
struct ListRandomTests {
  @Test("Each side reads random lists of the other", arguments: Python.all)
  func randomLists(python: Python) async throws {
    let seed = UInt64.random(in: .min ... .max)
    var generator = SeededGenerator(seed: seed)
    var sameBytes = 0
    let batchCount = extent(whole: 60, short: 10)
    try await ListSession.with(python) { session in
      for batch in 0..<batchCount {
        let place: Comment = "seed \(seed), batch \(batch)"
        let names = (0..<50).map { _ in (swift: uniqueName("swift"), python: uniqueName("python")) }
        var swiftLists: [[Element]] = []
        var pythonLists: [[Element]] = []
        var commands: [String] = []
        for name in names {
          let elements = generator.elements()
          // Elements that Swift refuses or Python cuts come from Python only.
          let nasty = elements.map { _ in generator.anyElement() }
          let pythons = Bool.random(using: &generator) ? elements : nasty
          try ShareableList.create(name.swift, elements).close()
          commands.append("attach \(name.swift)")
          commands.append("read \(name.swift)")
          commands.append("create \(name.python) \(pythons.words)")
          swiftLists.append(elements)
          pythonLists.append(pythons)
        }
        let results = try await session(commands)
        for (index, name) in names.enumerated() {
          let elements = swiftLists[index]
          #expect(
            Array(results[(3 * index)..<(3 * index + 3)])
              == ["\(elements.count)", elements.words, "\(elements.count)"], place)
          try expectPythonsList(name.python, pythonLists[index], place)

          let isSame =
            elements.words == pythonLists[index].words
            && elements.allSatisfy { $0.capacity == $0.pythonCapacity }
          if isSame {
            sameBytes += 1
            #expect(try bytes(of: name.swift) == bytes(of: name.python), place)
          }
        }
        let removed = try await session(
          names.flatMap { ["unlink \($0.swift)", "unlink \($0.python)"] })
        #expect(removed.allSatisfy { $0.isEmpty }, place)
      }
    }
    #expect(sameBytes > 8 * batchCount, "seed \(seed)")
  }

  /// Expects Swift to read what Python has stored.
  private func expectPythonsList(_ name: String, _ elements: [Element], _ place: Comment) throws {
    let list = try ShareableList.attach(name)
    let (count, capacities) = (list.count, (0..<list.count).map { list.capacity(at: $0) })
    #expect(count == elements.count, place)
    #expect(capacities == elements.map(\.pythonCapacity), place)
    for (index, element) in elements.enumerated() {
      let found = try read(list, index)
      let expected = element.stored(capacity: element.pythonCapacity)
      #expect(found?.word == expected?.word, "\(element.word), \(place)")
    }
  }

  @Test("Random assignments from both sides have the same bytes", arguments: Python.all)
  func randomAssignments(python: Python) async throws {
    let seed = UInt64.random(in: .min ... .max)
    var generator = SeededGenerator(seed: seed)
    var (bySwift, byPython, refused) = (0, 0, 0)
    let stepCount = extent(whole: 200, short: 30)
    try await ListSession.with(python) { session in
      // Both sides write into one list, and Python does the same in a copy of it.
      var pairs: [(box: ListBox, name: String, copy: String, contents: [Element?])] = []
      for _ in 0..<50 {
        let (name, copy) = (uniqueName("list"), uniqueName("copy"))
        let elements = (0..<Int.random(in: 1...6, using: &generator)).map { _ in generator.element()
        }
        if Bool.random(using: &generator) {
          let extra = Int.random(in: 0...16, using: &generator)
          try ShareableList.create(name, elements, extraCapacity: extra).close()
        } else {
          #expect(try await session("create \(name) \(elements.words)") == "\(elements.count)")
        }
        makeSegment(copy, try bytes(of: name))
        #expect(try await session("attach \(copy)") == "\(elements.count)")
        #expect(try await session("attach \(name)") == "\(elements.count)")
        let box = ListBox(try ShareableList.attach(name))
        let contents = try elements.indices.map { try read(box.list, $0) }
        pairs.append((box, name, copy, contents))
      }
      for step in 0..<stepCount {
        let place: Comment = "seed \(seed), step \(step)"
        var commands: [String] = []
        var expected: [String] = []
        var changes: [(index: Int, element: Element)] = []
        for (name, pair) in pairs.enumerated() {
          let index = Int.random(in: 0..<pair.box.list.count, using: &generator)
          let element = generator.anyElement()
          let capacity = pair.box.list.capacity(at: index)
          let isTooLong = element.textByteCount > capacity
          let isSwifts = Bool.random(using: &generator)
          changes.append((index, element))
          if isSwifts {
            bySwift += 1
            let code = refusal(&pair.box.list, element, at: index)
            #expect(
              code == (isTooLong || element.endsInZero ? .valueNotRepresentable : nil), place)
          }
          // Python stores a NUL at the end.
          let isStored = !isTooLong && !(isSwifts && element.endsInZero)
          if isStored { pairs[name].contents[index] = element.stored(capacity: capacity) }
          if !isStored { refused += 1 }
          if !isSwifts {
            byPython += 1
            commands.append("set \(pair.name) \(index) \(element.word)")
            expected.append(isTooLong ? "error ValueError" : "")
          }
          if isStored || isTooLong {
            commands.append("set \(pair.copy) \(index) \(element.word)")
            expected.append(isTooLong ? "error ValueError" : "")
          }
          commands.append("get \(pair.name) \(index)")
          expected.append(pairs[name].contents[index]?.word ?? "?")
        }
        let results = try await session(commands)
        #expect(results == expected, place)
        for (name, pair) in pairs.enumerated() {
          let found = try read(pair.box.list, changes[name].index)
          let contents = pair.contents[changes[name].index]
          #expect(found?.word == contents?.word, "\(changes[name]), \(place)")
          #expect(
            try bytes(of: pair.name) == bytes(of: pair.copy), "\(changes[name]), \(place)")
        }
      }
      for pair in pairs {
        for index in 0..<pair.box.list.count {
          let found = try read(pair.box.list, index)
          #expect(found?.word == pair.contents[index]?.word, "seed \(seed)")
        }
        #expect(try await session(["unlink \(pair.name)", "unlink \(pair.copy)"]) == ["", ""])
      }
    }
    let count = 50 * stepCount
    #expect(bySwift + byPython == count)
    #expect(min(bySwift, byPython) > count * 2 / 5)
    #expect(refused > count / 10 && refused < count / 2, "\(refused), seed \(seed)")
  }
}
