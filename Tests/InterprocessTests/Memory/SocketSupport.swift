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
import SystemPackage
import Testing

/// A listening Unix socket.
struct Server {
  var fd: CInt

  /// Waits for a peer in a new thread, as a task may start the peer.
  func accept() async throws -> FileDescriptor {
    let peer = try await inThread {
      var request = pollfd(fd: fd, events: CShort(POLLIN), revents: 0)
      return poll(&request, 1, 60_000) == 1 ? Glibc.accept(fd, nil, nil) : -1
    }.value
    try #require(peer >= 0, "Nobody has connected")
    return FileDescriptor(rawValue: peer)
  }
}

/// Runs a body with a socket that listens at a path.
func withServer(_ body: (Server, String) async throws -> Void) async throws {
  let path = "/tmp/ipctest_\(getpid())_\(UInt32.random(in: .min ... .max))"
  let fd = listen(at: path)
  try #require(fd >= 0)
  defer {
    close(fd)
    unlink(path)
  }
  try await body(Server(fd: fd), path)
}

func socketPair(
  _ type: CInt = CInt(SOCK_STREAM.rawValue)
) throws -> (FileDescriptor, FileDescriptor) {
  var ends: [CInt] = [0, 0]
  try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
  return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
}

/// The bytes of a message that passes memory without a name.
let goodMessage = Array("swiftshm".utf8) + [UInt8](repeating: 0, count: 256)

/// A TCP connection within this machine, whose first end has sent more than its peer takes, and
/// waits this long for the peer when it is closed.
func lingeringConnection(seconds: CInt) throws -> (fd: CInt, peer: CInt) {
  let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
  defer { close(listener) }
  try #require(listen(listener, 1) == 0)
  var address = sockaddr_in()
  var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
  let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
  try withUnsafeMutablePointer(to: &address) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      try #require(getsockname(listener, pointer, &byteCount) == 0)
      try #require(connect(fd, pointer, byteCount) == 0)
    }
  }
  let peer = accept(listener, nil, nil)
  try #require(peer >= 0)
  if seconds > 0 {
    var linger = linger(l_onoff: 1, l_linger: seconds)
    try #require(
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size)) == 0)
    let bytes = [UInt8](repeating: 0, count: 1 << 16)
    while send(fd, bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0 {}
  }
  return (fd, peer)
}

/// `memfd_create`, which Swift does not import.
///
/// - Parameter flags: 2 for `MFD_ALLOW_SEALING`, 4 for `MFD_HUGETLB`.
///
/// - Returns: -1 if the system has no such files.
func makeMemoryFile(flags: CUnsignedInt) -> CInt {
  typealias Function = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
  guard let symbol = dlsym(nil, "memfd_create") else { return -1 }
  return unsafeBitCast(symbol, to: Function.self)("ipctest", flags)
}

/// A file without a name and without seals.
func nameless(_ byteCount: Int) -> CInt {
  var template = Array("/dev/shm/ipctest_XXXXXX".utf8CString)
  let fd = mkstemp(&template)
  #expect(unlink(template) == 0)
  #expect(ftruncate(fd, byteCount) == 0)
  return fd
}

/// A file without a name whose size is sealed.
func sealedFile() throws -> CInt {
  try SharedMemory.anonymous(byteCount: 16).makeFileDescriptor().rawValue
}

/// Sends descriptors with bytes, and closes them.
///
/// - Returns: The files that they lead to.
@discardableResult
func pass(_ fds: [CInt], with bytes: [UInt8], over socket: CInt) throws -> [FileNumber] {
  var bytes = bytes
  let files = fds.map { FileNumber(of: $0) }
  defer { for fd in fds { close(fd) } }
  bytes.withUnsafeMutableBytes { buffer in
    var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    // The header of a control message, followed by the descriptors.
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

func setNonBlocking(_ socket: FileDescriptor) {
  #expect(fcntl(socket.rawValue, F_SETFL, O_NONBLOCK) == 0)
}

/// The targets of this process's descriptors.
func descriptorLinks() throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
  }
}

/// Makes a socket non-blocking, and sends over it until it has no room for another message.
///
/// - Returns: How many messages it has sent.
@discardableResult
func fill(_ socket: FileDescriptor) -> Int {
  setNonBlocking(socket)
  var count = 0
  while write(socket.rawValue, goodMessage, goodMessage.count) > 0 { count += 1 }
  return count
}

/// Takes this many messages out of a socket.
func drain(_ socket: FileDescriptor, messageCount: Int) {
  var bytes = [UInt8](repeating: 0, count: goodMessage.count)
  for _ in 0..<messageCount {
    #expect(read(socket.rawValue, &bytes, bytes.count) == bytes.count)
  }
}

/// Expects a receiver that waits for at most a minute to wait for the rest of a message.
func expectLateRest(
  received receive: (FileDescriptor) -> Task<Int, any Error>
) async throws {
  let (here, there) = try socketPair()
  let memory = try SharedMemory.anonymous(byteCount: 24)
  try pass(
    [memory.makeFileDescriptor().rawValue], with: Array(goodMessage.prefix(100)),
    over: here.rawValue)
  let receiver = receive(there)
  try await Task.sleep(for: .milliseconds(50))
  for byte in goodMessage.dropFirst(100) { #expect(write(here.rawValue, [byte], 1) == 1) }
  #expect(try await receiver.value == 24)
  try here.close()
  try there.close()
}
