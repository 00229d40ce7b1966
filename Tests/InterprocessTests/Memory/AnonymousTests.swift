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

@Suite("Anonymous memory", .timeLimit(.minutes(2)))
struct AnonymousTests {
  @Test(
    "Anonymous memory has no name, is zeroed, and its size is sealed",
    arguments: [1, 4096, 100_000])
  func sealed(byteCount: Int) throws {
    var memory = try SharedMemory.anonymous(byteCount: byteCount)
    memory[byteCount - 1] = 3
    let (name, isLinked, found, first) = (
      memory.name, memory.isLinked, memory.byteCount, byteCount > 1 ? memory[0] : 0
    )
    #expect(name == "")
    #expect(!isLinked)
    #expect(found == byteCount)
    #expect(first == 0)

    let descriptor = try memory.makeFileDescriptor()
    defer { try? descriptor.close() }
    for newByteCount in [0, byteCount - 1, byteCount + 1] {
      #expect(ftruncate(descriptor.rawValue, newByteCount) == -1)
      #expect(errno == EPERM)
    }
    // F_ADD_SEALS with F_SEAL_FUTURE_WRITE: no process can take writing away from the others
    // either.
    #expect(fcntl(descriptor.rawValue, 1033, 16) == -1)
    #expect(errno == EPERM)
    var status = stat()
    #expect(fstat(descriptor.rawValue, &status) == 0)
    #expect(Int(status.st_blocks) * 512 >= byteCount, "The pages are taken")
    let grown = #expect(throws: InterprocessError.self) { try memory.grow(to: byteCount + 1) }
    #expect(grown?.code == .permissionDenied)
    let unlinked = #expect(throws: InterprocessError.self) { try memory.unlink() }
    #expect(unlinked?.code == .notFound)
  }

  @Test("Anonymous memory has at least one byte", arguments: [0, -1])
  func invalidSize(byteCount: Int) {
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.anonymous(byteCount: byteCount)
    }
    #expect(error?.code == .invalidSize)
  }

  // MARK: - Descriptors

  @Test("Each descriptor holds a lease of its own and is closed on exec, however it arrived")
  func descriptors() throws {
    let memory = try SharedMemory.anonymous(byteCount: 16)
    let own = FileUse.Descriptor()
    let descriptor = try memory.makeFileDescriptor()
    let file = FileNumber(of: descriptor.rawValue)
    #expect(try FileUse(of: file).descriptors == [own, own])
    try descriptor.close()
    let adopted = try SharedMemory(adopting: memory.makeFileDescriptor())
    let (here, there) = try socketPair()
    try memory.send(over: here)
    let received = try SharedMemory.receive(over: there)
    let use = try FileUse(of: file)
    #expect(use.descriptors == [own, own, own])
    #expect(use.mappings == ["rw-s", "rw-s", "rw-s"])
    received.close()
    adopted.close()
    #expect(try FileUse(of: file).descriptors == [own])
    try here.close()
    try there.close()
  }

  @Test("A descriptor counts as a handle, and adopting it takes no lease from its sender")
  func descriptorIsHandle() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    let descriptor = try memory.makeFileDescriptor()
    memory.close()
    #expect(exists(name))
    #expect(try info(name).handleCount == 1)

    // Both share one open file description, as a child and its parent do.
    let adopted = try SharedMemory(adopting: descriptor.duplicate())
    let lifetime = adopted.lifetime
    #expect(lifetime == .whileAttached)
    #expect(try info(name).handleCount == 2)
    adopted.close()
    #expect(try info(name).handleCount == 1)
    #expect(try !SharedMemory.sweep().contains(name))
    try descriptor.close()
    try expectSwept(name)
  }

  @Test("A child started by swift-subprocess adopts the memory as its standard input")
  func inherited() async throws {
    var memory = try SharedMemory.anonymous(byteCount: 4096)
    memory[0] = 41
    let result = try await Subprocess.run(
      .path(FilePath(Places.helper)), arguments: ["adopt"],
      input: .fileDescriptor(memory.makeFileDescriptor(), closeAfterSpawningProcess: true),
      output: .string(limit: 100), error: .string(limit: 10_000))
    #expect(result.terminationStatus == .exited(0))
    #expect(result.standardOutput == "4096 42 readWrite\n")
    let value = memory[0]
    #expect(value == 42)
  }

  @Test(
    "A descriptor that cannot be memory is not adopted, and is closed",
    arguments: ["/dev/null", "/", "/proc/self/stat"])
  func notAdopted(path: String) throws {
    let fd = open(path, O_RDONLY)
    try #require(fd >= 0)
    let link = "/proc/self/fd/\(fd)"
    let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
    #expect(throws: InterprocessError.self) {
      _ = try SharedMemory(adopting: FileDescriptor(rawValue: fd))
    }
    #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != target)
  }
}
