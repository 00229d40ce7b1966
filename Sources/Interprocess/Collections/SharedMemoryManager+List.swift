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

extension SharedMemoryManager {
  /// Creates a list under a random name.
  ///
  /// The list stays until the scope ends, also when the returned handle is closed before. Does not
  /// wait for other processes. Corresponds to `SharedMemoryManager.ShareableList(sequence)` in
  /// Python.
  ///
  /// - Parameters:
  ///   - elements: What is in it, in order.
  ///   - extraCapacity: Bytes more in each slot of a text or of bytes; rounded up to a multiple of
  ///     8.
  ///   - permissions: Who may read and write it.
  ///   - reservation: Whether the pages are taken now or when they are touched.
  /// - Returns: The list, attached for reading and writing.
  /// - Throws: As
  ///   ``ShareableList/create(_:extraCapacity:lifetime:permissions:reservation:)``.
  /// - Precondition: `extraCapacity` is not negative.
  public func list(
    _ elements: [ShareableList.Element], extraCapacity: Int = 0,
    permissions: FilePermissions = .ownerReadWrite,
    reservation: SharedMemory.Reservation = .reserved
  ) throws(InterprocessError) -> ShareableList {
    let list = try ShareableList.create(
      elements, extraCapacity: extraCapacity, lifetime: .whileAttached, permissions: permissions,
      reservation: reservation)
    try keep(list.memory)
    return list
  }
}
