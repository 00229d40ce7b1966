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
  /// Attaches to an array of one dimension, or creates it, filled with zeros, if it does not exist.
  ///
  /// If many processes call this at once, exactly one creates the array; ``isCreator`` tells which.
  /// Waits as `SharedMemory.attachOrCreate` does. Python has no such function.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - count: The number of elements; an existing array must have the same number.
  ///   - options: The options of a new array.
  ///   - owner: Whose memory to accept.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: `invalidSize` if the array exists with another number of elements; `layoutMismatch`
  ///   if it exists with elements of another type, or with more dimensions; and what creating and
  ///   attaching throw.
  /// - Precondition: The element type and all its fields are shareable.
  public static func attachOrCreate(
    _ name: String,
    count: Int,
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedArray {
    try attachOrCreate(
      name, shape: [count], options: options, owner: owner)
  }

  /// Attaches to an array of any shape, or creates it, filled with zeros, if it does not exist.
  ///
  /// If many processes call this at once, exactly one creates the array; ``isCreator`` tells which.
  /// Waits as `SharedMemory.attachOrCreate` does. Python has no such function.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - shape: The number of elements in each dimension; an existing array must have this shape.
  ///   - options: The options of a new array.
  ///   - owner: Whose memory to accept.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: `invalidSize` if the array exists with another number of elements; `layoutMismatch`
  ///   if it exists with elements of another type, or with the same number in another shape; and
  ///   what creating and attaching throw.
  /// - Precondition: The element type and all its fields are shareable.
  public static func attachOrCreate(
    _ name: String,
    shape: [Int],
    options: SegmentOptions = SegmentOptions(),
    owner: SharedMemory.Owner = .currentUser
  ) throws(InterprocessError) -> SharedArray {
    let (header, headerBytes) = try NpyHeader.make(
      of: ElementLayout(of: Element.self), shape: shape, name: name)
    let memory = try SharedMemory.attachToAnySizeOrCreate(
      name, byteCount: headerBytes.count + header.dataByteCount, options: options, owner: owner
    ) { bytes in
      write(headerBytes, to: &bytes)
    }
    let array = try attach(to: memory)
    guard array.shape == shape else {
      let (expected, found) = (ElementLayout.text(of: shape), ElementLayout.text(of: array.shape))
      throw InterprocessError(
        code: array.count == shape.reduce(1, *)
          ? .layoutMismatch(expected: "the shape \(expected)", found: "the shape \(found)")
          : .invalidSize,
        name: array.name,
        message: """
          The array "\(array.name)" exists with the shape \(found), not \(expected). Ask for its \
          shape, or use another name.
          """)
    }
    return array
  }
}
