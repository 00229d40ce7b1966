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

extension QueueEndpoint {
  // MARK: - Errors

  private var sideName: String { isSending ? "sender" : "receiver" }

  private var quotedName: String { "\"\(ring.name)\"" }

  /// Keeps handles from a side that has a single holder.
  ///
  /// - Throws: `wrongKind`.
  @usableFromInline func checkShared() throws(InterprocessError) {
    if multiplicity == .many { return }
    throw InterprocessError(
      code: .wrongKind(
        expected: "queue for many \(sideName)s", found: "queue for one \(sideName)"),
      name: ring.name,
      message: """
        The queue \(quotedName) is for one \(sideName): use the value that `\(sideName)()` \
        returns, or create the queue for many.
        """)
  }

  var roleMissing: InterprocessError {
    InterprocessError(
      code: .wrongKind(
        expected: "queue for one \(sideName)", found: "queue for many \(sideName)s"),
      name: ring.name,
      message: """
        The queue \(quotedName) is for many \(sideName)s, which take turns: use the queue itself, \
        or create it for one.
        """)
  }

  var roleTaken: InterprocessError {
    InterprocessError(
      code: .roleTaken, name: ring.name,
      message: """
        The queue \(quotedName) already has its only \(sideName). To use several, create the queue \
        for many.
        """)
  }

  /// For a copy of the role's holder that a child got in a fork.
  @usableFromInline var isOfParent: InterprocessError { .ofParent(sideName, of: ring.name) }

  func checkUnfinished() throws(InterprocessError) {
    guard ring.isFinished else { return }
    throw InterprocessError(
      code: .finished, name: ring.name,
      message: "The queue \(quotedName) is finished, and accepts no more messages.")
  }

  var turnTaken: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: """
        Another \(sideName) of the queue \(quotedName) kept its turn until the time-out. Is it in \
        its closure, or has it been stopped?
        """)
  }

  var timedOut: InterprocessError {
    InterprocessError(
      code: .timedOut, name: ring.name,
      message: isSending
        ? "The queue \(quotedName) stayed full. Does a process receive from it?"
        : "The queue \(quotedName) stayed empty. Does a process send to it?")
  }
}
