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
  // MARK: - Creating

  /// Creates memory that has no name.
  ///
  /// Other processes get it only from someone who has it: through a Unix socket with
  /// ``send(over:)``, or as a descriptor that they inherit. Its size is sealed, so that no one who
  /// has it can shrink it under the others. It is freed with the last handle, however the processes
  /// end.
  ///
  /// Does not wait for other processes. Corresponds to `memfd_create` in C, and to
  /// `os.memfd_create` in Python.
  ///
  /// - Parameter byteCount: The size in bytes, greater than zero. The bytes are zero, and their
  ///   pages are taken.
  /// - Returns: The memory, attached for reading and writing.
  /// - Throws: `invalidSize` if `byteCount` is not positive or above the process's file size limit,
  ///   and `system` for anything else, such as `ENOMEM`.
  public static func anonymous(byteCount: Int) throws(InterprocessError) -> SharedMemory {
    try Draft.check(byteCount: byteCount, name: nil)
    let action = "create anonymous memory of \(byteCount) bytes"
    let descriptor = try translating({ .system($0, name: nil, action: action) }) {
      () throws(Errno) in try Files.openAnonymous()
    }
    let identity = try translating({ .system($0, name: nil, action: action) }) {
      () throws(Errno) in
      try Files.setSize(byteCount, of: descriptor)
      try Files.reserve(0..<byteCount, of: descriptor)
      try Files.sealSize(of: descriptor)
      _ = try Lease.take(on: descriptor)
      return try Files.status(of: descriptor).identity
    }
    let mapping = try Mapping.make(descriptor, byteCount: byteCount, writable: true) {
      .system($0, name: nil, action: action)
    }
    return SharedMemory(
      mapping: mapping, segmentName: nil, identity: identity, access: .readWrite,
      isCreator: true, lifetime: .whileAttached)
  }

  // MARK: - Descriptors

  /// A file descriptor of this memory, for a program that takes one.
  ///
  /// It holds a lease of its own, counts as a handle for as long as it is open in any process, and
  /// is closed on `exec` unless it is passed on. A child that swift-subprocess starts gets it as
  /// its standard input:
  ///
  /// ```swift
  /// let descriptor = try memory.makeFileDescriptor()
  /// try await run(
  ///   .path("/usr/bin/worker"),
  ///   input: .fileDescriptor(descriptor, closeAfterSpawningProcess: true), output: .discarded)
  /// // and in the worker:
  /// var memory = try SharedMemory(adopting: .standardInput)
  /// ```
  ///
  /// - Returns: A descriptor with the access of this handle, which the caller closes.
  /// - Throws: `permissionDenied` if the mode of the memory does not let this process open it
  ///   again, and `system` for anything else.
  public borrowing func makeFileDescriptor() throws(InterprocessError) -> FileDescriptor {
    let descriptor = try reopened()
    let copy = try translating({ .system($0, name: segmentName?.value, action: "open the memory") })
    {
      () throws(Errno) in try Files.duplicate(descriptor)
    }
    return FileDescriptor(rawValue: copy)
  }

  /// A second handle on the same memory, with a mapping and a lease of its own.
  borrowing func anotherHandle() throws(InterprocessError) -> SharedMemory {
    let mapping = try Mapping.make(
      try reopened(), byteCount: byteCount, writable: mapping.range.isWritable
    ) { .system($0, name: segmentName?.value, action: "map the memory again") }
    return SharedMemory(
      mapping: mapping, segmentName: segmentName, identity: identity, access: access,
      isCreator: isCreator, lifetime: lifetime)
  }

  /// A description of its own, with a lease.
  private borrowing func reopened() throws(InterprocessError) -> Descriptor {
    try translating({ errno in
      errno == .permissionDenied
        ? InterprocessError(
          code: .permissionDenied, name: segmentName?.value,
          message: "The permissions of this memory do not let this user open it again.",
          errno: errno)
        : .system(errno, name: segmentName?.value, action: "open the memory again")
    }) { () throws(Errno) in
      let descriptor = try Files.reopen(mapping.descriptor, writable: mapping.range.isWritable)
      // While this handle is open, nobody can have a claim.
      _ = try Lease.take(on: descriptor)
      return descriptor
    }
  }

  /// Makes a handle of an open file descriptor, such as one that this process has inherited.
  ///
  /// The descriptor may come from ``makeFileDescriptor()``, from `memfd_create`, or from `shm_open`
  /// in any language. The handle has the access that the descriptor has, and no name.
  ///
  /// Does not block.
  ///
  /// - Parameter descriptor: The descriptor, which belongs to the handle from then on; it is closed
  ///   also if this throws.
  /// - Throws: `wrongKind` if it is no file, or if it is a file without a name whose size is not
  ///   sealed, as someone could shrink it under the handle; `invalidSize` if it is empty;
  ///   `permissionDenied` if it cannot be read; and `system` for anything else.
  public init(adopting descriptor: FileDescriptor) throws(InterprocessError) {
    self = try Self.adopt(descriptor.rawValue, name: nil)
  }

  /// Makes a handle of a descriptor, which is closed if that fails.
  private static func adopt(
    _ fd: CInt, name: SegmentName?
  ) throws(InterprocessError) -> SharedMemory {
    guard let isWritable = try? Files.isWritable(fd: fd) else {
      try? FileDescriptor(rawValue: fd).close()
      throw InterprocessError(
        code: .permissionDenied, message: "Descriptor \(fd) is not open for reading.")
    }
    let given = try translating(adopting) { () throws(Errno) in
      try Descriptor(isWritable: isWritable) { fd }
    }
    let status = try translating(adopting) { () throws(Errno) in try Files.status(of: given) }
    guard status.kind == .regular else {
      throw InterprocessError(
        code: .wrongKind(expected: "shared memory", found: status.kind.description),
        message: "Descriptor \(fd) is \(status.kind.description), not shared memory.")
    }
    guard status.byteCount > 0 else {
      throw InterprocessError(
        code: .invalidSize, message: "The memory of descriptor \(fd) is empty.")
    }
    guard status.linkCount > 0 || Files.isSealedAgainstShrinking(given) else {
      throw InterprocessError(
        code: .wrongKind(
          expected: "memory of a sealed size", found: "memory that anyone who has it may shrink"),
        message: """
          The memory of descriptor \(fd) has no name and may be shrunk by anyone who has it. Seal \
          it with F_SEAL_SHRINK.
          """)
    }
    do {
      let isNamed =
        try name.flatMap { name throws(Errno) in
          try Files.statusIfPresent(at: name.path)?.identity
        } == status.identity
      return SharedMemory(
        mapping: try map(given, byteCount: status.byteCount, isWritable: isWritable),
        segmentName: isNamed ? name : nil, identity: status.identity,
        access: isWritable ? .readWrite : .readOnly, isCreator: false,
        lifetime: status.isTemporary ? .whileAttached : .untilUnlinked)
    } catch {
      throw adopting(error)
    }
  }

  /// Maps an adopted file through a description of its own, with a lease.
  private static func map(
    _ given: consuming Descriptor, byteCount: Int, isWritable: Bool
  ) throws(Errno) -> Mapping {
    // The description may be shared with the process that the descriptor was inherited from, and
    // its locks with it. Where the file cannot be opened anew, that is still better than nothing.
    guard let own = try Files.reopenIfPermitted(given, writable: isWritable) else {
      return try Mapping(given, byteCount: byteCount, writable: isWritable)
    }
    // Refused only while the name of the memory is being removed, which the handle does without.
    _ = try Lease.take(on: own)
    return try Mapping(own, byteCount: byteCount, writable: isWritable)
  }

  private static func adopting(_ errno: Errno) -> InterprocessError {
    .system(errno, name: nil, action: "adopt a descriptor")
  }

  // MARK: - Passing through a socket

  /// The bytes that go with a descriptor: always as many, so that every kind of socket keeps them
  /// together.
  private enum Message {
    static let byteCount = 264
    static let magic = Array("swiftshm".utf8)

    /// The magic, and the name, padded with NUL; without a name nothing but NUL.
    static func bytes(name: SegmentName?) -> [UInt8] {
      let used = magic + Array((name?.value ?? "").utf8)
      return used + Array(repeating: 0, count: byteCount - used.count)
    }

    /// The name in a message; `nil` in the optional if it has none.
    static func name(in bytes: [UInt8]) -> SegmentName?? {
      guard bytes.starts(with: magic) else { return nil }
      let text = bytes.dropFirst(magic.count).prefix { $0 != 0 }
      if text.isEmpty { return .some(nil) }
      return SegmentName(fileName: Array(text)).flatMap { try? SegmentName($0.value) }
    }
  }

  /// Passes this memory to the process at the other end of a Unix socket, which calls
  /// ``receive(over:)``.
  ///
  /// The other process gets the memory with the access and, if it has one, the name of this handle.
  /// This handle stays as it is and may be closed at once: what is on its way counts as a handle.
  /// The message is 264 bytes long.
  ///
  /// Blocks while the socket's buffer is full, unless the socket is non-blocking. Corresponds to
  /// `sendmsg` with `SCM_RIGHTS` in C, and to `socket.send_fds` in Python.
  ///
  /// - Parameter socket: A connected Unix socket of any type. It stays open.
  /// - Throws: `permissionDenied` if the mode of the memory does not let this process open it
  ///   again, and `system` for anything else, such as `EPIPE` if the other side has closed the
  ///   socket.
  public borrowing func send(over socket: FileDescriptor) throws(InterprocessError) {
    let descriptor = try reopened()
    let message = Message.bytes(name: segmentName)
    try translating({ .system($0, name: segmentName?.value, action: "send the memory") }) {
      () throws(Errno) in
      try Files.send(descriptor, with: message, over: socket.rawValue)
    }
  }

  /// Receives memory that the process at the other end of a Unix socket has sent with
  /// ``send(over:)``.
  ///
  /// What comes in is checked as if it had been attached: that it is memory, has a size that nobody
  /// without permission can take away, and that its name leads to it; a name that does not is
  /// dropped.
  ///
  /// Blocks until the message is there, unless the socket is non-blocking. Corresponds to `recvmsg`
  /// with `SCM_RIGHTS` in C, and to `socket.recv_fds` in Python.
  ///
  /// - Parameter socket: A connected Unix socket of any type. It stays open.
  /// - Returns: The memory, with the access of the sender's handle.
  /// - Throws: `corrupted` if what came is no such message, and what ``init(adopting:)`` throws;
  ///   `system` for anything else, such as `ENOMSG` if the other side has closed the socket.
  public static func receive(over socket: FileDescriptor) throws(InterprocessError) -> SharedMemory
  {
    var message = [UInt8](repeating: 0, count: Message.byteCount)
    let fd: CInt
    do {
      fd = try Files.receive(&message, over: socket.rawValue)
    } catch {
      if error == .badMessage { throw .corruptedMessage }
      throw .system(error, name: nil, action: "receive shared memory")
    }
    guard let name = Message.name(in: message) else {
      try? FileDescriptor(rawValue: fd).close()
      throw .corruptedMessage
    }
    return try adopt(fd, name: name)
  }
}

extension InterprocessError {
  fileprivate static let corruptedMessage = InterprocessError(
    code: .corrupted("not a message that passes shared memory"),
    message: "What came over the socket does not pass shared memory.")
}
