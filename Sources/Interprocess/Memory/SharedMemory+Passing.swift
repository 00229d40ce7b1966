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

public import SystemPackage

extension SharedMemory {
  /// The bytes that accompany a descriptor: a fixed number, so that every kind of socket keeps them
  /// together.
  enum Message {
    static let byteCount = 264
    static let magic = Array("swiftshm".utf8)

    /// The magic, and the name, padded with NUL; without a name, only NUL.
    static func bytes(name: SegmentName?) -> [UInt8] {
      let used = magic + Array((name?.value ?? "").utf8)
      return used + Array(repeating: 0, count: byteCount - used.count)
    }

    /// Room for a message.
    static var empty: [UInt8] { Array(repeating: 0, count: byteCount) }

    /// The name in a message: `nil` if it is no such message, an inner `nil` if it has no name.
    static func name(in bytes: [UInt8]) -> SegmentName?? {
      guard bytes.starts(with: magic) else { return nil }
      let text = bytes.dropFirst(magic.count).prefix { $0 != 0 }
      if text.isEmpty { return .some(nil) }
      return SegmentName(fileName: Array(text)).flatMap { try? SegmentName($0.value) }
    }
  }

  /// Passes this memory to the process at the other end of a Unix socket.
  ///
  /// That process calls `receive(over:owner:timeout:)` and gets the memory and, if it has one, its
  /// name. This handle is unchanged and may be closed at once: the descriptor in transit counts as
  /// a handle. The message is 264 bytes long and is sent whole or not at all.
  ///
  /// Writable memory may be handed out read-only. The descriptor that the other process gets then
  /// does not let it write, and cannot be made to. But where `/proc` is mounted, a process with a
  /// descriptor of a file can open that file again, with all that the file's mode allows: a process
  /// of the same user, or of root, also for writing. Processes of other users are prevented from
  /// this: for memory with a name, by the permissions that it was created with; for anonymous
  /// memory, by its mode. From that mode, this call permanently removes the right to write for all
  /// users but the owner, so that another user with writable memory can go on writing, but cannot
  /// pass it on writable or put locks into it. Seals would bind its creator too.
  ///
  /// Waits while the socket's buffer is full: without limit if the socket is blocking, not at all
  /// if it is non-blocking, or for the given time in either case. Corresponds to `sendmsg` with
  /// `SCM_RIGHTS` in C, and to `socket.send_fds` in Python.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. It stays open.
  ///   - access: What the other process may do; `nil`: as much as this handle.
  ///   - timeout: How long to wait for room in the socket's buffer; `nil`: as the socket is set.
  ///     Its clock cannot be set, and no signal prolongs it.
  /// - Throws: `timedOut` if there was no room in that time; `permissionDenied` if the mode of the
  ///   memory does not let this process open it again, or hand it out read-only; and `system` for
  ///   anything else, such as `EAGAIN` if there is no room and the socket is non-blocking, or
  ///   `EPIPE` if the other side has closed the socket. In all these cases nothing was sent, and
  ///   the socket is unchanged.
  /// - Precondition: The access does not exceed that of this handle.
  public borrowing func send(
    over socket: FileDescriptor, access: Access? = nil, timeout: Duration? = nil
  ) throws(InterprocessError) {
    let descriptor = try handedOut(access)
    do {
      let message = Message.bytes(name: segmentName)
      try Sockets.send(descriptor, with: message, over: socket.rawValue, timeout: timeout)
    } catch {
      throw .sending(error, segmentName, timeout)
    }
  }

  /// Receives memory from the process at the other end of a Unix socket.
  ///
  /// That process sends it with `send(over:access:timeout:)`. The descriptor is checked as by
  /// ``init(adopting:owner:)``, and its access is all that the handle gets. A name that does not
  /// lead to the memory is dropped.
  ///
  /// Waits for the message: without limit if the socket is blocking, not at all if it is
  /// non-blocking, or for the given time in either case. A message that arrives in parts stays in
  /// the socket until it is whole, so that nothing is lost: after `timedOut`, `EAGAIN` or `EMFILE`
  /// the socket is unchanged, and a later call gets the message. After `corrupted`, close a stream
  /// socket, as the start of the next message is unknown. Only one process at a time may receive
  /// over a stream socket.
  ///
  /// Corresponds to `recvmsg` with `SCM_RIGHTS` in C, and to `socket.recv_fds` in Python.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. It stays open.
  ///   - owner: Whose memory to accept, whichever process sends it. Anonymous memory belongs to the
  ///     user who created it.
  ///   - timeout: How long to wait for the message; `nil`: as the socket is set. Its clock cannot
  ///     be set, and no signal prolongs it.
  /// - Returns: The memory, with the access that the sender has given.
  /// - Throws: `timedOut` if the message did not arrive in that time; `corrupted` if what arrived
  ///   is no such message; what ``init(adopting:owner:)`` throws; and `system` for anything else,
  ///   such as `EAGAIN` if there is no message and the socket is non-blocking, `ENOMSG` if the
  ///   other side has closed the socket, and `EMFILE` if this process has no free descriptor for
  ///   it.
  public static func receive(
    over socket: FileDescriptor, owner: Owner = .currentUser, timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedMemory {
    var message = Message.empty
    let given: GivenFile
    do {
      given = try Sockets.receive(&message, over: socket.rawValue, timeout: timeout)
    } catch {
      throw .receiving(error, timeout)
    }
    return try adopt(given, describedBy: message, owner: owner)
  }

  /// Makes a handle from what arrived over a socket.
  static func adopt(
    _ given: consuming GivenFile, describedBy message: [UInt8], owner: Owner
  ) throws(InterprocessError) -> SharedMemory {
    guard let name = Message.name(in: message) else { throw .corruptedMessage }
    return try adopt(given, name: name, owner: owner, "What came over the socket")
  }
}

extension InterprocessError {
  fileprivate static let corruptedMessage = InterprocessError(
    code: .corrupted("not a message that passes shared memory"),
    message: "What came over the socket does not pass shared memory. Close the socket.")

  static func sending(
    _ errno: Errno, _ name: SegmentName?, _ timeout: Duration?
  ) -> InterprocessError {
    guard errno == .timedOut, let timeout else {
      return .system(errno, name: name?.value, action: "send the memory")
    }
    return InterprocessError(
      code: .timedOut, name: name?.value,
      message: """
        The socket had no room for the memory after \(timeout.asTimeout). Does the other side \
        receive?
        """)
  }

  static func receiving(
    _ refusal: GivenFile.Refusal, _ timeout: Duration?
  ) -> InterprocessError {
    guard case .system(let errno) = refusal else {
      return .refusing(refusal, "What came over the socket")
    }
    switch errno {
    case .badMessage: return .corruptedMessage
    case .timedOut:
      return InterprocessError(
        code: .timedOut,
        message: """
          No memory came over the socket in \((timeout ?? .zero).asTimeout). Has the other side \
          sent it?
          """)
    case .tooManyOpenFiles:
      return InterprocessError(
        code: .system(errno),
        message: """
          This process has no free descriptor to receive memory with. Close some, or raise the \
          limit (RLIMIT_NOFILE).
          """,
        errno: errno)
    default: return .system(errno, name: nil, action: "receive shared memory")
    }
  }
}
