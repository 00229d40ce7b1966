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

internal import CInterprocess
internal import Glibc

/// A pair of sockets with which one thread wakes another that waits for descriptors with `poll`.
///
/// Each end has an inode of its own, so that a descriptor which other code has closed, and reopened
/// for something else, is recognised; a pipe would also kill the process that writes to it when its
/// other end is closed.
final class SocketBell: Sendable {
  private let ringing: Descriptor
  private let heard: Descriptor

  /// - Returns: `nil` if the system has no free descriptors.
  init?() {
    var other: CInt = -1
    let heard = try? Descriptor(isWritable: false) { unsafe ipc_socket_pair(&other) }
    guard let heard else { return nil }
    let ringing = try? Descriptor(isWritable: true) { other }
    guard let ringing else { return nil }
    self.ringing = ringing
    self.heard = heard
  }

  /// Readable once the bell has rung; -1 if other code has closed it.
  fileprivate var fd: CInt { heard.provenFD }

  /// Whether both ends are still open.
  var isWhole: Bool { heard.provenFD >= 0 && ringing.provenFD >= 0 }

  /// Wakes the waiter, including one that begins to wait before `reset`.
  func ring() {
    var byte: UInt8 = 0
    // If there is no room for the byte, there are enough bytes already.
    _ = unsafe send(ringing.provenFD, &byte, 1, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
  }

  func reset() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    // Bytes that are left because other threads keep ringing end the next wait.
    for _ in 0..<16 {
      if unsafe recv(fd, &bytes, bytes.count, CInt(MSG_DONTWAIT)) <= 0 { break }
    }
  }
}

extension Sockets {
  /// Waits until something happens at one of several sockets, or the bell rings, or a second is
  /// over.
  ///
  /// - Returns: The sockets at which something has happened; `nil` if the system refuses to wait
  ///   for that many, or has no memory for it.
  static func poll(_ sockets: [(fd: CInt, events: CShort)], and bell: SocketBell) -> Set<Int>? {
    var requests = [pollfd(fd: bell.fd, events: CShort(POLLIN), revents: 0)]
    requests += sockets.map { pollfd(fd: $0.fd, events: $0.events, revents: 0) }
    // The caller's thread takes no signals.
    guard unsafe Glibc.poll(&requests, nfds_t(requests.count), 1000) >= 0 else { return nil }
    return Set(sockets.indices.filter { requests[$0 + 1].revents != 0 })
  }
}
