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

/// What is chosen when a segment of any type is created.
///
/// ```swift
/// let cache = try SharedMemory.create("cache", byteCount: 4096, options: .whileAttached)
/// let image = try SharedArray<UInt8>.create(
///   "image", shape: [480, 640, 3],
///   options: SegmentOptions(permissions: [.ownerReadWrite, .groupRead]))
/// ```
public struct SegmentOptions: Sendable, Hashable {
  /// Whether the name stays until it is unlinked, or goes with the last handle.
  public var lifetime: SharedMemory.Lifetime

  /// Who may read and write the segment: read and write bits for the user, the group and others;
  /// the umask does not change them.
  public var permissions: FilePermissions

  /// Whether the pages are taken at creation or when they are touched.
  public var reservation: SharedMemory.Reservation

  /// How large the pages are.
  public var pages: SharedMemory.Pages

  /// Creates options; parameters that are left out have the usual values.
  ///
  /// - Parameters:
  ///   - lifetime: Whether the name stays until it is unlinked, or goes with the last handle.
  ///   - permissions: Who may read and write the segment. Creating with anything but the nine
  ///     permission bits is a failed precondition.
  ///   - reservation: Whether the pages are taken at creation or when they are touched.
  ///   - pages: How large the pages are. Creating with `huge` pages that are taken on demand is a
  ///     failed precondition.
  public init(
    lifetime: SharedMemory.Lifetime = .untilUnlinked,
    permissions: FilePermissions = .ownerReadWrite,
    reservation: SharedMemory.Reservation = .reserved,
    pages: SharedMemory.Pages = .automatic
  ) {
    self.lifetime = lifetime
    self.permissions = permissions
    self.reservation = reservation
    self.pages = pages
  }

  /// The name goes with the last handle; everything else is as usual.
  public static let whileAttached = SegmentOptions(lifetime: .whileAttached)

  func with(_ lifetime: SharedMemory.Lifetime) -> SegmentOptions {
    SegmentOptions(
      lifetime: lifetime, permissions: permissions, reservation: reservation, pages: pages)
  }
}
