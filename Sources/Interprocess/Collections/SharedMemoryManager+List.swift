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
  /// Creates a list under a random name.
  ///
  /// The list stays until the scope ends, even if the returned handle is closed before. Does not
  /// wait for other processes. Corresponds to `SharedMemoryManager.ShareableList(sequence)` in
  /// Python.
  ///
  /// - Parameters:
  ///   - elements: The elements, in order.
  ///   - extraCapacity: Additional bytes in each slot of a text or of bytes; rounded up to a
  ///     multiple of 8.
  ///   - options: Who may use the list, and when its pages are taken. Its lifetime is that of the
  ///     scope.
  /// - Returns: The list, attached for reading and writing.
  /// - Throws: What ``ShareableList/create(_:extraCapacity:options:)`` throws.
  /// - Precondition: `extraCapacity` is not negative.
  public func list(
    _ elements: [ShareableList.Element], extraCapacity: Int = 0,
    options: SegmentOptions = SegmentOptions()
  ) throws(InterprocessError) -> ShareableList {
    let list = try ShareableList.create(
      elements, extraCapacity: extraCapacity, options: options.with(.whileAttached))
    try keep(list.memory)
    return list
  }
}
