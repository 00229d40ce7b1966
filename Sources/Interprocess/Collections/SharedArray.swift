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

/// An array under a name, which several processes use at once, and which numpy can open.
///
/// The memory is a NumPy `.npy` file, which describes the type and the shape of its elements. In
/// Python, `numpy.load("/dev/shm/NAME", mmap_mode="r+")` reads and writes it in place, and Swift
/// can attach to a file that numpy has created in `/dev/shm`.
///
/// ```swift
/// var image = try SharedArray<Double>.create("image", shape: [480, 640])
/// image[3, 4] = 0.5
/// // ... meanwhile, in another process:
/// let other = try SharedArray<Double>.attach("image")
/// print(other.shape, other[3, 4])    // [480, 640] 0.5
/// // ... and at the end, in one of them:
/// try image.unlink()
/// ```
///
/// Elements can be of any ``Shareable`` type. A structure becomes a structured dtype with the same
/// names and offsets. A vector such as `SIMD4<Float>` and an `InlineArray` become further
/// dimensions of numpy's array: an array of 100 `SIMD4<Float>` has the shape `[100]` here and
/// `(100, 4)` there.
///
/// The elements are not synchronised: within one process, the compiler ensures that no code writes
/// while other code reads; different processes must agree on which of them writes when. Do not use
/// this type for one value that changes all the time, or for bytes without a header; use
/// ``SharedMemory`` for the latter.
///
/// Corresponds to `numpy.lib.format.open_memmap` in Python.
public struct SharedArray<Element: Shareable>: ~Copyable, Sendable {
  let memory: SharedMemory
  /// Where the elements lie, for accesses that clients inline.
  @usableFromInline let _elements: MappedRange

  /// The number of elements.
  public let count: Int

  /// The number of elements in each dimension.
  ///
  /// Neighbours in the last dimension are neighbours in memory, as in numpy's C order. Empty for an
  /// array that numpy calls zero-dimensional, which has one element.
  public let shape: [Int]

  /// The length of the shape and its first four numbers, so that a subscript need not access an
  /// array.
  @usableFromInline let _dimensionCount: Int
  @usableFromInline let _extents: (Int, Int, Int, Int)

  /// - Parameter header: The header of `memory`, which fits the elements.
  init(_ memory: consuming SharedMemory, header: NpyHeader, shape: [Int]) {
    _elements = memory._range.part(at: header.dataOffset, byteCount: header.dataByteCount)
    self.memory = memory
    self.shape = shape
    count = shape.reduce(1, *)
    _dimensionCount = shape.count
    let padded = shape + [1, 1, 1, 1]
    _extents = (padded[0], padded[1], padded[2], padded[3])
  }

  // MARK: - Properties

  /// The size of the segment in bytes: the header and all elements.
  public var byteCount: Int { memory.byteCount }

  /// Whether this handle may write.
  public var access: SharedMemory.Access { memory.access }

  // MARK: - Create

