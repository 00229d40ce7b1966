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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import SystemPackage
internal import TestSupport

/// What the helper does with memory that arrives without a name.
enum Passing {
  /// Connects to a Unix socket and receives memory over it.
  static func receive(
    from path: String, owner: SharedMemory.Owner
  ) throws(InterprocessError) -> SharedMemory {
    let socket = connect(path)
    defer { try? socket.close() }
    return try SharedMemory.receive(over: socket, owner: owner)
  }

  /// Connects to a Unix socket and sends a file over it, as if it were memory.
  ///
  /// - Parameter flags: The flags to open the file with, as a number.
  static func send(file: String, flags: CInt, to path: String) {
    let socket = connect(path)
    defer { try? socket.close() }
    let fd = open(file, flags)
    precondition(fd >= 0, "Cannot open \(file)")
    defer { _ = close(fd) }
    var bytes = Array("swiftshm".utf8) + [UInt8](repeating: 0, count: 256)
    // The header of a control message, and the descriptor behind it.
    var control: [UInt64] = [
      UInt64(MemoryLayout<cmsghdr>.size + 4),
      UInt64(UInt32(SOL_SOCKET)) | UInt64(SCM_RIGHTS) << 32, UInt64(UInt32(fd)),
    ]
    let count = bytes.withUnsafeMutableBytes { bytes in
      control.withUnsafeMutableBytes { control in
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
          var message = msghdr()
          message.msg_iov = part
          message.msg_iovlen = 1
          message.msg_control = control.baseAddress
          message.msg_controllen = control.count
          return sendmsg(socket.rawValue, &message, 0)
        }
      }
    }
    precondition(count == bytes.count, "Cannot send \(file)")
  }

  /// Tries to open for writing each anonymous memory that this process has a descriptor of, and
  /// returns the results: 0, or the error.
  static func openForWriting() -> [CInt] {
    (3..<256).compactMap { number -> CInt? in
      let path = "/proc/self/fd/\(number)"
      var target = [UInt8](repeating: 0, count: 256)
      let count = target.withUnsafeMutableBytes {
        readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      guard count > 0, target.starts(with: "/memfd:swift-interprocess".utf8) else { return nil }
      let fd = open(path, O_RDWR)
      defer { if fd >= 0 { _ = close(fd) } }
      return fd >= 0 ? 0 : errno
    }
  }

  static func connect(_ path: String) -> FileDescriptor {
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    let result = withUnixAddress(path) { Glibc.connect(fd, $0, $1) }
    precondition(result == 0, "Cannot connect to \(path)")
    return FileDescriptor(rawValue: fd)
  }
}

/// Adopts the standard input, adds one to the first byte, and reports what it found.
struct Adopt: ParsableCommand {
  func run() throws {
    var memory = try SharedMemory(adopting: .standardInput)
    memory[0] += 1
    Helper.answer("\(memory.byteCount) \(memory[0]) \(memory.access)")
  }
}
