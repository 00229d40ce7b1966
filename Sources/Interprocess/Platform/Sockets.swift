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
/// Only `poll` waits inside the kernel, so that a time-out holds whatever the other side does, and
/// however many signals arrive.
enum Sockets {
  /// Sends a message with a descriptor: all of it, or nothing.
  ///
  /// - Parameter timeout: How long to wait for room; `nil`: as the socket is set.
  /// - Throws: `ETIMEDOUT` if there was no room for all that time, `EAGAIN` if there is no room
  ///   and the socket is non-blocking; `EINTR` if a signal has arrived in an interruptible wait.
  static func send(
    _ descriptor: borrowing Descriptor, with bytes: [UInt8], over socket: CInt, timeout: Duration?
  ) throws(Errno) {
    var patience = try Patience(toSendOver: socket, timeout)
    while try !sendAtOnce(descriptor, with: bytes, patience) { try patience.wait() }
  }

  /// - Returns: Whether there was room.
  static func sendAtOnce(
    _ descriptor: borrowing Descriptor, with bytes: [UInt8], _ patience: Patience
  ) throws(Errno) -> Bool {
    let fd = descriptor.fd
    do {
      try retryingInterrupts { unsafe ipc_send(patience.socket, fd, bytes, bytes.count) }
      return true
    } catch .resourceTemporarilyUnavailable {
      return false
    }
  }

  /// Receives as many bytes as the array has, and the descriptor that came with them.
  ///
  /// Nothing is taken out of the socket until all of it has arrived.
  ///
  /// - Parameter timeout: How long to wait for it; `nil`: as the socket is set.
  /// - Throws: What `ipc_receive` throws; `ETIMEDOUT` if the message did not arrive in that time,
  ///   `EAGAIN` if it has not arrived and the socket is non-blocking.
  static func receive(
    _ bytes: inout [UInt8], over socket: CInt, timeout: Duration?
  ) throws(GivenFile.Refusal) -> GivenFile {
    var patience: Patience
    do { patience = try Patience(toReceiveOver: socket, timeout) } catch { throw .system(error) }
    while true {
      if let given = try receiveAtOnce(&bytes, patience) { return given }
      do { try patience.wait() } catch { throw .system(error) }
    }
  }

  /// - Returns: `nil` if the message has not arrived, or not all of it.
  static func receiveAtOnce(
    _ bytes: inout [UInt8], _ patience: Patience
  ) throws(GivenFile.Refusal) -> GivenFile? {
    let count = bytes.count
    let isClosed = patience.found & ~CShort(POLLIN) != 0
    do {
      return try GivenFile(receiving: {
        unsafe ipc_receive(patience.socket, patience.type, isClosed ? 1 : 0, &bytes, count)
      })
    } catch .system(.resourceTemporarilyUnavailable) {
      if isClosed { throw .system(Errno(rawValue: ENOMSG)) }
      return nil
    }
  }

  /// How to wait for a socket between two attempts.
  struct Patience {
    let socket: CInt
    /// The type of the socket, `SOCK_STREAM` or another one.
    let type: CInt
    /// The events to wait for.
    let events: CShort
    let end: End
    /// The events that the last wait has found, which may be an error, or the end of the
    /// connection; 0 before the first wait.
    var found: CShort = 0
    private var pause: Duration = .milliseconds(1)
    private let longestPause: Duration

    init(toSendOver socket: CInt, _ timeout: Duration?) throws(Errno) {
      self.socket = socket
      type = try Self.type(of: socket)
      events = CShort(POLLOUT)
      end = try End(timeout, of: socket, SO_SNDTIMEO)
      longestPause = .milliseconds(1)
    }

    init(toReceiveOver socket: CInt, _ timeout: Duration?) throws(Errno) {
      self.socket = socket
      type = try Self.type(of: socket)
      events = CShort(POLLIN) | ipc_POLLRDHUP
      end = try End(timeout, of: socket, SO_RCVTIMEO)
      longestPause = .milliseconds(50)
    }

    private static func type(of socket: CInt) throws(Errno) -> CInt {
      try retryingInterrupts { ipc_unix_socket_type(socket) }
    }

    /// Waits until another attempt can succeed.
    ///
    /// - Throws: `end.errno` if the time is over; `EINTR` if a signal has arrived in an
    ///   interruptible wait.
    mutating func wait() throws(Errno) {
      if let pause = try nextPause() { try Interruption.pause(for: pause) }
      found = try poll(until: end.deadline)
      if found == 0 { throw end.errno }
    }

    /// How long to pause before a check of the socket that would only find what the last one has
    /// found: a part of a message, or room that is too small or that other senders used first.
    mutating func nextPause() throws(Errno) -> Duration? {
      if found == 0 { return nil }
      guard end.timeLeft > .zero else { throw end.errno }
      defer { pause = min(pause * 2, longestPause) }
      return min(pause, end.timeLeft)
    }

    /// Waits for the events, an error or the end of the connection.
    ///
    /// - Returns: The events; 0 at the time-out.
    func poll(until deadline: SuspendingClock.Instant) throws(Errno) -> CShort {
      var request = pollfd(fd: socket, events: events, revents: 0)
      while true {
        let count = unsafe Glibc.poll(&request, 1, (deadline - .now).wholeMilliseconds)
        if count > 0 { return request.revents }
        if count < 0 && (Glibc.errno != EINTR || Interruption.endsWaits) {
          throw Errno(rawValue: Glibc.errno)
        }
        // A signal does not prolong the wait.
        if deadline <= .now { return 0 }
      }
    }
  }

  /// When to give up, and with which error.
  struct End {
    let deadline: SuspendingClock.Instant
    let errno: Errno

    var timeLeft: Duration { deadline - .now }

    /// - Parameters:
    ///   - timeout: `nil`: at once if the socket is non-blocking, otherwise after the time in the
    ///     option.
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
