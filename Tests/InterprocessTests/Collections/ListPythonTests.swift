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
import TestSupport
import Testing

/// Lists that Swift and every version of CPython share.
@Suite("Lists with Python", .timeLimit(.minutes(5)))
struct ListPythonTests {
  // MARK: - CPython's own tests, with one side in Swift

  static let basics: [Element] = [
    "howdy", .bytes(Array("HoWdY".utf8)), -273.154, 100, nil, true, 42,
  ]

  @Test("test_shared_memory_ShareableList_basics, Swift's list", arguments: Python.all)
  func basicsOfSwifts(python: Python) async throws {
    let name = uniqueName("list")
    var list = try ShareableList.create(name, Self.basics)
    try await ListSession.with(python) { session in
      #expect(try await session("attach \(name)") == "7")
      // Attributes and values.
      let format = "8s8sdqxxxxxx?xxxxxxxx?q"
      let expected: [(String, String)] = [
        ("sl[7]", "error IndexError"), ("sl.__setitem__(7, 2)", "error IndexError"),
        ("sl.__setitem__(0, 'howdy')", "None"), ("sl.format", format), ("len(sl)", "7"),
        ("sl.index('100')", "error ValueError"), ("sl.index(100)", "3"), ("sl[0]", "howdy"),
        ("sl[-2]", "True"),
        ("list(sl)", "['howdy', b'HoWdY', -273.154, 100, None, True, 42]"),
        ("str(list(sl)) in str(sl) and sl.shm.name in str(sl)", "True"),
        // Changes, some of which change the type.
        ("sl.__setitem__(3, 42)", "None"), ("sl[3]", "42"),
        ("sl.__setitem__(4, 'some')", "None"), ("sl[4]", "some"),
        ("sl.format", "8s8sdq8sxxxxxxx?q"),
        ("sl.__setitem__(4, 'far too many')", "error ValueError"), ("sl[4]", "some"),
        ("sl.__setitem__(0, 'encod\\xe9s')", "None"), ("sl[0]", "encodés"), ("sl[1]", "b'HoWdY'"),
        ("sl.__setitem__(0, 'encod\\xe9es')", "error ValueError"), ("sl[1]", "b'HoWdY'"),
        ("sl.__setitem__(1, b'123456789')", "error ValueError"), ("sl[1]", "b'HoWdY'"),
        ("sl.count(42)", "2"), ("sl.count(b'HoWdY')", "1"), ("sl.count(b'adios')", "0"),
        // A copy has a name of its own, and the same elements and format.
        ("lists.update(copy=ShareableList(sl))", "None"),
        ("lists['copy'].shm.name != sl.shm.name", "True"),
        ("list(lists['copy']) == list(sl) and lists['copy'].format == sl.format", "True"),
        ("lists['copy'].__setitem__(-1, 77)", "None"), ("lists['copy'][-1]", "77"),
        ("sl[-1]", "42"),
      ]
      for (expression, value) in expected {
        #expect(try await session("eval \(name) \(expression)") == value, "\(expression)")
      }
      #expect(try await session("unlink copy") == "")
      let after: [Element] = [
        "encodés", .bytes(Array("HoWdY".utf8)), -273.154, 42, "some", true, 42,
      ]
      let found = try list.elements()
      #expect(found == after)
      // A second handle on the same list.
      try list.set(880, at: 6)
      #expect(try await session("eval \(name) sl[-1]") == "880")
      #expect(try await session("unlink \(name)") == "")
      #expect(attachError(name)?.code == .notFound)
    }
  }

  @Test("test_shared_memory_ShareableList_basics, Python's list", arguments: Python.all)
  func basicsOfPythons(python: Python) async throws {
    let (name, empty) = (uniqueName("list"), uniqueName("empty"))
    try await ListSession.with(python) { session in
      #expect(try await session("create \(name) \(Self.basics.words)") == "7")
      var list = try ShareableList.attach(name)
      let (count, elements, indices) = try (
        list.count, list.elements(), [list.firstIndex(of: 100), list.firstIndex(of: "100")]
      )
      #expect(count == 7)
      #expect(elements == Self.basics)
      #expect(indices == [3, nil])

      try list.set(42, at: 3)
      try list.set("some", at: 4)
      #expect(try await session("eval \(name) sl.format") == "8s8sdq8sxxxxxxx?q")
      #expect(refusal(&list, "far too many", at: 4) == .valueNotRepresentable)
      try list.set("encodés", at: 0)
      #expect(refusal(&list, "encodées", at: 0) == .valueNotRepresentable)
      #expect(refusal(&list, .bytes(Array("123456789".utf8)), at: 1) == .valueNotRepresentable)
      let changed: [Element] = [
        "encodés", .bytes(Array("HoWdY".utf8)), -273.154, 42, "some", true, 42,
      ]
      let found = try list.elements()
      #expect(found == changed)
      #expect(try await session("read \(name)") == changed.words)

      // A copy.
      var copy = try ShareableList.create(try list.elements())
      try copy.unlink()
      try copy.set(77, at: 6)
      let (last, copied) = try (list[6], copy[6])
      #expect(last == 42)
      #expect(copied == 77)
      #expect(try await session("set \(name) -1 i880") == "")
      let seen = try list[6]
      #expect(seen == 880)
      try list.unlink()
      #expect(try await session("attach \(name)") == "error FileNotFoundError")

      #expect(try await session("create \(empty)") == "0")
      let none = try ShareableList.attach(empty)
      let (noElements, index) = try (none.elements(), none.firstIndex(of: nil))
      #expect(noElements == [])
      #expect(index == nil)
      try none.unlink()
    }
  }

