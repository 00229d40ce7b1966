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

internal import SystemPackage
/// A named block of bytes that several processes share.
///
/// One process creates the memory, and others attach to it by its name; all of them then read and
/// write the same bytes, without a copy. Python's `multiprocessing.shared_memory.SharedMemory` of
/// the same name is the same memory, byte for byte.
/// ```swift
/// var memory = try SharedMemory.create("MyMemory", byteCount: 1024)
/// memory[0] = 1
/// memory.storeBytes(of: 2.5, toByteOffset: 8, as: Double.self)
/// // ... meanwhile, in another process:
/// let other = try SharedMemory.attach("MyMemory")
/// print(other.load(fromByteOffset: 8, as: Double.self))    // 2.5
/// // ... and at the end, in one of them:
/// try memory.unlink()
/// ```
///
/// The handle cannot be copied, and the memory is unmapped when the handle's life ends; a view of
/// the bytes cannot outlive the handle. The name stays until a process calls ``unlink()``, and the
/// memory stays until the name is gone and the last handle of the last process is closed.
///
/// The bytes are not synchronised. Inside one process, the compiler keeps one access from writing
/// while another reads; processes must agree on which of them writes when.
///
/// Corresponds to `shm_open` with `mmap` in C, and to `multiprocessing.shared_memory.SharedMemory`
/// in Python.
public struct SharedMemory: ~Copyable, Sendable {
  /// How a handle uses the memory.
  public enum Access: Sendable, Hashable {
    /// Reading only; writing through this handle is a failed precondition.
    case readOnly
    /// Reading and writing.
    case readWrite
  }

  /// When the pages of the memory are taken from the system.
  public enum Reservation: Sendable, Hashable {
    /// When the memory is created or attached to. If there are too few pages, that call fails; no
    /// later access can. The limits are the room in the file system, the memory limits of the
    /// control group, and the memory of the machine.
    case reserved
    /// When they are first touched, as in CPython. If there is no room then, the kernel ends the
    /// process that touched them with `SIGBUS`, or, at the memory limit of a control group, with
    /// `SIGKILL`.
    case onDemand
  }

  /// Whose memory may be attached to.
  ///
  /// Any user may put a file of any name where shared memory lies.
  public enum Owner: Sendable, Hashable {
    /// Memory that belongs to the effective user of this process, or to root.
    case currentUser
    /// Memory of any user.
    case anyone
  }

  /// When the name of the memory is removed.
  public enum Lifetime: Sendable, Hashable {
    /// When a process calls ``SharedMemory/unlink()``, as with POSIX and CPython.
    case untilUnlinked
    /// When the last handle of the last process closes. If all processes with a handle end without
    /// closing it, the next process to create that name replaces the memory, and
    /// ``SharedMemory/sweep(reportingLeft:)`` removes it.
    case whileAttached
  }

  private(set) var mapping: Mapping
  /// The range of the mapping, for accesses that clients inline.
  @usableFromInline private(set) var _range: MappedRange
  /// `nil` for memory without a name.
  let segmentName: SegmentName?
  let identity: FileIdentity

  /// Whether this handle may write.
  public let access: Access

  /// Whether this handle created the memory, rather than attached to it.
  public let isCreator: Bool

  /// When the name of the memory is removed, as its creator chose.
  public let lifetime: Lifetime

  /// The name, without a leading slash; empty for memory without a name.
  public var name: String { segmentName?.value ?? "" }

  /// The size in bytes: exactly what was asked for at creation.
  ///
  /// It is the size at the moment this handle was made, or last grew or was refreshed.
  @inlinable
  public var byteCount: Int { _range.byteCount }

  init(
    mapping: consuming Mapping, segmentName: SegmentName?, identity: FileIdentity, access: Access,
    isCreator: Bool, lifetime: Lifetime
  ) {
    if let segmentName { mapping.descriptor.notePath(segmentName.path) }
    _range = mapping.range
    self.mapping = mapping
    self.segmentName = segmentName
    self.identity = identity
    self.access = access
    self.isCreator = isCreator
    self.lifetime = lifetime
    if lifetime == .whileAttached, let segmentName { self.mapping.hold(segmentName, identity) }
  }

  // MARK: - Create

