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
    // F_ADD_SEALS with F_SEAL_FUTURE_WRITE: nobody can take the writing away from the others either.
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
    let info = try info(name)
    #expect(info.handleCount == 1)
    #expect(!info.isStale)
    try here.close()
    try there.close()
    #expect(try SharedMemory.sweep().contains(name))
  }

  @Test("A name that leads to other memory by now does not come with it")
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

  @Test("A message that comes in parts is put together")
  func parts() throws {
    let (here, there) = try socketPair()
    let memory = try SharedMemory.anonymous(byteCount: 24)
    let message = Array("swiftshm".utf8) + [UInt8](repeating: 0, count: 256)
    try pass(
      [memory.makeFileDescriptor().rawValue], with: Array(message.prefix(5)), over: here.rawValue)
    #expect(write(here.rawValue, Array(message.dropFirst(5)), 259) == 259)
    let received = try SharedMemory.receive(over: there)
    let byteCount = received.byteCount
    #expect(byteCount == 24)
    try here.close()
    try there.close()
  }

  @Test("Sending to a process that has closed its end is an error, and no signal")
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
    "Who gets memory may use it, although it may not open it",
    .enabled(if: geteuid() == 0, "needs root, to become another user"))
  func receivedByAnotherUser() async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 16, lifetime: .whileAttached)
    memory[0] = 8
    let file = try #require(FileNumber(at: path(name)))
    try await withServer { server, path in
      #expect(chmod(path, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.expect("attach \(name)", "error permissionDenied")
        try await helper.send("receive \(path)")
        let peer = try server.accept()
        try memory.send(over: peer)
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
    for file in files { #expect(try FileUse(of: file).descriptors == []) }
    try there.close()
  }

  enum BadMessage: CaseIterable {
    case nothing, short, shortWithMemory, noDescriptor, wrongMagic, wrongName
    case pipe, unsealed, empty, writeOnly, two, three

    /// - Returns: The files that it passed.
    func send(over socket: CInt) throws -> [FileNumber] {
      let good = Array("swiftshm".utf8) + [UInt8](repeating: 0, count: 256)
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
      case (.nothing, .system(let errno)): errno.rawValue == ENOMSG
      case (.short, .corrupted), (.shortWithMemory, .corrupted), (.noDescriptor, .corrupted): true
      case (.wrongMagic, .corrupted), (.wrongName, .corrupted): true
      case (.two, .corrupted), (.three, .corrupted): true
      case (.pipe, .wrongKind), (.unsealed, .wrongKind): true
      case (.empty, .invalidSize), (.writeOnly, .permissionDenied): true
      default: false
      }
    }
  }

  // MARK: - Descriptors

  @Test("Each descriptor holds a lease of its own and is closed on exec, whatever way it came")
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

  @Test("A descriptor is a handle, and what adopts it takes no lease from who made it")
  func descriptorIsHandle() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16, lifetime: .whileAttached)
    let descriptor = try memory.makeFileDescriptor()
    memory.close()
    #expect(exists(name))
    #expect(try info(name).handleCount == 1)

    // Both have one description, as a child and its parent do.
    let adopted = try SharedMemory(adopting: descriptor.duplicate())
    let lifetime = adopted.lifetime
    #expect(lifetime == .whileAttached)
    #expect(try info(name).handleCount == 2)
    adopted.close()
    #expect(try info(name).handleCount == 1)
    #expect(try !SharedMemory.sweep().contains(name))
    try descriptor.close()
    #expect(try SharedMemory.sweep().contains(name))
  }

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
    let link = "/proc/self/fd/\(fd)"
    let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
    #expect(throws: InterprocessError.self) {
      _ = try SharedMemory(adopting: FileDescriptor(rawValue: fd))
    }
    #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != target)
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

/// A file without a name whose size is sealed.
private func sealedFile() throws -> CInt {
  try SharedMemory.anonymous(byteCount: 16).makeFileDescriptor().rawValue
}

/// Sends descriptors with bytes, and closes them.
///
/// - Returns: The files that they lead to.
@discardableResult
private func pass(_ fds: [CInt], with bytes: [UInt8], over socket: CInt) throws -> [FileNumber] {
  var bytes = bytes
  let files = fds.map { FileNumber(of: $0) }
  defer { for fd in fds { close(fd) } }
  bytes.withUnsafeMutableBytes { buffer in
    var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    // The header of a control message, with the descriptors behind it.
    let words = fds.map { UInt64(UInt32($0)) } + [0]
    var control: [UInt64] = [
      UInt64(MemoryLayout<cmsghdr>.size + 4 * fds.count),
      UInt64(UInt32(SOL_SOCKET)) | UInt64(SCM_RIGHTS) << 32,
    ]
    for index in stride(from: 0, to: fds.count, by: 2) {
      control.append(words[index] | words[index + 1] << 32)
    }
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
  return files
}
