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

/// A list of numbers, texts, bytes and the like, which Swift and Python processes share under a
/// name.
///
/// The bytes are those of Python's `multiprocessing.shared_memory.ShareableList`, from CPython 3.9
/// on, in both directions: each side can create lists, and read and change those of the other. The
/// length of a list is fixed at creation, and so is the room of each element: at least 8 bytes, so
/// that any number fits anywhere, and more for longer text.
///
/// ```swift
/// var settings = try ShareableList.create("settings", [1, 2.5, "three", true, nil])
/// try settings.set("four", at: 2)
/// // ... meanwhile, in another process:
/// let list = try ShareableList.attach("settings", waitingUpTo: .seconds(10))
/// for element in try list.elements() { print(element) }
/// // ... and at the end, in one of them:
/// try settings.unlink()
/// ```
///
/// As in CPython, the elements are not synchronised. An element is written in three steps (its
/// format, its code and its data), so a process that reads it at that moment may see a mixture:
/// another value, or one that is refused as `corrupted`. Within one process, the compiler ensures
/// that no code reads while other code writes; between processes, guard the list with a lock.
///
/// A list is the wrong choice for many numbers of one type, because each is found, checked and
/// converted on its own, and for values that change at a high rate.
///
/// A Python process that attaches to a list removes its name when it ends, because `ShareableList`
/// has no `track=False`. To avoid that, the Python program calls
/// `resource_tracker.unregister(list.shm._name, "shared_memory")` after it has attached.
///
/// Corresponds to `multiprocessing.shared_memory.ShareableList` in Python, but has no negative
/// indices.
public struct ShareableList: ~Copyable, Sendable {
  var memory: SharedMemory
  let layout: ListLayout

  /// The number of elements, which never changes.
  public let count: Int

  /// The size of the memory in bytes; perhaps more than the list needs, if another library created
  /// it.
  public var byteCount: Int { memory.byteCount }

  /// Whether this handle may write.
  public var access: SharedMemory.Access { memory.access }

  private init(_ memory: consuming SharedMemory, _ layout: ListLayout) {
    self.memory = memory
    self.layout = layout
    count = layout.count
  }

  // MARK: - Create

