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

// Leases that a child takes, as a daemon does.
extension ForkTests {
  @Test(
    "A child that has taken a lease keeps the name, however its parent ends",
    arguments: ["kill", "exit", "_exit", "close"])
  func takesLease(end: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, child) = try await place.withChildProcess(Places.helper) { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("takeLease", "ok ")
          let child = try await fork(parent, "outliving")
          try await parent.expect("child takeLease", "ok ok ")
          try await parent.expect("child takeLease", "ok ok ")
          let file = try #require(FileNumber(at: place.path("m")))
          for processID in [parent.processID, child] {
            let use = try FileUse(of: file, in: processID)
            #expect(use == FileUse(descriptors: [.init()], mappings: ["rw-s"]))
          }
          try await parent.expect("child set 0 7", "ok ok ")
          switch end {
          case "kill": break
          case "close": try await parent.expect("close", "ok ")
          default: try await parent.send(end)
          }
          if end == "exit" || end == "_exit" { #expect(try await parent.nextLine() == nil) }
          try? parent.kill()
          return child
        }
        defer { kill(child, SIGKILL) }
        try await other.expect("sweep", "ok ")
        try await other.expect("attach m", "ok 8192")
        try await other.expect("get 0", "ok 7")
        try await other.expect("close", "ok ")
        try place.expectNames(["m"])
        // It is a lease like any other.
        try await self.end(child)
        try await other.expect("attach m", "error notFound")
        try await other.expect("sweep", "ok m")
      }
    }
  }

  @Test(
    "A child whose parent has already ended revives the memory",
    arguments: ["readWrite", "readOnly"])
  func revives(access: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, child) = try await place.withChildProcess(Places.helper) { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("set 0 7", "ok ")
          if access == "readOnly" { try await parent.expect("attach m readOnly", "ok 8192") }
          let child = try await fork(parent, "reviving")
          try await parent.expect("child get 0", "ok ok 7")
          try parent.kill()
          return child
        }
        defer { kill(child, SIGKILL) }
        try await attachSoon(other)
        try await other.expect("get 0", "ok 7")
        try await other.expect("close", "ok ")
        try await other.expect("sweep", "ok ")
        let file = try #require(FileNumber(at: place.path("m")))
        let use = try FileUse(of: file, in: child)
        #expect(use.descriptors == [.init(isWritable: access == "readWrite")])
        try await end(child)
        try await other.expect("sweep", "ok m")
      }
    }
  }

  @Test("A daemon that has forked twice revives the memory of its grandparent")
  func forksTwice() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, daemon) = try await place.withChildProcess(Places.helper) { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("set 0 7", "ok ")
          try await fork(parent)
          let answer = try #require(try await parent.ask("child fork reviving"))
          try await parent.expect("child child get 0", "ok ok ok 7")
          try parent.kill()
          return try #require(pid_t(answer.dropFirst("ok ok ".count)))
        }
        defer { kill(daemon, SIGKILL) }
        try await attachSoon(other)
        try await other.expect("get 0", "ok 7")
        try await other.expect("close", "ok ")
        try place.expectNames(["m"])
        try await end(daemon)
        try await other.expect("sweep", "ok m")
      }
    }
  }

  @Test("In a family of orphans and sweepers, no process loses memory that it has a lease on")
  func revivalRace() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        for round in 0..<20 {
          var children: [pid_t] = []
          defer { for child in children { kill(child, SIGKILL) } }
          _ = try await place.withChildProcess(Places.helper) { parent in
            try await parent.expect("create m 8192 temporary", "ok m")
            try await parent.expect("set 0 \(round)", "ok ")
            for _ in 0..<4 {
              children.append(try await fork(parent, "reviving"))
              // A child that has not run yet would keep its parent's lease for a while.
              try await parent.expect("child get 0", "ok ok \(round)")
            }
            try parent.kill()
            // From the moment when its lease is gone.
            for _ in 0..<10 { try await other.expect("sweep", "ok ") }
          }
          try await attachSoon(other)
          try await other.expect("get 0", "ok \(round)")
          try await other.expect("close", "ok ")
          // Each of them holds a lease.
          let file = try #require(FileNumber(at: place.path("m")))
          for child in children {
            let deadline = SuspendingClock.now + .seconds(60)
            while try FileUse(of: file, in: child).descriptors != [.init()] {
              try #require(SuspendingClock.now < deadline)
              try await Task.sleep(for: .milliseconds(1))
            }
          }
          while let child = children.popLast() { try await end(child) }
          try await other.expect("sweep", "ok m")
        }
      }
    }
  }

  @Test("A child takes no lease on memory whose name is gone, and leaves a successor alone")
  func nameGone() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 8192 temporary", "ok m")
        try await parent.expect("set 0 7", "ok ")
        try await fork(parent)
        try await parent.expect("unlink", "ok ")
        // While the parent holds its lease, and afterwards.
        try await parent.expect("child takeLease", "ok error notFound")
        try await parent.expect("close", "ok ")
        try await parent.expect("child takeLease", "ok error notFound")
        try await parent.expect("create m 16 temporary", "ok m")
        try await parent.expect("child takeLease", "ok error notFound")
        try await parent.expect("child get 0", "ok ok 7")
        try await parent.expect("child close", "ok ok ")
        try place.expectNames(["m"])
        try await parent.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test(
    "A child takes a lease on memory whose name stays, or that has none",
    arguments: ["create m 8192 lasting", "anonymous 8192"])
  func takesOtherLease(command: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        #expect(try await parent.ask(command)?.hasPrefix("ok") == true)
        try await fork(parent)
        try await parent.expect("child takeLease", "ok ok ")
        try await expectSameBytes(parent)
      }
    }
  }

  @Test("A daemon that closes all unknown descriptors can still take a lease")
  func closesNumbersFirst() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (_, child) = try await place.withChildProcess(Places.helper) { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          let child = try await fork(parent, "outliving")
          try await parent.expect("child closeNumbers", "ok ok 0")
          try await expectSameBytes(parent)
          try await parent.expect("child takeLease", "ok ok ")
          try await expectSameBytes(parent)
          // The memory keeps the lease, whatever happens to the number.
          try await parent.expect("child closeNumbers", "ok ok 0")
          try await parent.expect("child takeLease", "ok ok ")
          try parent.kill()
          return child
        }
        defer { kill(child, SIGKILL) }
        try await other.expect("attach m", "ok 8192")
        try await other.expect("get 5001", "ok 3")
        try await other.expect("close", "ok ")
        try await end(child)
        try await other.expect("sweep", "ok m")
      }
    }
  }

  @Test("Handles of every type take leases")
  func everyType() throws {
    let names = (0..<12).map { _ in uniqueName() }
    // In a process that has not forked this call does nothing; other tests check its effect on
    // memory.
    try SharedArray<Double>.create(names[0], count: 4, options: .whileAttached).takeLease()
    try ShareableList.create(names[1], [1], options: .whileAttached).takeLease()
    try SharedValue<Int>.create(names[2], initialValue: 1, options: .whileAttached).takeLease()
    try SharedMutex<Int>.create(names[3], initialValue: 1, options: .whileAttached).takeLease()
    try SharedReadWriteLock<Int>.create(names[4], initialValue: 1, options: .whileAttached)
      .takeLease()
    try SharedSemaphore.create(names[5], permitCount: 1, options: .whileAttached).takeLease()
    try SharedEvent.create(names[6], options: .whileAttached).takeLease()
    try SharedBarrier.create(names[7], partyCount: 1, options: .whileAttached).takeLease()
    try SharedAtomic<UInt64>.create(names[8], initialValue: 1, options: .whileAttached)
      .takeLease()
    try SharedQueue<Int>.create(names[9], capacity: 4, options: .whileAttached).takeLease()
    try SharedByteQueue.create(
      names[10], byteCapacity: 4096, maximumByteCount: 64, options: .whileAttached
    ).takeLease()
    try SharedTopic<Int>.create(names[11], options: .whileAttached).takeLease()
    for name in names { #expect(!exists(name)) }
  }

  /// Attaches to memory that another process is about to revive.
  private func attachSoon(
    _ helper: ChildProcess, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let deadline = SuspendingClock.now + .seconds(60)
    while try await helper.ask("attach m") != "ok 8192" {
      try #require(SuspendingClock.now < deadline, sourceLocation: sourceLocation)
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}
