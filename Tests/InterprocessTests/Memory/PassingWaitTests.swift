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

import CInterprocess
import Foundation
import Interprocess
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// Sockets that are full, silent, or of another kind; and incomplete messages.
@Suite("Waiting at the socket", .timeLimit(.minutes(2)))
struct PassingWaitTests {
  // MARK: - Parts

  @Test("A message in parts is neither taken nor lost before it is whole", arguments: [1, 5, 263])
  func parts(firstByteCount: Int) throws {
    let (here, there) = try socketPair()
    setNonBlocking(there)
    var memory = try SharedMemory.anonymous(byteCount: 24)
    memory[0] = 6
    let descriptor = try memory.makeFileDescriptor()
    defer { try? descriptor.close() }
    let file = FileNumber(of: descriptor.rawValue)
    let count = try FileUse(of: file).descriptors.count
    try pass(
      [memory.makeFileDescriptor().rawValue], with: Array(goodMessage.prefix(firstByteCount)),
      over: here.rawValue)
    for timeout in [nil, .zero, .milliseconds(30)] as [Duration?] {
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.receive(over: there, timeout: timeout)
      }
      let expected: InterprocessError.Code =
        timeout == nil ? .system(.resourceTemporarilyUnavailable) : .timedOut
      #expect(error?.code == expected)
    }
    #expect(try FileUse(of: file).descriptors.count == count)
    let rest = Array(goodMessage.dropFirst(firstByteCount))
    #expect(write(here.rawValue, rest, rest.count) == rest.count)
    let received = try SharedMemory.receive(over: there)
    let value = received[0]
    #expect(value == 6)
    try here.close()
    try there.close()
  }

  @Test("A receiver waits for the rest of a message")
  func lateRest() async throws {
    try await expectLateRest { socket in
      inThread { try SharedMemory.receive(over: socket, timeout: .seconds(60)).byteCount }
    }
  }

  @Test("A peer that sends half a message and closes leaves an error, and no descriptor")
  func halfMessage() async throws {
    let (here, there) = try socketPair()
    let file = try pass(
      [sealedFile()], with: Array(goodMessage.prefix(100)), over: here.rawValue)
    let receiver = inThread {
      errorCode { _ = try SharedMemory.receive(over: there, timeout: .seconds(60)) }
    }
    try await Task.sleep(for: .milliseconds(50))
    try here.close()
    guard case .corrupted? = try await receiver.value else {
      Issue.record("Half a message was received")
      return
    }
    #expect(try FileUse(of: file[0]).descriptors == [])
    try there.close()
  }

  // MARK: - Time-outs

  @Test(
    "A receiver waits for a silent peer as long as requested, however many signals arrive",
    arguments: [0, 100])
  func silentPeer(firstByteCount: Int) async throws {
    await #expect(processExitsWith: .success) { [firstByteCount] in
      let (here, there) = try socketPair()
      if firstByteCount > 0 {
        try pass(
          [sealedFile()], with: Array(goodMessage.prefix(firstByteCount)), over: here.rawValue)
      }
      signal(SIGALRM) { _ in }
      var interval = itimerval(
        it_interval: timeval(tv_sec: 0, tv_usec: 100), it_value: timeval(tv_sec: 0, tv_usec: 100))
      setitimer(CInt(ITIMER_REAL.rawValue), &interval, nil)
      let begin = SuspendingClock.now
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.receive(over: there, timeout: .milliseconds(200))
      }
      #expect(error?.code == .timedOut)
      let waited = SuspendingClock.now - begin
      #expect(waited >= .milliseconds(200))
      #expect(waited < .seconds(30))
    }
  }

  @Test("A socket with a time limit of its own keeps it")
  func socketLimit() throws {
    let (here, there) = try socketPair()
    var limit = timeval(tv_sec: 0, tv_usec: 50_000)
    let byteCount = socklen_t(MemoryLayout<timeval>.size)
    #expect(setsockopt(there.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, byteCount) == 0)
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there)
    }
    #expect(error?.code == .system(.resourceTemporarilyUnavailable))
    try here.close()
    try there.close()
  }

  @Test("A full socket takes only whole messages, and a sender waits as long as requested")
  func fullSocket() throws {
    let (here, there) = try socketPair()
    setNonBlocking(here)
    setNonBlocking(there)
    let memory = try SharedMemory.anonymous(byteCount: 24)
    var sent = 0
    var code: InterprocessError.Code?
    while code == nil {
      try #require(sent < 100_000)
      do {
        try memory.send(over: here)
        sent += 1
      } catch { code = error.code }
    }
    #expect(code == .system(.resourceTemporarilyUnavailable))
    // The time-out also holds where the socket itself would wait.
    #expect(fcntl(here.rawValue, F_SETFL, 0) == 0)
    let error = #expect(throws: InterprocessError.self) {
      try memory.send(over: here, timeout: .milliseconds(50))
    }
    #expect(error?.code == .timedOut)
    var received = 0
    while let byteCount = try? SharedMemory.receive(over: there).byteCount {
      #expect(byteCount == 24)
      received += 1
    }
    #expect(received == sent)
    #expect(sent > 2)
    try memory.send(over: here, timeout: .seconds(30))
    let last = try SharedMemory.receive(over: there).byteCount
    #expect(last == 24)
    try here.close()
    try there.close()
  }

  @Test("A sender that waits for room sends as soon as there is some")
  func roomComes() async throws {
    let (here, there) = try socketPair()
    let messageCount = fill(here)
    let sender = inThread {
      let memory = try SharedMemory.anonymous(byteCount: 24)
      try memory.send(over: here, timeout: .seconds(60))
    }
    try await Task.sleep(for: .milliseconds(20))
    drain(there, messageCount: messageCount)
    try await sender.value
    try here.close()
    try there.close()
  }

  // MARK: - Sockets

  @Test(
    "Sockets of all types keep messages apart",
    arguments: [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM].map { CInt($0.rawValue) })
  func types(type: CInt) throws {
    let (here, there) = try socketPair(type)
    for byteCount in 1...3 {
      try SharedMemory.anonymous(byteCount: byteCount).send(over: here, timeout: .seconds(30))
    }
    for byteCount in 1...3 {
      let found = try SharedMemory.receive(over: there, timeout: .seconds(30)).byteCount
      #expect(found == byteCount)
    }
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there, timeout: .zero)
    }
    #expect(error?.code == .timedOut)
    guard type != CInt(SOCK_STREAM.rawValue) else { return }
    for bytes in [Array(goodMessage.dropLast()), goodMessage + [0], []] {
      let files = try pass([sealedFile()], with: bytes, over: here.rawValue)
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.receive(over: there, timeout: .seconds(30))
      }
      guard case .corrupted? = error?.code else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(try FileUse(of: files[0]).descriptors == [])
    }
    // Two halves do not make a whole message.
    try pass([sealedFile()], with: Array(goodMessage.prefix(132)), over: here.rawValue)
    #expect(write(here.rawValue, Array(goodMessage.dropFirst(132)), 132) == 132)
    for _ in 1...2 {
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.receive(over: there, timeout: .seconds(30))
      }
      guard case .corrupted? = error?.code else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    try here.close()
    try there.close()
  }

  @Test(
    "A sender does not wait for a socket that takes nothing more",
    arguments: [SOCK_SEQPACKET, SOCK_DGRAM].map { CInt($0.rawValue) })
  func shutDown(type: CInt) throws {
    let (here, there) = try socketPair(type)
    #expect(shutdown(there.rawValue, CInt(SHUT_RD)) == 0)
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there, timeout: .seconds(60))
    }
    #expect(error?.code == .system(Errno(rawValue: ENOMSG)))
    try here.close()
    try there.close()
  }

  @Test("A descriptor that is not a Unix socket takes no memory")
  func otherFamily() throws {
    let connection = try lingeringConnection(seconds: 0)
    defer {
      close(connection.fd)
      close(connection.peer)
    }
    let socket = FileDescriptor(rawValue: connection.fd)
    let memory = try SharedMemory.anonymous(byteCount: 16)
    let sending = #expect(throws: InterprocessError.self) { try memory.send(over: socket) }
    let receiving = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: socket, timeout: .seconds(30))
    }
    #expect(sending?.code == .system(Errno(rawValue: EAFNOSUPPORT)))
    #expect(receiving?.code == .system(Errno(rawValue: EAFNOSUPPORT)))
  }

  /// The options by which a receiver makes a socket add to each message: `SO_PASSCRED`,
  /// `SO_PASSSEC`, `SO_PASSPIDFD`.
  @Test(
    "What a socket adds to a message does no harm and leaves no descriptor",
    arguments: [16, 34, 76])
  func additions(option: CInt) throws {
    let (here, there) = try socketPair()
    var isOn: CInt = 1
    guard setsockopt(there.rawValue, SOL_SOCKET, option, &isOn, 4) == 0 else {
      // Only older kernels lack the last option.
      #expect(option == 76 && errno == ENOPROTOOPT)
      return
    }
    let memory = try SharedMemory.anonymous(byteCount: 16)
    try memory.send(over: here)
    let before = try descriptorLinks()
    let received = try SharedMemory.receive(over: there)
    let byteCount = received.byteCount
    #expect(byteCount == 16)
    received.close()
    #expect(
      try descriptorLinks().filter { $0.contains("pidfd") }
        == before.filter { $0.contains("pidfd") })
    try here.close()
    try there.close()
  }

  @Test("A message with as many descriptors as the system passes leaves none")
  func manyDescriptors() throws {
    let (here, there) = try socketPair()
    let memory = try SharedMemory.anonymous(byteCount: 16)
    let descriptor = try memory.makeFileDescriptor()
    defer { try? descriptor.close() }
    let file = FileNumber(of: descriptor.rawValue)
    let count = try FileUse(of: file).descriptors.count
    let fds = try (0..<253).map { _ in try memory.makeFileDescriptor().rawValue }
    try pass(fds, with: goodMessage, over: here.rawValue)
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there)
    }
    guard case .corrupted? = error?.code else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try FileUse(of: file).descriptors.count == count)
    try here.close()
    try there.close()
  }

  @Test("Without a free descriptor the memory stays in the socket")
  func noDescriptor() async {
    await #expect(processExitsWith: .success) {
      let (here, there) = try socketPair()
      let memory = try SharedMemory.anonymous(byteCount: 16)
      try memory.send(over: here)
      var fillers: [CInt] = []
      var limit = rlimit()
      #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      limit.rlim_cur = min(limit.rlim_cur, 200)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      while case let fd = dup(there.rawValue), fd >= 0 { fillers.append(fd) }
      let error = #expect(throws: InterprocessError.self) {
        _ = try SharedMemory.receive(over: there, timeout: .seconds(30))
      }
      #expect(error?.code == .system(.tooManyOpenFiles))
      // One is enough for the memory, though not for a lease of its own.
      close(fillers.removeLast())
      close(fillers.removeLast())
      let received = try SharedMemory.receive(over: there, timeout: .seconds(30))
      let byteCount = received.byteCount
      #expect(byteCount == 16)
    }
  }

  // MARK: - Forks and other languages

  @Test("A child that is forked while memory arrives keeps no lease of it")
  func forkedMeanwhile() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("forkStorm \(extent(whole: 2000, short: 200)) passing", "ok 0 0")
      }
    }
  }

  @Test("Swift sends, Python receives")
  func toPython() async throws {
    let python = try #require(Python.all.last)
    let name = uniqueName()
    try await withServer { server, path in
      async let outcome = python.run(
        """
        import mmap, os, socket, sys
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
        for access in (mmap.ACCESS_WRITE, mmap.ACCESS_READ):
            message, fds, flags, _ = socket.recv_fds(peer, 264, 4)
            assert len(message) == 264 and message[:8] == b"swiftshm"
            assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            assert message[8:].rstrip(b"\\0").decode() == sys.argv[2]
            block = mmap.mmap(fds[0], 0, access=access)
            assert len(block) == 100 and block[3] == 33
            if access == mmap.ACCESS_WRITE: block[4] = 44
        try:
            mmap.mmap(fds[0], 0)
        except PermissionError:
            print("read-only")
        """, [path, name])
      let peer = try await server.accept()
      var memory = try SharedMemory.create(name, byteCount: 100, options: .whileAttached)
      memory[3] = 33
      try await memory.send(over: peer, timeout: .seconds(30))
      try await memory.send(over: peer, access: .readOnly, timeout: .seconds(30))
      let result = try await outcome
      #expect(result.status == .exited(0), "\(result.errors)")
      #expect(result.output == "read-only\n")
      let value = memory[4]
      #expect(value == 44)
      try peer.close()
    }
  }
}
