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

extension SharedMemoryManager {
  /// Creates an array of one dimension under a random name, filled with zeros.
  ///
  /// The array stays until the scope ends, even if the returned handle is closed before. Does not
  /// wait for other processes. Python has no counterpart; there, an array lies in a block of
  /// memory.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - count: The number of elements, which may be 0.
  ///   - options: Who may use the array, and when its pages are taken. Its lifetime is that of the
  ///     scope.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: What ``SharedArray/create(_:count:options:)`` throws.
  public func array<Element: Shareable>(
    of type: Element.Type, count: Int, options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedArray<Element> {
    try array(of: type, shape: [count], options: options)
  }

  /// Creates an array of any shape under a random name, filled with zeros.
  ///
  /// The array stays until the scope ends, even if the returned handle is closed before. Does not
  /// wait for other processes. Python has no counterpart; there, an array lies in a block of
  /// memory.
  ///
  /// - Parameters:
  ///   - type: The type of the elements.
  ///   - shape: The number of elements in each dimension.
  ///   - options: Who may use the array, and when its pages are taken. Its lifetime is that of the
  ///     scope.
  /// - Returns: The array, attached for reading and writing.
  /// - Throws: What ``SharedArray/create(_:shape:options:)`` throws.
  public func array<Element: Shareable>(
    of type: Element.Type, shape: [Int], options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> SharedArray<Element> {
    let array = try SharedArray<Element>.create(
      shape: shape, options: options.with(.whileAttached))
    try keep(array.memory)
    return array
  }
}
