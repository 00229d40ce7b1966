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

private let isRoot = geteuid() == 0
private let hugeFile = makeMemoryFile(flags: 2 | 4)

/// What a descriptor from an untrusted sender gives access to.
@Suite("Trust at the socket", .timeLimit(.minutes(2)))
struct PassingTrustTests {
  // MARK: - Access

  @Test(
    "A path descriptor (`O_PATH`) is refused, even if the receiver could read the file",
    .enabled(if: isRoot, "needs root, to become another user"))
  func pathOnly() async throws {
    let name = uniqueName()
    let secret = try SharedMemory.create(name, byteCount: 16)
    let file = try #require(FileNumber(at: path(name)))
    try await withServer { server, socketPath in
      #expect(chmod(socketPath, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.expect("attach \(name) readOnly anyone", "error permissionDenied")
        try await helper.expect("sendFile \(path(name)) \(ipc_O_PATH) \(socketPath)", "ok ")
        let peer = try await server.accept()
        let error = #expect(throws: InterprocessError.self) {
          _ = try SharedMemory.receive(over: peer, owner: .anyone, timeout: .seconds(30))
        }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message.contains("O_PATH") == true)
        try peer.close()
      }
      #expect(status == .exited(0))
    }
    // Only this test's own handle has it; another test's thread may be looking at it right now.
    let begin = ContinuousClock.now
    while try FileUse(of: file).descriptors.count > 1, .now - begin < .seconds(10) { usleep(1000) }
    #expect(try FileUse(of: file).descriptors.count == 1)
    #expect(try FileUse(of: file).mappings == ["rw-s"])
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory(adopting: FileDescriptor(rawValue: open(path(name), ipc_O_PATH)))
    }
    #expect(error?.code == .permissionDenied)
    try secret.unlink()
  }

  @Test(
    "Memory from a reader can only be read, although the receiver could write it",
    .enabled(if: isRoot, "needs root, to become another user"))
  func readOnlyFromReader() async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(
      name, byteCount: 16, options: SegmentOptions(permissions: [.ownerReadWrite, .otherRead]))
    memory[3] = 7
    let file = try #require(FileNumber(at: path(name)))
    try await withServer { server, socketPath in
      #expect(chmod(socketPath, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.expect("attach \(name) readOnly", "ok 16")
        try await helper.expect("send \(socketPath)", "ok ")
        let peer = try await server.accept()
        let received = try await SharedMemory.receive(over: peer, timeout: .seconds(30))
        let (access, value) = (received.access, received[3])
        #expect(access == .readOnly)
        #expect(value == 7)
        let use = try FileUse(of: file)
        #expect(use.mappings.sorted() == ["r--s", "rw-s"])
        #expect(Set(use.descriptors) == [.init(), .init(isWritable: false)])
        try peer.close()
      }
      #expect(status == .exited(0))
    }
    try memory.unlink()
  }

  @Test(
    "Memory that is sealed against writing is read-only, however it is open", arguments: [8, 16])
  func sealedAgainstWriting(seal: CInt) throws {
    let fd = makeMemoryFile(flags: 2)
    #expect(ftruncate(fd, 16) == 0)
    #expect(write(fd, [5] as [UInt8], 1) == 1)
    #expect(fcntl(fd, 1033, seal | 2) == 0)
    let memory = try SharedMemory(adopting: FileDescriptor(rawValue: fd))
    let (access, value) = (memory.access, memory[0])
    #expect(access == .readOnly)
    #expect(value == 5)
  }

  // MARK: - Reopening

  /// What a receiver finds at `/proc`.
  enum Proc: String, CaseIterable {
    case empty = "true"
    /// Links to another file under the numbers of all descriptors.
    case misleading = """
      mkdir -p /proc/self/fd && for i in $(seq 0 99); do ln -s "$1" /proc/self/fd/$i; done
      """
  }

  @Test(
    "Where the file cannot be opened again, the descriptor itself serves", arguments: Proc.allCases)
  func withoutProc(proc: Proc) async throws {
    var memory = try SharedMemory.anonymous(byteCount: 64)
    memory[1] = 21
    let name = uniqueName()
    let decoy = try SharedMemory.create(name, byteCount: 64)
    let namespaces = isRoot ? ["--mount"] : ["--map-root-user", "--mount"]
    try await withServer { server, socketPath in
      let (status, _) = try await withChildProcess(
        "unshare",
        namespaces + [
          "sh", "-c", "mount -t tmpfs tmpfs /proc && \(proc.rawValue); exec \"$0\"",
          Places.helper, path(name),
        ]
      ) { helper in
        try await helper.send("receive \(socketPath)")
        let peer = try await server.accept()
        try await memory.send(over: peer)
        try await helper.expectNext("ok 64 ")
        try await helper.expect("get 1", "ok 21")
        try await helper.expect("set 2 22", "ok ")
        let value = memory[2]
        #expect(value == 22)
        let errno: Errno = proc == .empty ? .noSuchFileOrDirectory : .staleNFSFileHandle
        try await helper.expect(
          "makeDescriptor", "error \(InterprocessError.Code.system(errno))")
        try peer.close()
      }
      #expect(status == .exited(0))
    }
    let untouched = decoy[2]
    #expect(untouched == 0)
    try decoy.unlink()
  }

  @Test(
    "A handle that shares its sender's open file description leaves the lease to the sender",
    .enabled(if: isRoot, "needs root, to become another user"))
  func sharedDescription() async throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    let descriptor = try memory.makeFileDescriptor()
    memory.close()
    try await withServer { server, socketPath in
      #expect(chmod(socketPath, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        try await helper.send("receive \(socketPath)")
        let peer = try await server.accept()
        try pass([dup(descriptor.rawValue)], with: goodMessage, over: peer.rawValue)
        try await helper.expectNext("ok 16 ")
        try await helper.expect("close", "ok ")
        try peer.close()
      }
      #expect(status == .exited(0))
    }
    #expect(try FileUse(of: FileNumber(of: descriptor.rawValue)).descriptors == [.init()])
    #expect(try !SharedMemory.sweep().contains(name))
    try descriptor.close()
    try expectSwept(name)
  }

  @Test("A number that is not a descriptor is an error", arguments: [-1, 1_000_000] as [CInt])
  func noDescriptor(fd: CInt) {
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory(adopting: FileDescriptor(rawValue: fd))
    }
    #expect(error?.code == .system(.badFileDescriptor))
  }

  @Test("Handing out adopted memory read-only changes no mode that a user has chosen")
  func modeOfNamedFile() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(
      name, byteCount: 16,
      options: SegmentOptions(permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite]))
    let adopted = try SharedMemory(adopting: memory.makeFileDescriptor())
    try adopted.makeFileDescriptor(access: .readOnly).close()
    var status = stat()
    #expect(stat(path(name), &status) == 0)
    #expect(status.st_mode & 0o777 == 0o666)
    try memory.unlink()
  }

  // MARK: - Owners

  @Test(
    "Memory of another user is refused, unless any owner is accepted",
    .enabled(if: isRoot, "needs root, to become another user"), arguments: ["named", "anonymous"])
  func foreignOwner(kind: String) async throws {
    let name = uniqueName()
    try await withServer { server, socketPath in
      #expect(chmod(socketPath, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        if kind == "named" {
          try await helper.expect("create \(name) 16 temporary permissions=666", "ok \(name)")
        } else {
          try await helper.expect("anonymous 16", "ok 16")
        }
        try await helper.expect("set 4 9", "ok ")
        try await helper.expect("send \(socketPath)", "ok ")
        let refusing = try await server.accept()
        let error = #expect(throws: InterprocessError.self) {
          _ = try SharedMemory.receive(over: refusing, timeout: .seconds(30))
        }
        #expect(error?.code == .foreignOwner)
        #expect(error?.message.contains("65534") == true)
        try refusing.close()

        try await helper.expect("send \(socketPath)", "ok ")
        let accepting = try await server.accept()
        let received = try await SharedMemory.receive(
          over: accepting, owner: .anyone, timeout: .seconds(30))
        let (value, found) = (received[4], received.name)
        #expect(value == 9)
        #expect(found == (kind == "named" ? name : ""))
        let descriptor = try received.makeFileDescriptor()
        let adopting = #expect(throws: InterprocessError.self) {
          _ = try SharedMemory(adopting: descriptor)
        }
        #expect(adopting?.code == .foreignOwner)
        try await helper.expect("close", "ok ")
        try accepting.close()
      }
      #expect(status == .exited(0))
    }
    #expect(!exists(name))
  }

  // MARK: - Files that are not memory

  @Test("A file of another file system is refused, and the error names the file system")
  func onDisk() async throws {
    let type = try await run("findmnt", ["-no", "FSTYPE", "-T", "/var/tmp"]).output
    var template = Array("/var/tmp/ipctest_XXXXXX".utf8CString)
    let fd = mkstemp(&template)
    try #require(fd >= 0)
    #expect(unlink(template) == 0)
    #expect(ftruncate(fd, 4096) == 0)
    let error = try refusal(of: fd)
    guard case .wrongKind = error.code, let (_, found) = error.code.difference else {
      Issue.record("\(error)")
      return
    }
    #expect(found + "\n" == "a file of \(type)")
    #expect(error.message.contains(found))
  }

  @Test(
    "A file of huge pages is refused, as its size need not be mappable",
    .enabled(if: hugeFile >= 0, "the system has no huge pages"))
  func hugePages() throws {
    let fd = dup(hugeFile)
    #expect(ftruncate(fd, 2 << 20) == 0)
    #expect(fcntl(fd, 1033, 2) == 0)
    #expect(
      try refusal(of: fd).code
        == .wrongKind(expected: "shared memory", found: "a file of huge pages"))
  }

  @Test("A descriptor that takes long to close is refused at once")
  func lingering() throws {
    // A connection whose peer reads nothing, and which waits on close for its unread data.
    let connection = try lingeringConnection(seconds: 60)
    defer { close(connection.peer) }
    let begin = SuspendingClock.now
    #expect(
      try refusal(of: connection.fd).code
        == .wrongKind(expected: "shared memory", found: "a socket"))
    #expect(SuspendingClock.now - begin < .seconds(30))
  }

  /// The error of receiving a descriptor.
  private func refusal(of fd: CInt) throws -> InterprocessError {
    let (here, there) = try socketPair()
    defer {
      try? here.close()
      try? there.close()
    }
    try pass([fd], with: goodMessage, over: here.rawValue)
    let error = #expect(throws: InterprocessError.self) {
      _ = try SharedMemory.receive(over: there, timeout: .seconds(30))
    }
    return try #require(error)
  }

  // MARK: - Handing out read-only

  @Test("Memory handed out read-only arrives so, and its creator continues writing")
  func readOnlyHandOut() throws {
    let (here, there) = try socketPair()
    var memory = try SharedMemory.anonymous(byteCount: 16)
    try memory.send(over: here, access: .readOnly)
    let received = try SharedMemory.receive(over: there)
    let access = received.access
    #expect(access == .readOnly)
    memory[1] = 5
    let value = received[1]
    #expect(value == 5)
    let descriptor = try memory.makeFileDescriptor(access: .readOnly)
    #expect(fcntl(descriptor.rawValue, F_GETFL) & O_ACCMODE == O_RDONLY)
    #expect(
      mmap(nil, 16, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0) == MAP_FAILED)
    #expect(errno == EACCES)
    let adopted = try SharedMemory(adopting: descriptor)
    let adoptedAccess = adopted.access
    #expect(adoptedAccess == .readOnly)
    let writable = try SharedMemory(adopting: memory.makeFileDescriptor(access: .readWrite))
    let writableAccess = writable.access
    #expect(writableAccess == .readWrite)

    let name = uniqueName()
    let named = try SharedMemory.create(name, byteCount: 16, options: .whileAttached)
    try named.send(over: here, access: .readOnly)
    named.close()
    let last = try SharedMemory.receive(over: there)
    let (lastName, lastAccess) = (last.name, last.access)
    #expect(lastName == name)
    #expect(lastAccess == .readOnly)
    last.close()
    #expect(!exists(name))
    try here.close()
    try there.close()
  }

  @Test(
    "Another user cannot open for writing what was handed out read-only",
    .enabled(if: isRoot, "needs root, to become another user"))
  func readOnlyForOthers() async throws {
    var memory = try SharedMemory.anonymous(byteCount: 16)
    try await withServer { server, socketPath in
      #expect(chmod(socketPath, 0o666) == 0)
      let (status, _) = try await withChildProcess(Places.helper) { helper in
        try await helper.expect("becomeUser 65534", "ok 0 0")
        // Writable memory of another owner cannot be handed out read-only with any effect.
        try await helper.send("receive \(socketPath)")
        let first = try await server.accept()
        try await memory.send(over: first)
        try await helper.expectNext("ok 16 ")
        try await helper.expect("set 1 3", "ok ")
        try await helper.expect("send \(socketPath) readOnly", "error permissionDenied")
        try await server.accept().close()
        try await helper.expect("openForWriting", "ok 0")
        try await helper.expect("close", "ok ")

        try await helper.send("receive \(socketPath)")
        let second = try await server.accept()
        try await memory.send(over: second, access: .readOnly)
        try await helper.expectNext("ok 16 ")
        memory[2] = 4
        try await helper.expect("get 2", "ok 4")
        try await helper.expect("openForWriting", "ok \(EACCES)")
        // It can be passed on as it is.
        try await helper.expect("send \(socketPath)", "ok ")
        let third = try await server.accept()
        let back = try await SharedMemory.receive(over: third)
        let access = back.access
        #expect(access == .readOnly)
        for peer in [first, second, third] { try peer.close() }
      }
      #expect(status == .exited(0))
    }
  }

  @Test("Read-only memory cannot be handed out for writing")
  func morePermissions() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let memory = try SharedMemory(
        adopting: SharedMemory.anonymous(byteCount: 16).makeFileDescriptor(access: .readOnly))
      _ = try memory.makeFileDescriptor(access: .readWrite)
    }
    #expect(result.says("This shared memory is attached read-only"))
  }
}
