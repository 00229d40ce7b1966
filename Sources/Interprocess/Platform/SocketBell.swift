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

/// A pair of sockets by which one thread wakes another one that waits for descriptors with `poll`.
///
/// Each end has an inode of its own, so that a descriptor which somebody else has closed, and
/// opened again for something else, is told from it; a pipe would also kill the process that writes
/// to it when its other end is closed.
final class SocketBell: Sendable {
  private let ringing: Descriptor
  private let heard: Descriptor

  /// - Returns: `nil` if the system has no descriptors to spare.
  init?() {
    var other: CInt = -1
    let heard = try? Descriptor(isWritable: false) { unsafe ipc_socket_pair(&other) }
    guard let heard else { return nil }
    let ringing = try? Descriptor(isWritable: true) { other }
    guard let ringing else { return nil }
    self.ringing = ringing
    self.heard = heard
  }

  /// What to wait for `POLLIN` at; -1 if somebody else has closed it.
  var fd: CInt { heard.provenFD }

  /// Whether both ends are there.
  var isWhole: Bool { heard.provenFD >= 0 && ringing.provenFD >= 0 }

  /// Wakes whoever waits, also one that begins to wait before `reset`.
  func ring() {
    var byte: UInt8 = 0
    // If there is no room for it, there are enough of them.
    _ = unsafe send(ringing.provenFD, &byte, 1, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
  }

  func reset() {
    var bytes = [UInt8](repeating: 0, count: 4096)
    // What is left when others are faster ends the next wait.
    for _ in 0..<16 {
      if unsafe recv(fd, &bytes, bytes.count, CInt(MSG_DONTWAIT)) <= 0 { break }
    }
  }
}
