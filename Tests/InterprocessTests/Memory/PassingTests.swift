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

/// What can go through a Unix socket, and what cannot.
@Suite("Passing memory", .timeLimit(.minutes(2)))
struct PassingTests {
  @Test("Memory of each kind goes through a socket to another process")
  func sending() async throws {
    let name = uniqueName()
    try await withServer { server, path in
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        var anonymous = try SharedMemory.anonymous(byteCount: 5000)
        anonymous[1] = 11
        try await helper.send("receive \(path)")
        let first = try await server.accept()
        try await anonymous.send(over: first)
        try first.close()
        try await helper.expectNext("ok 5000 ")
        try await helper.expect("get 1", "ok 11")
        try await helper.expect("set 2 22", "ok ")
        let value = anonymous[2]
        #expect(value == 22)

        // A temporary segment that is closed while it is in transit stays, with its name.
        var named = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
        named[0] = 9
        try await helper.send("receive \(path)")
        let second = try await server.accept()
        try await named.send(over: second)
        named.close()
        #expect(exists(name))
        try await helper.expectNext("ok 16 \(name)")
        try second.close()
        try await helper.expect("get 0", "ok 9")
        #expect(exists(name))
        try await helper.expect("close", "ok ")
        #expect(!exists(name))
      }
      #expect(status == .exited(0))
    }
  }

  @Test("Memory in transit counts as a handle, and is gone once no process can receive it")
  func neverReceived() throws {
    let name = uniqueName()
    let (here, there) = try socketPair()
    let memory = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    try memory.send(over: here)
    memory.close()
    #expect(exists(name))
    #expect(try !SharedMemory.sweep().contains(name))
    let info = try info(name)
    #expect(info.handleCount == 1)
    #expect(!info.isStale)
    try here.close()
    try there.close()
    try expectSwept(name)
  }

  @Test("A name that leads to other memory by then does not come along")
  func otherName() throws {
    let (here, there) = try socketPair()
    let other = try SharedMemory.create(uniqueName(), byteCount: 16)
    var memory = try SharedMemory.create(uniqueName(), byteCount: 32)
    memory[0] = 4
    let message = Array("swiftshm\(other.name)".utf8)
    try pass(
      [memory.makeFileDescriptor().rawValue],
      with: message + [UInt8](repeating: 0, count: 264 - message.count), over: here.rawValue)
    let received = try SharedMemory.receive(over: there)
    let (name, value) = (received.name, received[0])
    #expect(name == "")
    #expect(value == 4)
    let isLinked = other.isLinked
    #expect(isLinked)
    try memory.unlink()
    try other.unlink()
    try here.close()
    try there.close()
  }

  @Test("Sending to a process that has closed its end is an error, not a signal")
  func closedEnd() async throws {
    await #expect(processExitsWith: .success) {
      let (here, there) = try socketPair()
      try there.close()
      let memory = try SharedMemory.anonymous(byteCount: 16)
      let error = #expect(throws: InterprocessError.self) { try memory.send(over: here) }
      #expect(error?.code == .system(.brokenPipe))
    }
  }

  @Test(
    "A receiver may use the memory, although it may not open it",
    .enabled(if: geteuid() == 0, "needs root, to become another user"))
  func receivedByAnotherUser() async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    memory[0] = 8
    let file = try #require(FileNumber(at: path(name)))
    try await withServer { server, path in
      #expect(chmod(path, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.expect("attach \(name)", "error permissionDenied")
        try await helper.send("receive \(path)")
        let peer = try await server.accept()
        try await memory.send(over: peer)
        try await helper.expectNext("ok 16 \(name)")
        try peer.close()
        try await helper.expect("get 0", "ok 8")
        try await helper.expect("set 1 9", "ok ")
        let value = memory[1]
        #expect(value == 9)
        let use = try FileUse(of: file, in: helper.processID)
        #expect(use.descriptors == [FileUse.Descriptor()])
        #expect(use.mappings == ["rw-s"])
        try await helper.expect("makeDescriptor", "error permissionDenied")
      }
      #expect(status == .exited(0))
    }
    let isLinked = memory.isLinked
    #expect(isLinked)
    memory.close()
    #expect(!exists(name))
  }

  @Test("Read-only memory arrives read-only")
  func readOnly() throws {
    let name = uniqueName()
    let (here, there) = try socketPair()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let reader = try SharedMemory.attach(name, access: .readOnly)
    try reader.send(over: here)
    let received = try SharedMemory.receive(over: there)
    let (access, found) = (received.access, received.name)
    #expect(access == .readOnly)
    #expect(found == name)
    try memory.unlink()
    try here.close()
    try there.close()
  }

  @Test(
    "A message that passes no memory is an error, and leaves no descriptor",
    arguments: BadMessage.allCases)
  func badMessages(message: BadMessage) throws {
    let (here, there) = try socketPair()
    let files = try message.send(over: here.rawValue)
    try here.close()
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there)
    }
    #expect(message.accepts(try #require(error).code), "\(String(describing: error))")
    // A descriptor that is not memory is closed a moment later.
    let deadline = SuspendingClock.now + .seconds(30)
    for file in files {
      while try FileUse(of: file).descriptors != [], SuspendingClock.now < deadline { usleep(1000) }
      #expect(try FileUse(of: file).descriptors == [])
    }
    try there.close()
  }

  enum BadMessage: CaseIterable {
    case nothing, short, shortWithMemory, noDescriptor, wrongMagic, wrongName
    case pipe, unsealed, empty, writeOnly, two, three

    /// - Returns: The files that it passed.
    func send(over socket: CInt) throws -> [FileNumber] {
      let good = goodMessage
      switch self {
      case .nothing:
        return []
      case .short:
        #expect(write(socket, good, 100) == 100)
        return []
      case .shortWithMemory:
        return try pass([sealedFile()], with: Array(good.prefix(100)), over: socket)
      case .noDescriptor:
        #expect(write(socket, good, good.count) == good.count)
        return []
      case .wrongMagic:
        return try pass([sealedFile()], with: Array("Swift".utf8) + good.dropFirst(5), over: socket)
      case .wrongName:
        return try pass(
          [sealedFile()], with: Array("swiftshma/b".utf8) + good.dropFirst(11), over: socket)
      case .pipe:
        var ends: [CInt] = [0, 0]
        #expect(Glibc.pipe(&ends) == 0)
        close(ends[1])
        return try pass([ends[0]], with: good, over: socket)
      case .unsealed:
        return try pass([nameless(16)], with: good, over: socket)
      case .empty:
        return try pass([nameless(0)], with: good, over: socket)
      case .writeOnly:
        let fd = nameless(16)
        defer { close(fd) }
        return try pass([open("/proc/self/fd/\(fd)", O_WRONLY)], with: good, over: socket)
      case .two:
        return try pass([sealedFile(), sealedFile()], with: good, over: socket)
      case .three:
        return try pass([sealedFile(), sealedFile(), sealedFile()], with: good, over: socket)
      }
    }

    func accepts(_ code: InterprocessError.Code) -> Bool {
      switch (self, code) {
      case (.nothing, .system): code == .system(Errno(rawValue: ENOMSG))
      case (.short, .corrupted), (.shortWithMemory, .corrupted), (.noDescriptor, .corrupted): true
      case (.wrongMagic, .corrupted), (.wrongName, .corrupted): true
      case (.two, .corrupted), (.three, .corrupted): true
      case (.pipe, .wrongKind), (.unsealed, .wrongKind): true
      case (.empty, .invalidSize), (.writeOnly, .permissionDenied): true
      default: false
      }
    }
  }

  @Test("Python creates the memory, Swift adopts it")
  func fromPython() async throws {
    let python = try #require(Python.all.last)
    try await withServer { server, path in
      async let outcome = python.run(
        """
        import fcntl, mmap, os, socket, sys
        fd = os.memfd_create("python", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, 100)
        fcntl.fcntl(fd, 1033, 2)            # F_ADD_SEALS, F_SEAL_SHRINK
        mmap.mmap(fd, 100)[7] = 77
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
        socket.send_fds(peer, [b"swiftshm" + bytes(256)], [fd])
        """, [path])
      let peer = try await server.accept()
      let memory = try await SharedMemory.receive(over: peer, timeout: .seconds(60))
      try peer.close()
      let (byteCount, value) = (memory.byteCount, memory[7])
      #expect(byteCount == 100)
      #expect(value == 77)
      #expect(try await outcome.status == .exited(0))
    }
  }
}
