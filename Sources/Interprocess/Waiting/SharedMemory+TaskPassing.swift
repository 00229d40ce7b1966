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

// Passing memory over a socket in a task.
extension SharedMemory {
  /// Passes this memory to the process at the other end of a Unix socket.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled. In
  /// that case, nothing was sent.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. The caller keeps it open until this returns.
  ///   - access: What the other process may do; `nil`: as much as this handle.
  ///   - timeout: How long to wait for room in the socket's buffer; `nil`: as the socket is set.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  /// - Precondition: The access is not more than that of this handle.
  public nonisolated(nonsending) borrowing func send(
    over socket: FileDescriptor, access: Access? = nil, timeout: Duration? = nil
  ) async throws {
    let descriptor = try handedOut(access)
    do {
      let message = Message.bytes(name: segmentName)
      try await Sockets.send(descriptor, with: message, over: socket.rawValue, timeout: timeout)
    } catch let error as Errno {
      throw InterprocessError.sending(error, segmentName, timeout)
    }
  }

  /// Receives memory that the process at the other end of a Unix socket has sent.
  ///
  /// Suspends the task while it waits; throws `CancellationError` once the task is cancelled. In
  /// that case, nothing was received, and a later call gets the message.
  ///
  /// - Parameters:
  ///   - socket: A connected Unix socket of any type. The caller keeps it open until this returns.
  ///   - owner: Whose memory to accept; the sender does not matter. Anonymous memory belongs to the
  ///     user who created it.
  ///   - timeout: How long to wait for the message; `nil`: as the socket is set.
  /// - Returns: The memory, with the access that the sender has given.
  /// - Throws: What the blocking form throws, and `CancellationError`.
  public nonisolated(nonsending) static func receive(
    over socket: FileDescriptor, owner: Owner = .currentUser, timeout: Duration? = nil
  ) async throws -> SharedMemory {
    var message = Message.empty
    do {
      let given = try await Sockets.receive(&message, over: socket.rawValue, timeout: timeout)
      return try adopt(given, describedBy: message, owner: owner)
    } catch let refusal as GivenFile.Refusal {
      throw InterprocessError.receiving(refusal, timeout)
    }
  }
}