  /// Creates a list under a name that is not taken.
  ///
  /// No other process can attach before all elements are in place. The slot of a text or of bytes
  /// gets the next multiple of 8 above its length in UTF-8, so that it always has room for at least
  /// one more byte; other slots get 8 bytes.
  ///
  /// Does not wait for other processes. Takes time in proportion to the size. Corresponds to
  /// `ShareableList(elements, name=name)` in Python, which counts characters instead of bytes, and
  /// truncates text that then does not fit.
  ///
  /// - Parameters:
  ///   - name: 1 to 255 bytes without `/` and NUL, neither `.` nor `..`; one leading slash is
  ///     dropped. `nil` stands for a random name; read it from ``name``.
  ///   - elements: The elements, in order; there may be none.
  ///   - extraCapacity: Additional bytes in each slot of a text or of bytes, for longer ones later;
  ///     rounded up to a multiple of 8.
  ///   - options: When the name is removed, who may use the list, and when its pages are taken.
  /// - Returns: The list, attached for reading and writing.
  /// - Throws: `valueNotRepresentable` if a text ends in NUL, or bytes end in 0, which Python would
  ///   cut off, or if a slot would need more than 9,999,999 bytes, the most that the format can
  ///   state; and what ``SharedMemory/create(_:byteCount:options:initializingWith:)`` throws.
  /// - Precondition: `extraCapacity` is not negative; the permissions contain only the nine
  ///   permission bits.
  public static func create(
    _ name: String?,
    _ elements: [Element],
    extraCapacity: Int = 0,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> ShareableList {
    let layout = try ListLayout(for: elements, extraCapacity: extraCapacity, name: name)
    let memory = try SharedMemory.create(
      name, byteCount: layout.byteCount, options: options
    ) { bytes in
      write(elements, layout, to: &bytes)
    }
    return ShareableList(memory, layout)
  }

  private static func write(
    _ elements: [Element], _ layout: ListLayout, to bytes: inout MutableRawSpan
  ) {
    layout.store(into: &bytes)
    for (index, element) in elements.enumerated() {
      element.store(into: &bytes, at: layout[index])
    }
  }

  /// Creates a list under a random name; read it from ``name``.
  ///
  /// Otherwise the same as ``create(_:_:extraCapacity:options:)``. Corresponds to
  /// `ShareableList(elements)` in Python.
  ///
  /// - Parameters:
  ///   - elements: The elements, in order; there may be none.
  ///   - extraCapacity: Additional bytes in each slot of a text or of bytes; rounded up to a
  ///     multiple of 8.
  ///   - options: When the name is removed, who may use the list, and when its pages are taken.
  /// - Returns: The list, attached for reading and writing.
  /// - Throws: What the form with a name throws, except `alreadyExists` and `invalidName`.
  /// - Precondition: `extraCapacity` is not negative; the permissions contain only the nine
  ///   permission bits.
  public static func create(
    _ elements: [Element],
    extraCapacity: Int = 0,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> ShareableList {
    try create(
      nil, elements, extraCapacity: extraCapacity, options: options)
  }

  // MARK: - Attach

  /// Attaches to a list that a process, in Swift or in Python, has created.
  ///
  /// Reads and checks the number of elements and their offsets once, now. Elements are checked when
  /// they are read.
  ///
  /// Waits only if asked to: for the name, and for the elements, which CPython fills in after other
  /// processes can already see the list. A list without elements, in memory that could hold some,
  /// counts as not filled in; when the time is over, it counts as empty. Corresponds to
  /// `ShareableList(name=name)` in Python.
  ///
  /// - Parameters:
  ///   - name: The name that the list was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait for a complete list; `nil`: not at all.
  /// - Returns: The list.
  /// - Throws: `corrupted` if the memory does not hold a complete list; and what
  ///   ``SharedMemory/attach(_:access:owner:reservation:waitingUpTo:)-(_,_,_,_,Duration?)`` throws.
  /// - Complexity: O(*n*) for *n* elements.
  public static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> ShareableList {
    let deadline = timeout.map { SuspendingClock.Instant.after($0) }
    return try attach(
      to: SharedMemory.attach(name, access: access, owner: owner, waitingUpTo: timeout),
      waitingUntil: deadline)
  }

  /// Attaches to a list, or creates it if it does not exist.
  ///
  /// If many processes call this at once, exactly one creates the list; ``isCreator`` tells which.
  /// An existing list is accepted as it is, however many elements it has. Waits as
  /// `SharedMemory.attachOrCreate` does, and for at most one more second until CPython has filled
  /// in a list. Python has no such function.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - elements: The elements of a new list, in order; there may be none.
  ///   - extraCapacity: Additional bytes in each slot of a text or of bytes of a new list; rounded
  ///     up to a multiple of 8.
  ///   - options: The options of a new list.
  ///   - owner: Whose memory to accept.
  /// - Returns: The list, attached for reading and writing.
  /// - Throws: What creating and attaching throw.
  /// - Precondition: `extraCapacity` is not negative; the permissions contain only the nine
  ///   permission bits.
  public static func attachOrCreate(
    _ name: String,
    _ elements: [Element],
    extraCapacity: Int = 0,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> ShareableList {
    let layout = try ListLayout(for: elements, extraCapacity: extraCapacity, name: name)
    let memory = try SharedMemory.attachToAnySizeOrCreate(
      name, byteCount: layout.byteCount, options: options, owner: owner
    ) { bytes in
      write(elements, layout, to: &bytes)
    }
    if memory.isCreator { return ShareableList(memory, layout) }
    return try attach(to: memory, waitingUntil: .now + SharedMemory.patience)
  }

  static func attach(
    to memory: consuming SharedMemory, waitingUntil deadline: SuspendingClock.Instant?
  ) throws(InterprocessError) -> ShareableList {
    if let deadline {
      while !isComplete(memory._range), SuspendingClock.now < deadline {
        // No notification says when another process writes.
        pause(for: .milliseconds(1))
      }
    }
    let layout: ListLayout
    do {
      layout = try ListLayout(reading: memory._range)
    } catch {
      throw InterprocessError(
        code: .corrupted(error.reason), name: memory.name,
        message: """
          Shared memory "\(memory.name)" holds no list: \(error.reason). Attach to something else, \
          or wait until the process that creates it has finished.
          """)
    }
    return ShareableList(memory, layout)
  }

  /// Whether the memory holds a list that its creator has finished.
  ///
  /// CPython writes the count and the offsets, the data, the formats and the codes, in this order,
  /// into zeros. So an element is complete if its format and code belong together.
  static func isComplete(_ range: MappedRange) -> Bool {
    guard let layout = try? ListLayout(reading: range) else { return false }
    if layout.count == 0 { return range.byteCount == ListLayout.smallestByteCount }
    return (0..<layout.count).allSatisfy { (try? StoredForm(of: layout[$0], in: range)) != nil }
  }

  // MARK: - Close and unlink

  /// Ends this handle's use of the list.
  ///
  /// The list stays, for other handles and under its name. The same happens at the end of the
  /// handle's life. Does not block. Corresponds to `list.shm.close()` in Python.
  public consuming func close() {}

}

extension ShareableList: SharedObject {
  /// Attaches for reading and writing; see the form with an `access` parameter.
  public static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration?
  ) throws(InterprocessError) -> ShareableList {
    try attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// Attaches for reading and writing, suspending the task; see the form with an `access`
  /// parameter.
  public nonisolated(nonsending) static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration
  ) async throws -> ShareableList {
    try await attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// For the functions of ``SharedObject``.
  public borrowing func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(memory)
  }
}
