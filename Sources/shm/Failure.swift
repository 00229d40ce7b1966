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

import Interprocess
import SystemPackage

/// Why a command failed, in one or two sentences for the user.
struct Failure: Error {
  var message: String

  init(_ message: String) {
    self.message = message
  }

  /// A library error in the words of this tool, whose users have options, not arguments.
  init(_ error: InterprocessError) {
    switch error.code {
    case .foreignOwner:
      message = """
        Shared memory \((error.name ?? "").quoted) belongs to another user. Add --any-owner if you \
        trust that user.
        """
    case .alreadyExists:
      message = """
        Shared memory \((error.name ?? "").quoted) exists already, and is left as it is. Choose \
        another name, or, if no process uses it, remove it first: \(Invocation.command) remove NAME.
        """
    default:
      message = error.message
    }
  }

  /// A library error about shared memory whose name was given on the command line.
  init(_ error: InterprocessError, _ name: Name) {
    self = error.code == .notFound ? .notFound(name) : Failure(error)
  }

  static func notFound(_ name: Name) -> Failure {
    Failure(
      "No shared memory named \(name.quoted); `\(Invocation.command) list` shows all there is.")
  }

  /// A request for a part of a segment that lies beyond its end.
  ///
  /// - Parameter part: The requested part, to follow "too few for".
  static func outOfRange(_ name: Name, byteCount: Int, part: String) -> Failure {
    Failure("Shared memory \(name.quoted) has \(byteCount) bytes, too few for \(part).")
  }

  /// A read or write that the system refused.
  ///
  /// - Parameter action: The action that failed, to follow "Cannot".
  init(_ errno: Errno, action: String) {
    message = "Cannot \(action): \(errno)."
  }
}

/// Writes a complaint to standard error.
func complain(_ message: String) {
  // If standard error fails, there is no other place to report it.
  _ = try? FileDescriptor.standardError.writeAll("shm: \(message.withoutControls)\n".utf8)
}
