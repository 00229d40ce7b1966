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
import Interprocess
import Subprocess
import TestSupport
import Testing

// What a child has if the system does not let it open the memory again.
extension ForkTests {
  /// The reason why the child cannot.
  enum Obstacle: String, CaseIterable {
    case noDescriptor, noProc, mode0400, mode0000, otherOwner

    /// Prepares the parent before it forks the child.
    func prepare(_ parent: ChildProcess, emptyDirectory: String) async throws {
      switch self {
      case .noDescriptor, .noProc, .otherOwner: break
      case .mode0400, .mode0000: try await parent.expect("becomeUser 65534", "ok 0 0")
      }
      let permissions =
        switch self {
        case .noDescriptor, .noProc, .otherOwner: "600"
        case .mode0400: "400"
        case .mode0000: "000"
        }
      try await parent.expect("create m 8192 temporary permissions=\(permissions)", "ok m")
      switch self {
      case .otherOwner: try await parent.expect("becomeUser 65534", "ok 0 0")
      case .noProc: try await parent.expect("chroot \(emptyDirectory)", "ok 0 0")
      case .noDescriptor, .mode0400, .mode0000: break
      }
    }

    var mode: String { self == .noDescriptor ? "limited" : "" }
  }

  @Test(
    "A child that cannot open the memory keeps the bytes, with only its parent's lease",
    .enabled(if: geteuid() == 0, "needs root, to become another user"),
    arguments: Obstacle.allCases)
  func cannotOpen(_ obstacle: Obstacle) async throws {
    try await withEmptyDirectory { directory in
      try await withPrivateSharedMemory { place in
        try await place.withHelper { other in
          let (status, child) = try await place.withChildProcess(Places.helper) { parent in
            try await obstacle.prepare(parent, emptyDirectory: directory)
            try await parent.expect("set 5000 1", "ok ")
            let child = try await fork(parent, "outliving \(obstacle.mode)")
            #expect(
              try await parent.ask("child fork \(obstacle.mode)")?.hasPrefix("ok ok ") == true)
            try await parent.expect("child child limitDescriptors 0", "ok ok ok 0")
            try await parent.expect("child limitDescriptors 0", "ok ok 0")
            try await expectSameBytes(parent)
            let file = try #require(FileNumber(at: place.path("m")))
            let use = try FileUse(of: file, in: child)
            #expect(use == FileUse(descriptors: [.init()], mappings: ["rw-s"]))
            // The child shares its parent's lease, and does not give it up with its own handle.
            try await parent.expect("child takeLease", "ok ok ")
            try await parent.expect("child child get 5001", "ok ok ok 3")
            try await parent.expect("child child close", "ok ok ok ")
            try await other.expect("attach m anyone", "ok 8192")
            try await other.expect("close", "ok ")
            try place.expectNames(["m"])
            #expect(try FileUse(of: file, in: parent.processID).descriptors == [.init()])
            try parent.kill()
            return child
          }
          #expect(status == .signaled(9))
          defer { kill(child, SIGKILL) }
          // The child holds this extra lease as long as it runs.
          try await other.expect("attach m anyone", "ok 8192")
          try await other.expect("get 5001", "ok 3")
          try await end(child)
          try await other.expect("close", "ok ")
          try place.expectNames([])
        }
      }
    }
  }

  @Test("A child that had no free descriptor gets its own lease as soon as there is one")
  func descriptorLater() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, child) = try await place.withChildProcess(Places.helper) { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("set 5000 1", "ok ")
          let child = try await fork(parent, "outliving limited")
          try await expectSameBytes(parent)
          // A close looks at locks, and so does taking a lease.
          try await parent.expect("child takeLease", "ok ok ")
          try await expectSameBytes(parent)
          try await parent.expect("close", "ok ")
          try await other.expect("attach m", "ok 8192")
          try await other.expect("get 5001", "ok 3")
          try await other.expect("close", "ok ")
          try parent.kill()
          return child
        }
        defer { kill(child, SIGKILL) }
        try await end(child)
        try await other.expect("attach m", "error notFound")
        try await other.expect("sweep", "ok m")
      }
    }
  }

  @Test("A child whose limit has fallen below a number has the memory under another number")
  func numberAboveLimit() async throws {
    try await withEmptyDirectory { directory in
      try await withPrivateSharedMemory { place in
        try await place.withHelper { parent in
          #expect(try await parent.ask("occupyNumbers \(directory)/file")?.hasPrefix("ok") == true)
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("closeNumbers last=31", "ok 0")
          try await parent.expect("limitDescriptors 16", "ok 0")
          let child = try await fork(parent)
          try await expectSameBytes(parent)
          let file = try #require(FileNumber(at: place.path("m")))
          let use = try FileUse(of: file, in: child)
          #expect(use == FileUse(descriptors: [.init(isLeased: false)], mappings: ["rw-s"]))
          try await parent.expect("child takeLease", "ok ok ")
          try await parent.expect("close", "ok ")
          try place.expectNames(["m"])
          try await parent.expect("child close", "ok ok ")
          try place.expectNames([])
        }
      }
    }
  }

  @Test("A child keeps memory that no process may map for writing any more")
  func sealed() async throws {
    _ = try await withChildProcess(Places.helper) { parent in
      try await parent.expect("sealed 8192", "ok 8192")
      try await parent.expect("set 5000 1", "ok ")
      try await fork(parent)
      try await expectSameBytes(parent)
      try await parent.expect("child close", "ok ok ")
      try await parent.expect("get 5001", "ok 3")
    }
  }

  @Test(
    "A child that shares the locks of its parent does not take the parent's role",
    .enabled(if: geteuid() == 0, "needs root, to become another user"))
  func sharedRole() async throws {
    let name = uniqueName()
    let value = try SharedValue<InlineArray<8, UInt64>>.create(
      name, initialValue: InlineArray(repeating: 0), options: .whileAttached)
    _ = try await withChildProcess(Places.helper) { parent in
      try await parent.expect("value \(name)", "ok 64")
      try await parent.expect("store 1", "ok ")
      try await parent.expect("becomeUser 65534", "ok 0 0")
      try await fork(parent)
      try await parent.expect("child load", "ok ok 1")
      #expect(try await parent.ask("child store 2")?.hasPrefix("ok error system") == true)
      try await parent.expect("store 3", "ok ")
      try await parent.expect("child load", "ok ok 3")
      try await parent.expect("child closeValue", "ok ok ")
      // The parent still has the role.
      #expect(throws: InterprocessError.self) { try value.store(InlineArray(repeating: 4)) }
      try await parent.expect("closeValue", "ok ")
    }
  }

  /// Expects a child of a helper and the helper to see each other's writes.
  func expectSameBytes(
    _ parent: ChildProcess, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await parent.expect("set 5000 1", "ok ", sourceLocation: sourceLocation)
    try await parent.expect("child get 5000", "ok ok 1", sourceLocation: sourceLocation)
    try await parent.expect("child set 5000 2", "ok ok ", sourceLocation: sourceLocation)
    try await parent.expect("get 5000", "ok 2", sourceLocation: sourceLocation)
    try await parent.expect("set 5001 3", "ok ", sourceLocation: sourceLocation)
    try await parent.expect("child get 5001", "ok ok 3", sourceLocation: sourceLocation)
  }

  /// Kills a child of another process, and waits until it has ended.
  func end(_ child: pid_t) async throws {
    kill(child, SIGKILL)
    while let state = processState(child), state != "Z" {
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}

/// Makes an empty directory, which is removed afterwards.
private func withEmptyDirectory(_ body: (String) async throws -> Void) async throws {
  let path = FileManager.default.temporaryDirectory.appending(path: uniqueName()).path()
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try await body(path)
}
