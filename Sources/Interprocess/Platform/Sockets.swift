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
internal import SystemPackage

/// Messages that go through Unix sockets together with a descriptor.
///
/// No call waits inside the kernel but `poll`, so that a time-out holds whatever the other side
/// does, and however many signals come.
enum Sockets {
  /// Sends a message with a descriptor: all of it, or nothing.
  ///
  /// - Parameter timeout: How long to wait for room; `nil`: as the socket is set.
  /// - Throws: `ETIMEDOUT` if there was no room for all that time, `EAGAIN` if there is none and
  ///   the socket does not wait; `EINTR` if a signal has arrived in an interruptible wait.
  static func send(
    _ descriptor: borrowing Descriptor, with bytes: [UInt8], over socket: CInt, timeout: Duration?
  ) throws(Errno) {
    try type(of: socket)
    let end = try End(timeout, of: socket, SO_SNDTIMEO)
    let fd = descriptor.fd
    while true {
      do {
        try retryingInterrupts { unsafe ipc_send(socket, fd, bytes, bytes.count) }
        return
      } catch .resourceTemporarilyUnavailable {
        guard try poll(socket, for: CShort(POLLOUT), until: end) != 0 else { throw end.errno }
        // Others may be faster; and room for one message need not be room for this one.
        try Interruption.pause(for: shortestPause)
      }
    }
  }

  /// Receives as many bytes as the array has, and the descriptor that came with them.
  ///
  /// Nothing is taken out of the socket until all of it is there.
  ///
  /// - Parameter timeout: How long to wait for it; `nil`: as the socket is set.
  /// - Throws: As `ipc_receive`; `ETIMEDOUT` if the message was not there in that time, `EAGAIN` if
  ///   it is not and the socket does not wait.
  static func receive(
    _ bytes: inout [UInt8], over socket: CInt, timeout: Duration?
  ) throws(GivenFile.Refusal) -> GivenFile {
    let (type, end): (CInt, End)
    do {
      (type, end) = (try Self.type(of: socket), try End(timeout, of: socket, SO_RCVTIMEO))
    } catch { throw .system(error) }
    let count = bytes.count
    var step = shortestPause
    while true {
      let events: CShort
      do { events = try poll(socket, for: CShort(POLLIN) | ipc_POLLRDHUP, until: end) } catch {
        throw .system(error)
      }
      if events == 0 { throw .system(end.errno) }
      let isClosed = events & ~CShort(POLLIN) != 0
      do {
        return try GivenFile(receiving: {
          unsafe ipc_receive(socket, type, isClosed ? 1 : 0, &bytes, count)
        })
      } catch {
        guard case .system(.resourceTemporarilyUnavailable) = error else { throw error }
      }
      if isClosed { throw .system(Errno(rawValue: ENOMSG)) }
      // A part of it is there, for which `poll` returns at once until the rest has come.
      let timeLeft = end.timeLeft
      guard timeLeft > .zero else { throw .system(end.errno) }
      do { try Interruption.pause(for: min(step, timeLeft)) } catch { throw .system(error) }
      step = min(step * 2, longestPause)
    }
  }

  private static let shortestPause: Duration = .milliseconds(1)
  private static let longestPause: Duration = .milliseconds(50)

  @discardableResult
  private static func type(of socket: CInt) throws(Errno) -> CInt {
    try retryingInterrupts { ipc_unix_socket_type(socket) }
  }

  /// Waits until one of some events, or an error or the end of the connection, which need not be
  /// asked for.
  ///
  /// - Returns: The events; 0 if the time is over.
  private static func poll(
    _ socket: CInt, for events: CShort, until end: End
  ) throws(Errno) -> CShort {
    var request = pollfd(fd: socket, events: events, revents: 0)
    while true {
      let count = unsafe Glibc.poll(&request, 1, end.timeLeft.wholeMilliseconds)
      if count > 0 { return request.revents }
      if count < 0 && (Glibc.errno != EINTR || Interruption.endsWaits) {
        throw Errno(rawValue: Glibc.errno)
      }
      // A signal does not make the wait longer.
      if end.timeLeft <= .zero { return 0 }
    }
  }

  /// When to give up, and with which error.
  private struct End {
    private let deadline: SuspendingClock.Instant
    let errno: Errno

    var timeLeft: Duration { deadline - .now }

    /// - Parameters:
    ///   - timeout: `nil`: at once if the socket is not to block, else after the time that the
    ///     option says.
    ///   - option: `SO_RCVTIMEO` or `SO_SNDTIMEO`.
    init(_ timeout: Duration?, of socket: CInt, _ option: CInt) throws(Errno) {
      if let timeout {
        deadline = .after(timeout)
        errno = .timedOut
        return
      }
      errno = .resourceTemporarilyUnavailable
      if try retryingInterrupts({ fcntl(socket, F_GETFL) }) & O_NONBLOCK != 0 {
        deadline = .after(.zero)
        return
      }
      var limit = timeval()
      var byteCount = socklen_t(MemoryLayout<timeval>.size)
      try retryingInterrupts {
        unsafe getsockopt(socket, SOL_SOCKET, option, &limit, &byteCount)
      }
      let duration = Duration.seconds(limit.tv_sec) + .microseconds(limit.tv_usec)
      deadline = .after(duration == .zero ? .seconds(1 << 32) : duration)
    }
  }
}
