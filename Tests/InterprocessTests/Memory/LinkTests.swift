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
import TestSupport
import Testing

@Suite("Names that other programs remove")
struct LinkTests {
  /// The names in `/dev/shm` that lead to the same file.
  private func names(of memory: borrowing SharedMemory) throws -> [String] {
    let label = memory.name
    return try FileManager.default.contentsOfDirectory(atPath: "/dev/shm")
      .filter { $0 == label || $0.hasSuffix(".\(label)") }.sorted()
  }

  @Test("A handle knows whether its name still leads to its memory")
  func isLinked() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let other = try SharedMemory.attach(name, access: .readOnly)
    let before = [memory.isLinked, other.isLinked]
    #expect(before == [true, true])
    #expect(Glibc.unlink(path(name)) == 0)
    let removed = [memory.isLinked, other.isLinked]
    #expect(removed == [false, false])
    let successor = try SharedMemory.create(name, byteCount: 16)
    let replaced = [memory.isLinked, successor.isLinked]
    #expect(replaced == [false, true])
    try successor.unlink()
  }

  @Test("Without a second name the system gives no new name to memory that has lost its last")
  func unprotected() throws {
    let memory = try SharedMemory.create(uniqueName(), byteCount: 16)
    try memory.relink()
    try memory.unlink()
    let error = #expect(throws: InterprocessError.self) { try memory.relink() }
    #expect(error?.code == .notFound)
    #expect(error?.description.contains("protectName()") == true)
    let late = #expect(throws: InterprocessError.self) { try memory.protectName() }
    #expect(late?.code == .notFound)
  }

  @Test(
    "Protected memory gets its name again after Python's tracker has removed it",
    arguments: [SharedMemory.Lifetime.untilUnlinked, .whileAttached])
  func relinked(lifetime: SharedMemory.Lifetime) async throws {
    let python = try #require(Python.all.last)
    let name = uniqueName()
    var memory = try SharedMemory.create(
      name, byteCount: 16, options: SegmentOptions(lifetime: lifetime))
    try memory.protectName()
    try memory.protectName()
    let outcome = try await python.run(
      """
      import sys
      from multiprocessing import shared_memory
      shm = shared_memory.SharedMemory(sys.argv[1])
      shm.buf[0] = 5
      shm.close()
      """, [name])
    #expect(outcome.status.isSuccess)
    try await expectRemoval(of: name)
    let isLinked = memory.isLinked
    #expect(!isLinked)
    try memory.relink()
    memory[1] = 6
    let other = try SharedMemory.attach(name)
    let values = [other[0], other[1]]
    #expect(values == [5, 6])
    other.close()
    try memory.unlink()
    let left = try names(of: memory)
    #expect(left == [])
  }

  @Test("A name that is in use again is not taken back")
  func taken() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    try memory.protectName()
    #expect(Glibc.unlink(path(name)) == 0)
    let successor = try SharedMemory.create(name, byteCount: 16)
    let error = #expect(throws: InterprocessError.self) { try memory.relink() }
    #expect(error?.code == .alreadyExists)
    try successor.unlink()
    try memory.relink()
    try SharedMemory.unlink(name)
    let left = try names(of: memory)
    #expect(left == [])
  }

  @Test("The second name goes with the last handle of temporary memory, and in a sweep")
  func secondName() throws {
    let name = uniqueName()
    let temporary = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    try temporary.protectName()
    let names = try names(of: temporary)
    #expect(names.count == 2)
    temporary.close()
    for name in names { #expect(!exists(name)) }

    let lasting = try SharedMemory.create(name, byteCount: 16)
    try lasting.protectName()
    let second = try #require(try self.names(of: lasting).first { $0 != name })
    _ = try SharedMemory.sweep()
    #expect(exists(second))
    #expect(Glibc.unlink(path(name)) == 0)
    _ = try SharedMemory.sweep()
    #expect(exists(second), "a handle is open, which may relink")
    lasting.close()
    try expectSwept(second)
  }
}
