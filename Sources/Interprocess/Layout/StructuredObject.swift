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

/// What locks, signals, queues and topics have in common: their segment begins with a header, which
/// says what it is, and every handle may write.
public protocol StructuredObject: SharedObject {
  /// Opens memory that was attached to; the extension below builds on it.
  static func _open(_ memory: consuming SharedMemory) throws(InterprocessError) -> Self
}

extension StructuredObject {
  /// Attaches to an object that another process has created.
  ///
  /// Waits only if asked to, and then only for the segment to exist: not for a lock, an event or a
  /// message.
  ///
  /// - Parameters:
  ///   - name: The name that the object was created under.
  ///   - owner: Whose memory to accept.
  ///   - timeout: How long to wait if the segment does not exist yet; `nil`: not at all.
  /// - Returns: A handle of this process.
  /// - Throws: `wrongKind` if the name leads to something else; `layoutMismatch` if its elements
  ///   have other fields; `unsupportedVersion`; `corrupted`; and what attaching to
  ///   ``SharedMemory`` throws: `notFound`, `timedOut`, `invalidSize`, `foreignOwner`,
  ///   `permissionDenied`, `invalidName` and `system`.
  /// - Precondition: All fields of the element type, if there is one, are ``Shareable``.
  public static func attach(
    _ name: String,
    owner: SharedMemory.Owner = .currentUser,
    waitingUpTo timeout: Duration? = nil
  ) throws(InterprocessError) -> Self {
    try _open(SharedMemory.attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout))
  }
}