  /// Creates memory of the given size, filled with zeros, under a name that is not taken.
  ///
  /// No other process can attach before the memory is complete: its pages are taken, and the
  /// closure has run. If the process ends before that, however it ends, nothing is left behind.
  ///
  /// Does not wait for other processes. If the memory is reserved, takes time in proportion to the
  /// size, while the system prepares the pages. Corresponds to `SharedMemory(name, create=True,
  /// size=byteCount)` in Python, and to `shm_open` with `O_CREAT | O_EXCL`, `ftruncate` and `mmap`
  /// in C.
  ///
  /// - Parameters:
  ///   - name: 1 to 255 bytes without `/` and NUL, neither `.` nor `..`; one leading slash is
  ///     dropped. `nil` stands for a random name; read it from ``name``.
  ///   - byteCount: The size in bytes, greater than zero.
  ///   - options: When the name is removed, who may use the memory, when its pages are taken, and
  ///     how large they are.
  ///   - initialize: Fills the memory before any other process can see it. If it throws, nothing is
  ///     left behind.
  /// - Returns: The memory, attached for reading and writing.
  /// - Throws: `alreadyExists` if the name is taken (stale temporary memory of that name is
  ///   replaced instead); `system(.resourceTemporarilyUnavailable)` if another program has locked
  ///   the file of such stale memory, with a message that names the lock; `invalidName`;
  ///   `invalidSize` if `byteCount` is not positive or above the process's file size limit;
  ///   `outOfMemory` if there is no room; `permissionDenied`; `system` for anything else; or what
  ///   `initialize` throws.
  /// - Precondition: The permissions contain only the nine permission bits, and pages that are to
  ///   be huge are reserved.
  public static func create(
    _ name: String? = nil,
    byteCount: Int,
    options: SegmentOptions = SegmentOptions(),
    initializingWith initialize: (inout MutableRawSpan) throws(InterprocessError) -> Void = { _ in }
  ) throws(InterprocessError) -> SharedMemory {
    let segmentName: SegmentName? = if let name { try SegmentName(name) } else { nil }
    var draft = try Draft.make(
      name: segmentName, byteCount: byteCount, options: options)
    try draft.initialize(with: initialize)
    return try draft.publish()
  }

  // MARK: - Attach

