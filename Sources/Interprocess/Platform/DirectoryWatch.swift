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
internal import SystemPackage

/// Waits until something happens to the files of a directory.
///
/// Changes are reported from the moment at which the watch was made: make it, examine the
/// directory, wait. Changes made through a mapping are not reported.
struct DirectoryWatch: ~Copyable {
  /// The inotify instance; `nil` if the system has none free, as their number is limited for each
  /// user.
  ///
  /// The watch then returns every few milliseconds, and also if other code has closed the instance.
  private let descriptor: Descriptor?

  init(_ directory: String) {
    let instance = try? Descriptor(isWritable: false) {
      inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    }
    guard let instance else {
      descriptor = nil
      return
    }
    let events = UInt32(IN_CREATE | IN_MOVED_TO | IN_MODIFY)
    let isWatching = unsafe inotify_add_watch(instance.fd, directory, events) >= 0
    descriptor = isWatching ? consume instance : nil
  }

  /// Sleeps until something has changed or the time-out passes; may also return early.
  ///
  /// - Throws: `EINTR` if a signal has arrived in an interruptible wait.
  func wait(atMost timeout: Duration) throws(Errno) {
    let milliseconds = timeout.wholeMilliseconds
    let fd = fd
    guard fd >= 0 else {
      if poll(nil, 0, min(milliseconds, 5)) < 0 { try endIfInterrupted() }
      return
    }
    var request = pollfd(fd: fd, events: CShort(POLLIN), revents: 0)
    let count = unsafe poll(&request, 1, milliseconds)
    if count < 0 { try endIfInterrupted() }
    if count > 0 {
      // The events themselves do not matter, as the caller examines the directory; they are only
      // removed from the queue.
      var events = [UInt8](repeating: 0, count: 4096)
      // Events that are left because new ones keep arriving end the next wait.
      for _ in 0..<16 {
        if unsafe read(fd, &events, events.count) <= 0 { break }
      }
    }
  }

  /// The descriptor; -1 if the watch has no descriptor, or other code has closed it.
  private var fd: CInt {
    switch descriptor {
    case .some(let instance): instance.provenFD
    case .none: -1
    }
  }

  /// An interrupted wait counts as one that returns early, unless signals may end it.
  private func endIfInterrupted() throws(Errno) {
    if Interruption.endsWaits && errno == EINTR { throw .interrupted }
  }
}