  @Test("An empty list of Swift", arguments: Python.all)
  func empty(python: Python) async throws {
    let name = uniqueName("list")
    let list = try ShareableList.create(name, [])
    try await ListSession.with(python) { session in
      let results = try await session([
        "attach \(name)", "eval \(name) sl.format", "eval \(name) sl.count('any')",
        "eval \(name) sl.index(None)",
      ])
      #expect(results == ["0", "", "0", "error ValueError"])
    }
    try list.unlink()
  }

  @Test("test_shared_memory_ShareableList_pickling, with lists of Swift", arguments: Python.all)
  func pickling(python: Python) async throws {
    let (name, larger) = (uniqueName("list1"), uniqueName("list2"))
    var list = try ShareableList.create(name, (0..<10).map { .int($0) })
    let largerList = try ShareableList.create(larger, (0..<400).map { .int($0) })
    try await ListSession.with(python) { session in
      #expect(try await session(["attach \(name)", "attach \(larger)"]) == ["10", "400"])
      let dumps = "[pickle.dumps(sl, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]"
      let sizes = "[len(dump) - len(sl.shm.name) for dump in \(dumps)]"
      let found = try await session(["eval \(name) \(sizes)", "eval \(larger) \(sizes)"])
      #expect(found[0] == found[1])
      #expect(
        try await session("eval \(name) lists.update(loaded=pickle.loads(\(dumps)[-1]))") == "None")
      #expect(try await session("eval loaded sl[-1]") == "9")
      #expect(try await session("set loaded 4 \(Element.string("changed").word)") == "")
      let changed = try list[4]
      #expect(changed == "changed")
      try list.set("newvalue", at: 3)
      #expect(try await session("eval loaded sl[3]") == "newvalue")

      // test_shared_memory_ShareableList_pickling_dead_object
      try list.unlink()
      #expect(
        try await session("eval \(name) [pickle.loads(dump) for dump in \(dumps)]")
          == "error FileNotFoundError")
    }
    try largerList.unlink()
  }

  @Test(
    "test_shared_memory_SharedMemoryManager_basics, with Swift at the other end",
    arguments: Python.all)
  func managers(python: Python) async throws {
    let program = """
      import sys
      from multiprocessing.managers import SharedMemoryManager
      with SharedMemoryManager() as manager:
          sl = manager.ShareableList(range(5))
          print(sl.shm.name, flush=True)
          sys.stdin.readline()
          print(list(sl), flush=True)
          sl.shm.close()
      print("gone", flush=True)
      """
    _ = try await withChildProcess(python.path, ["-u", "-c", program]) { process in
      let name = try #require(try await process.nextLine())
      var list = try ShareableList.attach(name)
      let found = try list.elements()
      #expect(found == [0, 1, 2, 3, 4])
      try list.set("three", at: 3)
      try await process.expect("", "[0, 1, 2, 'three', 4]")
      try await process.expectNext("gone")
      #expect(!exists(name))
    }
    // The same in the other direction.
    try await ListSession.with(python) { session in
      let name = try await withSharedMemoryManager { manager in
        let list = try manager.list([0, 1, 2])
        let name = list.name
        #expect(try await session("attach \(name)") == "3")
        #expect(try await session("set \(name) 2 \(Element.string("two").word)") == "")
        let found = try list[2]
        #expect(found == "two")
        return name
      }
      #expect(try await session("read \(name)") == ([0, 1, "two"] as [Element]).words)
      #expect(try await session("attach \(name)") == "error FileNotFoundError")
    }
  }

  // MARK: - The example of Python's documentation

  @Test("The example of Python's documentation, in Swift on Python's list", arguments: Python.all)
  func example(python: Python) async throws {
    let name = uniqueName("list")
    try await ListSession.with(python) { session in
      #expect(try await session("create \(name) \(Self.basics.words)") == "7")
      var a = try ShareableList.attach(name)
      let kinds = try [a[0], a[2]]
      #expect(kinds == ["howdy", -273.154])
      try a.set(-78.5, at: 2)
      let changed = try a[2]
      #expect(changed == -78.5)
      try a.set("dry ice", at: 2)
      #expect(
        refusal(&a, "larger than previously allocated storage space", at: 2)
          == .valueNotRepresentable)
      let (kept, index) = try (a[2], a.firstIndex(of: 42))
      #expect(kept == "dry ice")
      #expect(index == 6)
      #expect(try await session("eval \(name) sl[2]") == "dry ice")
      try a.unlink()
    }
  }

  // MARK: - Names that Python's tracker removes

  @Test(
    "A Python that attaches to a list removes its name, unless it opts out",
    arguments: [true, false])
  func tracker(unregisters: Bool) async throws {
    let python = try #require(Python.all.last)
    let name = uniqueName("list")
    let list = try ShareableList.create(name, [1])
    let outcome = try await python.run(
      """
      import sys
      from multiprocessing import resource_tracker
      from multiprocessing.shared_memory import ShareableList
      list = ShareableList(name=sys.argv[1])
      if sys.argv[2] == "true": resource_tracker.unregister(list.shm._name, "shared_memory")
      list[0] = 2
      """, [name, "\(unregisters)"])
    #expect(outcome.status == .exited(0))
    if !unregisters {
      try await expectRemoval(of: name)
    } else {
      #expect(outcome.errors == "")
      try list.unlink()
    }
    let found = try list[0]
    #expect(found == 2)
  }

  // MARK: - The coming format

  @Test(
    "Python reads lists with exact lengths, and what Swift assigns to them",
    arguments: Python.all)
  func exactLength(python: Python) async throws {
    let name = uniqueName("list")
    makeSegment(name, ListBytesTests.single(Array("howdy".utf8), format: "5s", code: 2))
    var list = try ShareableList.attach(name)
    try await ListSession.with(python) { session in
      #expect(try await session("attach \(name)") == "1")
      #expect(try await session("eval \(name) sl[0]") == "b'howdy'")
      // Python stores five bytes there, whatever it was given; what Swift assigns stays whole.
      #expect(try await session("eval \(name) sl.__setitem__(0, b'1234567')") == "None")
      let cut = try list[0]
      #expect(cut == .bytes(Array("12345".utf8)))
      try list.set(.bytes(Array("1234567".utf8)), at: 0)
      #expect(try await session("eval \(name) sl[0]") == "b'1234567'")
      #expect(try await session("eval \(name) sl.__setitem__(0, b'7654321')") == "None")
      let whole = try list[0]
      #expect(whole == .bytes(Array("7654321".utf8)))
    }
    try list.unlink()
  }

  // MARK: - Attaching while Python creates

  @Test("A wait lasts until Python has filled in the list", arguments: Python.all)
  func waiting(python: Python) async throws {
    let name = uniqueName("list")
    // Each part of the list is written a while after the one before.
    let program = """
      import struct, sys, time
      from multiprocessing import resource_tracker, shared_memory
      resource_tracker.register = resource_tracker.unregister = lambda *arguments: None
      class SlowStruct:
          def __getattr__(self, name):
              return getattr(struct, name)
          def pack_into(self, *arguments):
              print("next", flush=True)
              sys.stdin.readline()
              struct.pack_into(*arguments)
      shared_memory.struct = SlowStruct()
      shared_memory.ShareableList(["text", b"bytes", None, 1.5], name=sys.argv[1])
      print("done", flush=True)
      """
    _ = try await withChildProcess(python.path, ["-u", "-c", program, name]) { process in
      try await process.expectNext("next")
      // So far only the memory exists: it counts as empty.
      let empty = try ShareableList.attach(name)
      let count = empty.count
      #expect(count == 0)
      let stillEmpty = try await ShareableList.attach(name, waitingUpTo: .milliseconds(20))
      let stillCount = stillEmpty.count
      #expect(stillCount == 0)

      async let attached = attachToElements(name)
      for _ in 0..<3 {
        try await process.expect("", "next")
        try await Task.sleep(for: .milliseconds(30))
        let partial = try ShareableList.attach(name)
        let error = #expect(throws: InterprocessError.self) { _ = try partial.elements() }
        guard case .corrupted? = error?.code else {
          Issue.record("\(String(describing: error))")
          return
        }
      }
      try await process.expect("", "done")
      #expect(try await attached == ["text", .bytes(Array("bytes".utf8)), nil, 1.5])
    }
    try SharedMemory.unlink(name)
  }

  private func attachToElements(_ name: String) async throws -> [Element] {
    try await inThread {
      try ShareableList.attach(name, waitingUpTo: .seconds(100)).elements()
    }.value
  }
}
