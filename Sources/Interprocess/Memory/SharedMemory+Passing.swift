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
  /// The bytes that go with a descriptor: always as many, so that every kind of socket keeps them
  /// together.
  enum Message {
    static let byteCount = 264
    static let magic = Array("swiftshm".utf8)

    /// The magic, and the name, padded with NUL; without a name nothing but NUL.
    static func bytes(name: SegmentName?) -> [UInt8] {
      let used = magic + Array((name?.value ?? "").utf8)
      return used + Array(repeating: 0, count: byteCount - used.count)
    }

    /// Room for a message.
    static var empty: [UInt8] { Array(repeating: 0, count: byteCount) }

    /// The name in a message; `nil` in the optional if it has none.
    static func name(in bytes: [UInt8]) -> SegmentName?? {
      guard bytes.starts(with: magic) else { return nil }
      let text = bytes.dropFirst(magic.count).prefix { $0 != 0 }
      if text.isEmpty { return .some(nil) }
      return SegmentName(fileName: Array(text)).flatMap { try? SegmentName($0.value) }
    }
  }

  /// Passes this memory to the process at the other end of a Unix socket, which calls
  /// `receive(over:owner:timeout:)`.
  ///
  /// The other process gets the memory and, if it has one, its name. This handle stays as it is and
  /// may be closed at once: what is on its way counts as a handle. The message is 264 bytes long
  /// and is sent whole or not at all.
  ///
  /// Writable memory may be handed out read-only. The descriptor that the other process gets does
  /// not let it write then, and it cannot be made to. But where `/proc` is mounted, whoever has a
  /// descriptor of a file can open that file again, with all that the file's mode allows: a process
  /// of the same user, or of root, for writing too. Processes of other users are kept from it: for
  /// memory with a name by the permissions that it was created with; for anonymous memory by its
  /// mode, from which this takes the right to write for all but its owner, for good, so that
  /// another user who has it writable can go on writing but not pass it on writable or put locks
  /// into it. Seals would bind its creator too.
  ///
  /// Waits while the socket's buffer is full: for as long as it takes if the socket is blocking,
  /// and not at all if it is not, or for the given time whatever the socket is. Corresponds to
  /// `sendmsg` with `SCM_RIGHTS` in C, and to `socket.send_fds` in Python.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. It stays open.
  ///   - access: What the other process may do; `nil`: as much as this handle.
  ///   - timeout: How long to wait for room in the socket's buffer; `nil`: as the socket is set. It
  ///     is measured on a clock that no one can set, and no signal makes it longer.
  /// - Throws: `timedOut` if there was no room in that time; `permissionDenied` if the mode of the
  ///   memory does not let this process open it again, or hand it out read-only; and `system` for
  ///   anything else, such as `EAGAIN` if there is no room and the socket does not wait, or `EPIPE`
  ///   if the other side has closed it. Nothing was sent then, and the socket is as it was.
  /// - Precondition: The access is no more than that of this handle.
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

  /// Receives memory that the process at the other end of a Unix socket has sent with
  /// `send(over:access:timeout:)`.
  ///
  /// What comes in is checked as by ``init(adopting:owner:)``, and gives the access that its
  /// descriptor has, no more. A name that does not lead to the memory is dropped.
  ///
  /// Waits for the message: for as long as it takes if the socket is blocking, and not at all if it
  /// is not, or for the given time whatever the socket is. A message that comes in parts stays in
  /// the socket until it is whole, so that nothing is lost: after `timedOut`, `EAGAIN` or `EMFILE`
  /// the socket is as it was, and a later call gets the message. After `corrupted`, a socket of a
  /// stream is to be closed, as it is not known where the next message begins. Only one process at
  /// a time may receive over a socket of a stream.
  ///
  /// Corresponds to `recvmsg` with `SCM_RIGHTS` in C, and to `socket.recv_fds` in Python.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. It stays open.
  ///   - owner: Whose memory to accept, whoever sends it. Anonymous memory belongs to the user who
  ///     made it.
  ///   - timeout: How long to wait for the message; `nil`: as the socket is set. It is measured on
  ///     a clock that no one can set, and no signal makes it longer.
  /// - Returns: The memory, with the access that the sender has given.
  /// - Throws: `timedOut` if the message was not there in that time; `corrupted` if what came is no
  ///   such message; what ``init(adopting:owner:)`` throws; and `system` for anything else, such as
  ///   `EAGAIN` if the message is not there and the socket does not wait, `ENOMSG` if the other
  ///   side has closed the socket, and `EMFILE` if this process has no free descriptor for it.
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

  /// What came over a socket.
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
