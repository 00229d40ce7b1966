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

extension SharedMemory: SharedObject {
  /// Attaches for reading and writing; see the form with an `access` parameter.
  public static func attach(
    _ name: String, owner: Owner, waitingUpTo timeout: Duration?
  ) throws(InterprocessError) -> SharedMemory {
    try attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// Attaches for reading and writing, suspending the task; see the form with an `access`
  /// parameter.
  public nonisolated(nonsending) static func attach(
    _ name: String, owner: Owner, waitingUpTo timeout: Duration
  ) async throws -> SharedMemory {
    try await attach(name, access: .readWrite, owner: owner, waitingUpTo: timeout)
  }

  /// For the functions of ``SharedObject``.
  public borrowing func _withMemory<Result, Failure: Error>(
    open isNeeded: Bool, _ body: (borrowing SharedMemory) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(self)
  }
}
