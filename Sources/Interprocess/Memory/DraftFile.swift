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

/// The file of memory that is being created, which no other process can find yet.
struct DraftFile: ~Copyable {
  let descriptor: Descriptor
  /// Its name, on a system that cannot name a file created without one.
  let hidden: HiddenFile?

  /// Creates a file without a name, so that nothing is left if the process is killed.
  ///
  /// If the system refuses that, or could not name the file later, because of a filter of system
  /// calls or a missing `/proc`, the file gets a name that cannot be guessed. It holds a lease: a
  /// sweep removes such files of killed processes.
  ///
  /// - Parameter mode: Its mode, from which the umask takes bits away.
  static func open(mode: CModeT) throws(Errno) -> DraftFile {
    let directory = SegmentName.directory
    if let descriptor = try Files.openNamelessIfSupported(in: directory, mode: mode),
      Files.canLink(descriptor, in: directory)
    {
      return DraftFile(descriptor: descriptor, hidden: nil)
    }
    for _ in 0..<attemptCount {
      let hidden = HiddenFile(path: HiddenName(.new, of: nil, inode: 0).path)
      let descriptor = try Files.make(hidden.path, mode: mode)
      // A sweep may come between the two calls. Any other failure occurs again where it is
      // reported.
      let isClaimed = (try? Lease.takeIfFree(on: descriptor)) == false
      let linkCount = try Files.status(of: descriptor).linkCount
      if linkCount > 0 && !isClaimed {
        return DraftFile(descriptor: descriptor, hidden: hidden)
      }
    }
    throw Errno.resourceTemporarilyUnavailable
  }

  /// How often a sweep may be faster.
  private static let attemptCount = 8
}

/// A name that is removed at the end of its life, if it still exists.
struct HiddenFile: ~Copyable {
  let path: String

  deinit {
    // A sweep removes it if this fails.
    try? Files.unlinkIfPresent(path)
  }
}