  /// Creates an array of one dimension, filled with zeros, under a name that is not taken.
  ///
  /// No other process can attach before the array is complete. Does not wait for other processes.
  /// Corresponds to `numpy.lib.format.open_memmap(path, "w+", dtype, (count,))` in Python, which is
  /// visible before it is complete and replaces an existing file.
  ///
  /// - Parameters:
  ///   - name: As for ``SharedMemory``; `nil` stands for a random name, which ``name`` returns.
  ///   - count: The number of elements, which may be 0.
  ///   - options: When the name is removed, who may use the array, and when its pages are taken.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: `invalidSize` if the count is negative or too large, or if the type has too many
  ///   fields to be described; and what
  ///   ``SharedMemory/create(_:byteCount:options:initializingWith:)`` throws.
  /// - Precondition: The element type and all its fields are shareable.
  public static func create(
    _ name: String? = nil,
    count: Int,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedArray {
    try create(
      name, shape: [count], options: options)
  }

  /// Creates an array of any shape, filled with zeros, under a name that is not taken.
  ///
  /// No other process can attach before the array is complete. Does not wait for other processes.
  /// Corresponds to `numpy.lib.format.open_memmap(path, "w+", dtype, shape)` in Python, which is
  /// visible before it is complete and replaces an existing file.
  ///
  /// - Parameters:
  ///   - name: As for ``SharedMemory``; `nil` stands for a random name, which ``name`` returns.
  ///   - shape: The number of elements in each dimension, which may be 0. Without dimensions, there
  ///     is one element.
  ///   - options: When the name is removed, who may use the array, and when its pages are taken.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: `invalidSize` if a number is negative or their product is too large, if numpy would
  ///   see more than 32 dimensions, or if the type has too many fields to be described; and what
  ///   ``SharedMemory/create(_:byteCount:options:initializingWith:)`` throws.
  /// - Precondition: The element type and all its fields are shareable.
  public static func create(
    _ name: String? = nil,
    shape: [Int],
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedArray {
    try _make(
      name, shape: shape, options: options
    ) { _ in }
  }

  /// Creates an array of one dimension with the elements of a collection, under a name that is not
  /// taken.
  ///
  /// No other process can attach before all elements are in place. Does not wait for other
  /// processes. Corresponds to `numpy.save(path, array)` in Python, which is visible before it is
  /// complete and replaces an existing file.
  ///
  /// - Parameters:
  ///   - name: As for ``SharedMemory``; `nil` stands for a random name, which ``name`` returns.
  ///   - source: The elements.
  ///   - options: When the name is removed, who may use the array, and when its pages are taken.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: What ``create(_:count:options:)`` throws.
  /// - Precondition: The element type and all its fields are shareable.
  /// - Complexity: O(*n*); elements that lie together in memory are copied at once.
  @inlinable
  public static func create(
    _ name: String? = nil,
    copying source: some Collection<Element>,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedArray {
    try _make(
      name, shape: [source.count], options: options
    ) { span in
      _write(source, to: &span)
    }
  }

  /// - Parameter fill: Fills the elements, which are zero, before any other process can see them.
  @usableFromInline
  static func _make(
    _ name: String?, shape: [Int], options: SegmentOptions,
    fillingWith fill: (inout MutableSpan<Element>) -> Void
  ) throws(InterprocessError) -> SharedArray {
    let (header, headerBytes) = try NpyHeader.make(
      of: ElementLayout(of: Element.self), shape: shape, name: name)
    let memory = try SharedMemory.create(
      name, byteCount: headerBytes.count + header.dataByteCount, options: options
    ) { bytes throws(InterprocessError) in
      write(headerBytes, to: &bytes)
      // SAFETY: the memory has room for exactly the header and the elements, which begin after it,
      // aligned; the view is not used after this.
      unsafe bytes.withUnsafeMutableBytes { bytes in
        var span = unsafe MutableSpan<Element>(_unsafeBytes: bytes[header.dataOffset...])
        fill(&span)
      }
    }
    return SharedArray(memory, header: header, shape: shape)
  }

  /// Writes a header to the beginning of memory that has room for it.
  static func write(_ header: [UInt8], to bytes: inout MutableRawSpan) {
    // SAFETY: the view is used only here.
    unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: header) }
  }

  // MARK: - Close and unlink

  /// Ends this handle's use of the array.
  ///
  /// The array stays, for other handles and under its name. The same happens at the end of the
  /// handle's life. Does not block. Corresponds to `del array` in Python.
  public consuming func close() {}

}

extension SharedArray: SharedObject {
  /// Attaches for reading and writing; see the form with an `access` parameter.
  public static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration?
  ) throws(InterprocessError) -> SharedArray {
    try attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// Attaches for reading and writing, suspending the task; see the form with an `access`
  /// parameter.
  public nonisolated(nonsending) static func attach(
    _ name: String, owner: SharedMemory.Owner, waitingUpTo timeout: Duration
  ) async throws -> SharedArray {
    try await attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// For the functions of ``SharedObject``.
  public borrowing func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(memory)
  }
}
