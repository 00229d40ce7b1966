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

extension SharedArray {
  /// Attaches to an array that a process, in any language, has created.
  ///
  /// The array is a NumPy `.npy` file of version 1.0, 2.0 or 3.0 whose elements have the memory
  /// layout of `Element`: the same names, types and offsets. If `Element` is itself an array, the
  /// last dimensions of the file are those of `Element`.
  ///
  /// Waits only if asked to. Corresponds to `numpy.load(path, mmap_mode="r+")` in Python, with
  /// `"r"` for read-only access.
  ///
  /// - Parameters:
  ///   - name: The name that the array was created under.
  ///   - access: Whether to write as well as to read.
  ///   - owner: Whose memory to accept.
  ///   - reservation: Whether to take the pages that the array does not have yet, so that no later
  ///     access can fail; numpy takes none at creation.
  ///   - timeout: How long to wait if the array does not exist yet or is not complete, for example
  ///     while numpy writes it; `nil`: not at all.
  /// - Returns: The array, with its present shape.
  /// - Throws: `wrongKind` if the memory is not an array; `layoutMismatch` if its elements are not
  ///   `Element`, or if it is big-endian, in Fortran order, or otherwise of a form that this
  ///   library does not read; `corrupted` if its header or its size makes no sense; and what
  ///   ``SharedMemory/attach(_:access:owner:reservation:waitingUpTo:)-(_,_,_,_,Duration?)`` throws.
  /// - Precondition: The element type and all its fields are shareable.
  /// - Complexity: O(1) in the number of elements.
  public static func attach(
    _ name: String,
    access: SharedMemory.Access = .readWrite,
    owner: SharedMemory.Owner = .currentUser,
    reservation: SharedMemory.Reservation = .onDemand,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> SharedArray {
    guard let timeout else {
      return try attach(
        to: SharedMemory.attach(name, access: access, owner: owner, reservation: reservation))
    }
    let deadline = SuspendingClock.Instant.after(timeout)
    // Created before the first look, so that nothing that happens after that look is missed.
    let watch = DirectoryWatch(SegmentName.directory)
    var timeLeft = timeout
    while true {
      let memory = try SharedMemory.attach(
        name, access: access, owner: owner, reservation: reservation, waitingUpTo: timeLeft)
      timeLeft = deadline - .now
      if timeLeft <= .zero || isComplete(memory) { return try attach(to: memory) }
      try watch.wait(for: SegmentName(name), atMost: timeLeft)
      timeLeft = max(.zero, deadline - .now)
    }
  }

  /// Whether the memory, read as an array, does not end too early.
  static func isComplete(_ memory: borrowing SharedMemory) -> Bool {
    do throws(NpyHeader.Problem) {
      _ = try memory.withBytes { bytes throws(NpyHeader.Problem) in try NpyHeader(reading: bytes) }
    } catch {
      if case .incomplete = error { return false }
    }
    return true
  }

  static func attach(
    to memory: consuming SharedMemory
  ) throws(InterprocessError) -> SharedArray {
    let header = try NpyHeader(of: memory)
    let (trailing, flat) = ElementLayout(of: Element.self).flattened
    let element = flat.numpyForm
    guard element.byteCount == header.layout.byteCount,
      element.isInterchangeable(with: header.layout)
    else {
      throw mismatch(memory.name, expected: element.description, found: header.dtype)
    }
    guard header.shape.count >= trailing.count,
      header.shape.suffix(trailing.count).elementsEqual(trailing)
    else {
      throw mismatch(
        memory.name,
        expected:
          "\(element.description) in a shape that ends in \(ElementLayout.text(of: trailing))",
        found: "\(header.dtype) in the shape \(ElementLayout.text(of: header.shape))")
    }
    // numpy aligns to 64 bytes, and before its version 1.14 to 16.
    let alignment = MemoryLayout<Element>.alignment
    guard header.dataOffset % alignment == 0 else {
      throw mismatch(
        memory.name, expected: "elements at a multiple of \(alignment) bytes",
        found: "elements from byte \(header.dataOffset) on")
    }
    let shape = Array(header.shape.dropLast(trailing.count))
    return SharedArray(memory, header: header, shape: shape)
  }

  private static func mismatch(
    _ name: String, expected: String, found: String
  ) -> InterprocessError {
    InterprocessError(
      code: .layoutMismatch(expected: expected, found: found), name: name,
      message: """
        The array "\(name)" has \(found), and \(Element.self) needs \(expected). Attach with the \
        type of its elements, or save it with numpy's `array.astype`.
        """)
  }
}
