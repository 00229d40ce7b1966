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

import Foundation
import Subprocess
import TestSupport
import Testing

// The users, processes and states of `/proc` that the tests play.
extension HiddenProcessTests {
  /// Users, each with a group of the same number, that no other process on this machine has: the
  /// search for holders asks all processes.
  enum User {
    /// The owner of the memory.
    static let owner = 1_100_000_000 + 4 * Int(getpid())
    static let member = owner + 1
    static let stranger = owner + 2
  }

  /// The states of `/proc`.
  enum View: String, CaseIterable {
    case whole, noAccess, invisible, ptraceable, processesOnly, empty

    var setup: String {
      switch self {
      case .whole: "true"
      case .noAccess: "mount -t proc -o hidepid=1 proc /proc"
      case .invisible: "mount -t proc -o hidepid=2 proc /proc"
      case .ptraceable: "mount -t proc -o hidepid=4 proc /proc"
      case .processesOnly: "mount -t proc -o subset=pid proc /proc"
      case .empty: "mount -t tmpfs tmpfs /proc"
      }
    }
  }

  /// A Python process that has the memory mapped.
  enum Holder: String, CaseIterable {
    /// A process of the same user that others of that user may not look into.
    case undumpable
    /// A process of another user in the group.
    case member
    /// A process of the same user.
    case own

    var user: (id: Int, groups: [Int]) {
      self == .member ? (User.member, [User.owner]) : (User.owner, [])
    }

    var mode: String { self == .member ? "660" : "600" }
  }
}

extension ChildProcess {
  /// Makes an interpreter attach to memory and become a user.
  func hold(
    _ name: String, as user: (id: Int, groups: [Int]), isDumpable: Bool
  ) async throws {
    try await expect("attach \(name)", "ok 4096")
    // As that user the interpreter may not find its modules.
    let ctypes = "exec __import__('ctypes')"
    try await expect(ctypes, "ok ")
    let os = "exec __import__('os')"
    try await expect("\(os).setgroups(\(user.groups))", "ok ")
    try await expect("\(os).setgid(\(user.id))", "ok ")
    try await expect("\(os).setuid(\(user.id))", "ok ")
    try await expect("\(ctypes).CDLL(None).prctl(4, \(isDumpable ? 1 : 0), 0, 0, 0)", "ok ")
  }
}

extension PrivateSharedMemory {
  /// Starts a helper of a user.
  ///
  /// - Parameters:
  ///   - user: The user, its group and further groups.
  ///   - asksKernel: Whether the kernel tells the helper who has a file open.
  ///   - isAlone: Whether the helper sees no process but itself.
  func withUser<Result: Sendable>(
    _ user: String = "\(HiddenProcessTests.User.owner) \(HiddenProcessTests.User.owner)",
    asksKernel: Bool = true, isAlone: Bool = false,
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    let arguments = ["--pid", "--fork", "--mount-proc", Places.helper]
    return try await
      (isAlone
      ? withChildProcess("unshare", arguments) { try await become(user, asksKernel, $0, body) }
      : withChildProcess(Places.helper) { try await become(user, asksKernel, $0, body) }).result
  }

  private func become<Result: Sendable>(
    _ user: String, _ asksKernel: Bool, _ helper: ChildProcess,
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    if !asksKernel { try await helper.expect("refuseFileLeases", "ok 0") }
    try await helper.expect("become \(user)", "ok 0 0 0 0")
    return try await body(helper)
  }

  /// Leaves temporary memory of the owner behind by killing its only holder.
  func leaveStale(_ name: String, mode: String) async throws {
    try await withUser { helper in
      try await helper.expect(
        "create \(name) 4096 temporary permissions=\(mode)", "ok \(name)")
      try helper.kill()
    }
    #expect(try names().contains(name))
  }

  /// Mounts another `/proc`, which the programs started afterwards see.
  func mount(_ view: HiddenProcessTests.View) async throws {
    let (status, _) = try await withChildProcess("sh", ["-c", view.setup]) { _ in }
    #expect(status == .exited(0))
  }
}