  /// Attaches to memory that a process has created, in any language.
  ///
  /// Waits only if asked to. Corresponds to `SharedMemory(name)` in Python, and to `shm_open`,
  /// `fstat` and `mmap` in C.
  ///
  /// - Parameters:
  ///   - name: The name that the memory was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - reservation: Whether to take the pages that the memory does not have yet, so that no later
  ///     access can fail. CPython and numpy take none at creation. If there is no room for all of
  ///     them, those already taken stay with the memory, as zeros.
  ///   - timeout: How long to wait if the memory does not exist yet or has no size yet; `nil`: not
  ///     at all. A timed wait sleeps; its clock cannot be set.
  /// - Returns: The memory, with its present size.
  /// - Throws: `notFound` if there is no such name; `timedOut` if there was none for all that time;
  ///   `invalidSize` if its size is still zero, as CPython creates a name first and sets a size a
  ///   moment later; `foreignOwner`; `permissionDenied`; `invalidName`; `wrongKind` if the name
  ///   leads to something other than a file, such as a symbolic link; `outOfMemory` if pages are to
  ///   be taken and there is no room; `system(.resourceTemporarilyUnavailable)` if it is temporary
  ///   memory whose file another program has locked, with a message that names the lock; and
  ///   `system` for anything else.
  /// - Precondition: To take pages, `access` is `readWrite`.
  public static func attach(
    _ name: String,
    access: Access = .readWrite,
    owner: Owner = .currentUser,
    reservation: Reservation = .onDemand,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedMemory {
    let name = try SegmentName(name)
    checkAccess(access, for: reservation)
    let memory: SharedMemory
    if let timeout {
      memory = try attach(name, access: access, owner: owner, waitingUpTo: timeout)
    } else {
      switch try attachIfComplete(name, access: access, owner: owner) {
      case .attached(let attached): memory = attached
      case .missing: throw .notFound(name)
      case .empty: throw .empty(name)
      case .locked(let lock):
        throw .locked(name.value, by: lock, action: "attach to \"\(name.value)\"")
      }
    }
    if reservation == .reserved { try memory.reserve() }
    return memory
  }

  /// Attaches to the memory of that name, or creates it if it does not exist.
  ///
  /// If many processes call this at once, exactly one creates the memory, and ``isCreator`` is
  /// `true` in that one; the others attach to the memory that it has filled.
  ///
  /// Waits for at most a second, and only where another process may be about to finish: a CPython
  /// process that has created the name and not yet set a size, a process that holds the pages that
  /// are missing here, or a process that is about to remove stale memory. While others create and
  /// remove the name again and again, waits for at most ten seconds in all. Python has no such
  /// function; in C it is `shm_open` with `O_CREAT`, which leaves the size and the content to a
  /// race.
  ///
  /// - Parameters:
  ///   - name: The name, as for
  ///     ``create(_:byteCount:options:initializingWith:)``.
  ///   - byteCount: The size in bytes; existing memory must have at least that many.
  ///   - options: The options for the memory, if it is created here.
  ///   - owner: Whose memory to accept, if it exists.
  ///   - initialize: Fills the memory before any other process can see it, if it is created here.
  ///     Several processes may run their closures at once; only one result is kept.
  /// - Returns: The memory, attached for reading and writing.
  /// - Throws: `invalidSize` if the memory exists and is smaller; `alreadyExists` if the name
  ///   belongs to temporary memory that has no open handle and still cannot be replaced, because a
  ///   CPython process has it mapped or because a process that was about to remove it has been
  ///   stopped; `system(.resourceTemporarilyUnavailable)` if another program has locked the file of
  ///   such memory, with a message that names the lock; and everything that creating and attaching
  ///   throw, except `notFound`.
  public static func attachOrCreate(
    _ name: String,
    byteCount: Int,
    options: SegmentOptions = SegmentOptions(),
    owner: Owner = .currentUser,
    initializingWith initialize: (inout MutableRawSpan) throws(InterprocessError) -> Void = { _ in }
  ) throws(InterprocessError) -> SharedMemory {
    let name = try SegmentName(name)
    try Draft.check(byteCount: byteCount, name: name)
    let deadline = SuspendingClock.now + Self.patience
    let lastDeadline = SuspendingClock.now + Self.greatestPatience
    var obstacle: (file: FileIdentity?, deadline: SuspendingClock.Instant) = (nil, deadline)
    while true {
      if let memory = try attachIfPresent(name, owner: owner) {
        guard memory.byteCount >= byteCount else {
          throw InterprocessError(
            code: .invalidSize, name: name.value,
            message: """
              Shared memory "\(name.value)" exists with \(memory.byteCount) bytes, and \
              \(byteCount) are needed.
              """)
        }
        return memory
      }
      do {
        var draft = try Draft.make(
          name: name, byteCount: byteCount, options: options)
        try draft.initialize(with: initialize)
        return try draft.publish()
      } catch {
        switch error.code {
        case .alreadyExists:
          // Another process was faster. If its memory is gone again, try again; each round means
          // that some process got what it wanted. Only a process that creates and removes the name
          // all the time can keep this up.
          let file = (try? Files.statusIfPresent(at: name.path))??.identity
          guard SuspendingClock.now < lastDeadline else { throw error }
          if file == nil || file != obstacle.file {
            obstacle = (file, .now + Self.patience)
            continue
          }
          // The same file all the time: temporary memory that cannot be attached to, as it has no
          // handle, and that cannot be replaced.
          guard SuspendingClock.now < obstacle.deadline else { throw error }
          try pauseRandomly(name)
        case .outOfMemory where SuspendingClock.now < deadline:
          // Perhaps only because other processes are at the same point, each with its pages taken.
          // All but one give theirs back; a random pause keeps them from trying again in step.
          try pauseRandomly(name)
        default:
          throw error
        }
      }
    }
  }

  private static func pauseRandomly(_ name: SegmentName) throws(InterprocessError) {
    try translating({ .waiting(for: name, $0) }) { () throws(Errno) in
      try Interruption.pause(for: .milliseconds(Int.random(in: 1...20)))
    }
  }

  // MARK: - Close and unlink

  /// Ends this handle's use of the memory.
  ///
  /// The memory stays, for other handles and under its name; the name of temporary memory goes with
  /// the last handle of all processes. The same happens at the end of the handle's life and, except
  /// for the unmapping, at `exit` and at the end of `main`; call `close` to end it earlier. Using
  /// the handle afterwards does not compile.
  ///
  /// A child created by `fork` holds no lease; when it closes what it has inherited, it removes no
  /// name.
  ///
  /// Does not block, except for up to 200 ms if another process has just claimed the name of
  /// temporary memory to see whether it is stale. Corresponds to `SharedMemory.close()` in Python,
  /// and to `munmap` and `close` in C.
  public consuming func close() {}

  /// Removes the name of this memory.
  ///
  /// From then on, no process can attach; existing handles keep the memory, which is freed when the
  /// last one closes. The name can be used again at once, for other memory.
  ///
  /// Does not block. Corresponds to `SharedMemory.unlink()` in Python, and to `shm_unlink` in C.
  ///
  /// - Throws: `notFound` if the name is already gone, or now leads to other memory, which is left
  ///   alone; `permissionDenied`; and `system` for anything else.
  public borrowing func unlink() throws(InterprocessError) {
    let name = try nameForChange()
    let isRemoved = try translating({ .unlinking(name, $0) }) { () throws(Errno) in
      try Self.removeName(name, ifLeadingTo: identity)
    }
    if !isRemoved { throw .notFound(name) }
  }

  /// Removes a name, whether or not the memory is in use.
  ///
  /// Existing handles keep the memory. Does not block. Corresponds to `shm_unlink` in C; Python has
  /// to attach first.
  ///
  /// - Parameter name: The name that the memory was created under.
  /// - Throws: `notFound` if there is no such name, `invalidName`, `permissionDenied`, `wrongKind`
  ///   if it is the name of a directory, and `system` for anything else.
  public static func unlink(_ name: String) throws(InterprocessError) {
    let name = try SegmentName(name)
    try translating({ .unlinking(name, $0) }) { () throws(Errno) in
      let status = try Files.statusIfPresent(at: name.path)
      try Files.unlink(name.path)
      if let status { removeGuards(of: name, status) }
    }
  }

  // MARK: - Growing

  /// Changes what is mapped.
  ///
  /// It is here because only this file can set the mapping.
  mutating func changeMapping<Failure>(
    _ change: (inout Mapping) throws(Failure) -> Void
  ) throws(Failure) {
    defer { _range = mapping.range }
    try change(&mapping)
  }
}
