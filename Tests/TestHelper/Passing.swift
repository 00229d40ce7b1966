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

internal import Glibc
internal import Interprocess
internal import SystemPackage

/// What the helper does with memory that comes without a name.
enum Passing {
  /// Connects to a Unix socket and receives memory over it.
  static func receive(from path: String) throws(InterprocessError) -> SharedMemory {
    let socket = connect(path)
    defer { try? socket.close() }
    return try SharedMemory.receive(over: socket)
  }

  private static func connect(_ path: String) -> FileDescriptor {
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(result == 0, "Cannot connect to \(path)")
    return FileDescriptor(rawValue: fd)
  }

  /// Adopts the standard input, adds one to the first byte, and tells what it found.
  static func adoptStandardInput() throws(InterprocessError) {
    var memory = try SharedMemory(adopting: .standardInput)
    memory[0] += 1
    Helper.answer("\(memory.byteCount) \(memory[0]) \(memory.access)")
  }
}
