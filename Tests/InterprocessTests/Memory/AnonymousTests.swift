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
  @Test("It has no name, is zeroed, and its size is sealed", arguments: [1, 4096, 100_000])
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
    let grown = #expect(throws: InterprocessError.self) { try memory.grow(to: byteCount + 1) }
    #expect(grown?.code == .permissionDenied)
    let unlinked = #expect(throws: InterprocessError.self) { try memory.unlink() }
    #expect(unlinked?.code == .notFound)
  }

  @Test("It has at least one byte", arguments: [0, -1])
  func invalidSize(byteCount: Int) {
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.anonymous(byteCount: byteCount)
    }
    #expect(error?.code == .invalidSize)
  }

  // MARK: - Sockets

  @Test("Memory of each kind goes through a socket to another process")
  func sending() async throws {
    let name = uniqueName()
    try await withServer { server, path in
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        var anonymous = try SharedMemory.anonymous(byteCount: 5000)
        anonymous[1] = 11
        try await helper.send("receive \(path)")
        let first = try server.accept()
        try anonymous.send(over: first)
        try first.close()
        try await helper.expectNext("ok 5000 ")
        try await helper.expect("get 1", "ok 11")
        try await helper.expect("set 2 22", "ok ")
        let value = anonymous[2]
        #expect(value == 22)

        // A temporary segment that is closed while it is on its way stays, with its name.
        var named = try SharedMemory.create(name, byteCount: 16, lifetime: .whileAttached)
        named[0] = 9
        try await helper.send("receive \(path)")
        let second = try server.accept()
        try named.send(over: second)
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

  @Test("What is on its way is a handle, and is gone when nobody can receive it any more")
  func neverReceived() throws {
    let name = uniqueName()
    let (here, there) = try socketPair()
    let memory = try SharedMemory.create(name, byteCount: 16, lifetime: .whileAttached)
    try memory.send(over: here)
    memory.close()
    #expect(exists(name))
    #expect(try !SharedMemory.sweep().contains(name))
    try here.close()
    try there.close()
    #expect(try SharedMemory.sweep().contains(name))
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
    let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    try message.send(over: here.rawValue)
    try here.close()
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there)
    }
    #expect(message.accepts(try #require(error).code), "\(String(describing: error))")
    let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    // Other tests open and close descriptors meanwhile; what leaked here would be found again and
    // again.
    #expect(after < before + 50)
    try there.close()
  }

  enum BadMessage: CaseIterable {
    case nothing, short, noDescriptor, wrongMagic, pipe, unsealed, empty, writeOnly

    func send(over socket: CInt) throws {
      let good = Array("swiftshm".utf8) + [UInt8](repeating: 0, count: 256)
      switch self {
      case .nothing: break
      case .short: #expect(write(socket, good, 100) == 100)
      case .noDescriptor: #expect(write(socket, good, good.count) == good.count)
      case .wrongMagic:
        try pass(nameless(16), with: [UInt8](repeating: 1, count: 264), over: socket)
      case .pipe:
        var ends: [CInt] = [0, 0]
        #expect(Glibc.pipe(&ends) == 0)
        close(ends[1])
        try pass(ends[0], with: good, over: socket)
      case .unsealed: try pass(nameless(16), with: good, over: socket)
      case .empty: try pass(nameless(0), with: good, over: socket)
      case .writeOnly: try pass(open("/dev/null", O_WRONLY), with: good, over: socket)
      }
    }

    func accepts(_ code: InterprocessError.Code) -> Bool {
      switch (self, code) {
      case (.nothing, .system(let errno)): errno.rawValue == ENOMSG
      case (.short, .corrupted), (.noDescriptor, .corrupted), (.wrongMagic, .corrupted): true
      case (.pipe, .wrongKind), (.unsealed, .wrongKind): true
      case (.empty, .invalidSize), (.writeOnly, .permissionDenied): true
      default: false
      }
    }
  }

  // MARK: - Descriptors

  @Test("A child that swift-subprocess starts adopts it as its standard input")
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
    "What cannot be memory is not adopted, and is closed",
    arguments: ["/dev/null", "/", "/proc/self/stat"])
  func notAdopted(path: String) throws {
    let fd = open(path, O_RDONLY)
    try #require(fd >= 0)
    #expect(throws: InterprocessError.self) {
      _ = try SharedMemory(adopting: FileDescriptor(rawValue: fd))
    }
  }

  @Test("Python makes it, Swift adopts it")
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
      let peer = try server.accept()
      let memory = try SharedMemory.receive(over: peer)
      try peer.close()
      let (byteCount, value) = (memory.byteCount, memory[7])
      #expect(byteCount == 100)
      #expect(value == 77)
      #expect(try await outcome.status == .exited(0))
    }
  }
}

// MARK: - Sockets

/// A listening Unix socket.
private struct Server {
  var fd: CInt

  func accept() throws -> FileDescriptor {
    let peer = Glibc.accept(fd, nil, nil)
    try #require(peer >= 0)
    return FileDescriptor(rawValue: peer)
  }
}

/// Runs a body with a socket that listens at a path.
private func withServer(_ body: (Server, String) async throws -> Void) async throws {
  let path = "/tmp/ipctest_\(getpid())_\(UInt32.random(in: .min ... .max))"
  let fd = listen(at: path)
  try #require(fd >= 0)
  defer {
    close(fd)
    unlink(path)
  }
  try await body(Server(fd: fd), path)
}

private func socketPair() throws -> (FileDescriptor, FileDescriptor) {
  var ends: [CInt] = [0, 0]
  try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
  return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
}

/// A file without a name and without seals.
private func nameless(_ byteCount: Int) -> CInt {
  var template = Array("/dev/shm/ipctest_XXXXXX".utf8CString)
  let fd = mkstemp(&template)
  #expect(unlink(template) == 0)
  #expect(ftruncate(fd, byteCount) == 0)
  return fd
}

/// Sends a descriptor with bytes, and closes it.
private func pass(_ fd: CInt, with bytes: [UInt8], over socket: CInt) throws {
  var bytes = bytes
  defer { close(fd) }
  bytes.withUnsafeMutableBytes { buffer in
    var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    // The header of a control message, with the descriptor behind it.
    var control: [UInt64] = [
      UInt64(MemoryLayout<cmsghdr>.size + 4),
      UInt64(UInt32(SOL_SOCKET)) | UInt64(SCM_RIGHTS) << 32, UInt64(UInt32(fd)),
    ]
    control.withUnsafeMutableBytes { control in
      withUnsafeMutablePointer(to: &part) { part in
        var message = msghdr()
        message.msg_iov = part
        message.msg_iovlen = 1
        message.msg_control = control.baseAddress
        message.msg_controllen = control.count
        #expect(sendmsg(socket, &message, 0) == buffer.count)
      }
    }
  }
}
