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

// What happens to the name of memory while it is used.
extension SharedMemory {
  /// Whether the name still leads to this memory.
  ///
  /// It does not when someone has removed the name, as Python's resource tracker does at the end of
  /// a process that attached with default settings. The memory stays with those who have it; nobody
  /// else can find it. ``relink()`` gives it its name again. Memory without a name is not linked.
  ///
  /// - Complexity: One system call, which does not block.
  public var isLinked: Bool {
    guard let segmentName else { return false }
    return (try? Files.statusIfPresent(at: segmentName.path))??.identity == identity
  }

  /// Keeps a second, hidden name for this memory, so that ``relink()`` works after its name was
  /// removed.
  ///
  /// The system gives no new name to a file that has lost its last one, so this has to be done
  /// before. The second name is seen in `/dev/shm` as `.swift-guard.INODE.NAME`. It goes with the
  /// name when the memory is unlinked through this library or, if temporary, with the last handle.
  /// If the name was removed by others, ``sweep()`` removes the second one when nobody has the
  /// memory any more.
  ///
  /// Does not block. There is nothing like it in C or Python.
  ///
  /// - Throws: `notFound` if the memory has no name any more, `invalidName` if the name is too long
  ///   to be added to, `permissionDenied`, and `system` for anything else.
  public borrowing func protectName() throws(InterprocessError) {
    let name = try nameForChange()
    guard let secondName = HiddenName(.guarding, of: name, inode: identity.inode) else {
      throw InterprocessError(
        code: .invalidName, name: name.value,
        message: "The name \"\(name.value)\" is too long to be protected.")
    }
    do {
      try Files.link(mapping.descriptor, at: secondName.path)
    } catch {
      switch error {
      case .fileExists: return
      case .noSuchFileOrDirectory: throw .notFound(name)
      default: throw .system(error, name: name.value, action: "protect the name \"\(name.value)\"")
      }
    }
  }

  /// Gives this memory its name again, after someone has removed it.
  ///
  /// Does nothing if the name still leads here. Does not block. There is nothing like it in C or
  /// Python.
  ///
  /// - Throws: `alreadyExists` if the name leads to other memory by now; `notFound` if the memory
  ///   has no name at all any more, as it has not been protected with ``protectName()``; and
  ///   `system` for anything else.
  public borrowing func relink() throws(InterprocessError) {
    if isLinked { return }
    let name = try nameForChange()
    do {
      try Files.link(mapping.descriptor, at: name.path)
    } catch {
      switch error {
      case .fileExists:
        throw .alreadyExists(name, error)
      case .noSuchFileOrDirectory:
        throw InterprocessError(
          code: .notFound, name: name.value,
          message: """
            The last name of this memory is gone, and the system gives it no other. Call \
            `protectName()` while it still has one.
            """,
          errno: error)
      default:
        throw .system(error, name: name.value, action: "name \"\(name.value)\" again")
      }
    }
  }

  /// The name of memory that has one.
  borrowing func nameForChange() throws(InterprocessError) -> SegmentName {
    guard let segmentName else {
      throw InterprocessError(code: .notFound, message: "This memory has no name.")
    }
    return segmentName
  }
}

/// A second name that the library gives to a file in `/dev/shm`, and that tells what it is for.
///
/// It is `.swift-PURPOSE.INODE.NAME`, with the name that it stands beside and the inode of the file
/// that is meant.
struct HiddenName {
  enum Purpose: String, CaseIterable {
    /// The file lies here for the moment between the move and the removal of its name. If another
    /// file lies here, it was caught by mistake, and belongs back under its name.
    case removing
    /// The file keeps this name, so that it can get the other one back.
    case guarding = "guard"
  }

  let purpose: Purpose
  let inode: UInt64
  let original: SegmentName
  let path: String

  /// `nil` if the name would be too long.
  init?(_ purpose: Purpose, of original: SegmentName, inode: UInt64) {
    guard let name = try? SegmentName(".swift-\(purpose.rawValue).\(inode).\(original.value)")
    else { return nil }
    self.purpose = purpose
    self.inode = inode
    self.original = original
    path = name.path
  }

  /// `nil` if it is not such a name.
  init?(_ name: SegmentName) {
    for purpose in Purpose.allCases {
      let prefix = ".swift-\(purpose.rawValue)."
      guard name.value.hasPrefix(prefix) else { continue }
      let parts = name.value.dropFirst(prefix.count).split(
        separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let inode = UInt64(parts[0]),
        let original = try? SegmentName(String(parts[1]))
      else { return nil }
      self.init(purpose, of: original, inode: inode)
      return
    }
    return nil
  }
}
