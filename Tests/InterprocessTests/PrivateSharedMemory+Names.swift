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

import CInterprocess
import Foundation
import Interprocess
import Subprocess
import TestSupport
import Testing

extension PrivateSharedMemory {
  /// Leaves temporary memory behind by killing its only holder.
  func leaveStale(
    _ name: String, byteCount: Int = 4096, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect(
        "create \(name) \(byteCount) temporary", "ok \(name)", sourceLocation: sourceLocation)
      try await helper.expect("set 0 7", "ok ", sourceLocation: sourceLocation)
      try helper.kill()
    }
    #expect(status == .signaled(9), sourceLocation: sourceLocation)
    #expect(try names().contains(name), sourceLocation: sourceLocation)
  }

  /// Leaves stale memory, stops a helper in a command at a step, and starts another helper.
  func withStale(
    _ name: String, stopping command: String, at step: Checkpoint,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (_ stopped: ChildProcess, _ other: ChildProcess) async throws -> Void
  ) async throws {
    try await leaveStale(name, sourceLocation: sourceLocation)
    try await withHelper { stopped in
      try await withHelper { other in
        try await stopped.expect(
          "stopAt \(step.description)", "ok ", sourceLocation: sourceLocation)
        try await stopped.expectStop(command, at: step, sourceLocation: sourceLocation)
        try await body(stopped, other)
      }
    }
  }

  /// Expects exactly these names, whatever the tokens of hidden ones are.
  func expectNames(
    _ names: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      try self.names().map { Self.maskingToken(in: $0) }.sorted()
        == names.map { Self.maskingToken(in: $0) }.sorted(),
      sourceLocation: sourceLocation)
  }

  /// A hidden name, with 0 in place of the token.
  private static func maskingToken(in name: String) -> String {
    name.replacing(/^(\.swift-[a-z]+\.)[0-9a-f]+(\.[0-9]+\..*)$/) { "\($0.1)0\($0.2)" }
  }

  /// The existing name that corresponds to a hidden one with the token 0.
  func found(_ name: String) throws -> String {
    try #require(try names().first { Self.maskingToken(in: $0) == name })
  }

  func inode(_ name: String) throws -> UInt64 {
    try #require(
      FileManager.default.attributesOfItem(atPath: path(name))[.systemFileNumber] as? UInt64)
  }

  /// The name under which memory lies for the moment before its removal, with the token 0.
  func aside(_ name: String, inode: UInt64) -> String { ".swift-removing.0.\(inode).\(name)" }

  /// The second name of protected memory, with the token 0.
  func second(_ name: String, inode: UInt64) -> String { ".swift-guard.0.\(inode).\(name)" }

  /// Makes memory as a program in another language does, without a lease: a plain file.
  func makeForeign(_ name: String, isTemporary: Bool = false) throws {
    try #require(
      FileManager.default.createFile(
        atPath: path(name), contents: Data(repeating: 9, count: 4096)))
    try #require(chmod(path(name), 0o600) == 0)
    if isTemporary { try makeTemporary(name) }
  }

  /// Gives a file of mode 0600 the mark of temporary memory.
  func makeTemporary(_ name: String) throws {
    let fd = open(path(name), O_RDWR)
    defer { close(fd) }
    try #require(ipc_set_temporary_mark(fd) == 0 && fchmod(fd, 0o1600) == 0)
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: path(name))
  }
}
