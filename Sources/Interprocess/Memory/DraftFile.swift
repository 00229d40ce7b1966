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

/// The file of memory that is being made, which nobody can find yet.
struct DraftFile: ~Copyable {
  let descriptor: Descriptor
  /// Its name, on a system that does not name files without one.
  let hidden: HiddenFile?

  /// Makes a file without a name, so that nothing is left if the process is killed.
  ///
  /// Where the system refuses that, or would not give the file its name later, as a filter of
  /// system calls or a missing `/proc` may have it, the file gets a name that nobody can know. It
  /// holds a lease: a sweep removes such files of killed processes.
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
      // A sweep may come between the two calls. What fails otherwise fails again where it is said.
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

/// A name that goes at the end of its life, if it still is there.
struct HiddenFile: ~Copyable {
  let path: String

  deinit {
    // What stays is removed by a sweep.
    try? Files.unlinkIfPresent(path)
  }
}
