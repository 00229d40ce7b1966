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

// What happens to the name of memory during its use.
extension SharedMemory {
  /// Whether the name still leads to this memory.
  ///
  /// The name may have been removed, as Python's resource tracker does at the end of a process that
  /// attached with default settings. Existing handles keep the memory; no other process can find
  /// it. ``relink()`` gives it its name again. Memory without a name is not linked.
  ///
  /// - Complexity: One system call, which does not block.
  public var isLinked: Bool {
    guard let segmentName else { return false }
    return (try? Files.statusIfPresent(at: segmentName.path))??.identity == identity
  }

  /// Keeps a second, hidden name for this memory, so that ``relink()`` works after its name was
  /// removed.
  ///
  /// The system gives no new name to a file that has lost its last one, so call this before. The
  /// second name appears in `/dev/shm` as `.swift-guard.TOKEN.INODE.NAME`; its random token keeps
  /// other users from taking it first. It is removed with the name when the memory is unlinked
  /// through this library or, if temporary, with the last handle. If another program removed the
  /// name, ``sweep(reportingLeft:)`` removes the second one when no process has the memory any
  /// more.
  ///
  /// Does not block; if the memory already has a second name, takes time in proportion to the
  /// number of names in `/dev/shm`. C and Python have nothing like it.
  ///
  /// - Throws: `notFound` if the memory has no name any more, `invalidName` if the name is too long
  ///   to be extended (over about 200 bytes), `permissionDenied`, and `system` for anything else,
  ///   such as `resourceTemporarilyUnavailable` if another program has locked the file since before
  ///   this handle was made.
  public borrowing func protectName() throws(InterprocessError) {
    let name = try nameForChange()
    let secondName = HiddenName(.guarding, of: name, inode: identity.inode)
    guard secondName.original != nil else {
      throw InterprocessError(
        code: .invalidName, name: name.value,
        message: "The name \"\(name.value)\" is too long to be protected.")
    }
    if lifetime == .untilUnlinked { try keepLease(name) }
    do {
      // One second name is enough.
      let status = try Files.status(of: mapping.descriptor)
      if try HiddenName.guards(of: name, status, isNameGone: !isLinked).isEmpty {
        try Files.link(mapping.descriptor, at: secondName.path, through: name.path)
      }
    } catch {
      switch error {
      case .noSuchFileOrDirectory: throw .notFound(name)
      case .permissionDenied, .notPermitted:
        throw .permissionDenied(
          name, "This user may not give the memory \"\(name.value)\" a second name.", error)
      default: throw .system(error, name: name.value, action: "protect the name \"\(name.value)\"")
      }
    }
  }

  /// Gives this memory its name again after its removal.
  ///
  /// Does nothing if the name still leads here. Does not block. C and Python have nothing like it.
  ///
  /// - Throws: `alreadyExists` if the name now leads to other memory; `notFound` if the memory has
  ///   no name at all any more, as it was not protected with ``protectName()``; and `system` for
  ///   anything else.
  public borrowing func relink() throws(InterprocessError) {
    if isLinked { return }
    let name = try nameForChange()
    do {
      let status = try Files.status(of: mapping.descriptor)
      let second = try HiddenName.guards(of: name, status, isNameGone: true).first
      try Files.link(mapping.descriptor, at: name.path, through: second?.path ?? name.path)
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
