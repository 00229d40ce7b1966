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
import SystemPackage
import TestSupport
import Testing

@Suite("Attach", .timeLimit(.minutes(5)))
struct AttachTests {
  @Test("Two processes see the same bytes, in both directions")
  func twoProcesses() async throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 1024)
    memory[0] = 1
    memory.storeBytes(of: 2.5, toByteOffset: 8, as: Double.self)
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("attach \(name)", "ok 1024")
      try await helper.expect("get 0", "ok 1")
      try await helper.expect("getDouble 8", "ok 2.5")
      try await helper.expect("set 1 2", "ok ")
      try await helper.expect("setDouble 16 -0.25", "ok ")
      try await helper.expect("close", "ok ")
    }
    #expect(status == .exited(0))
    let (byte, double) = (memory[1], memory.load(fromByteOffset: 16, as: Double.self))
    #expect(byte == 2)
    #expect(double == -0.25)
    try memory.unlink()
  }

  @Test("The memory outlives its creator, under its name, until it is unlinked")
  func outlivesCreator() async throws {
    let name = uniqueName()
    _ = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("create \(name) 16", "ok \(name)")
      try await helper.expect("set 5 55", "ok ")
    }
    let memory = try SharedMemory.attach(name)
    let (value, isCreator) = (memory[5], memory.isCreator)
    #expect(value == 55)
    #expect(!isCreator)
    try memory.unlink()
    #expect(!exists(name))
  }

  @Test("A missing name is an error that says what to do")
  func missing() throws {
    let name = uniqueName()
    let error = try #require(throws: InterprocessError.self) { _ = try SharedMemory.attach(name) }
    #expect(error.code == .notFound)
    #expect(error.errno == .noSuchFileOrDirectory)
    #expect(
      error.description
        == "No shared memory named \"\(name)\". Has the process that creates it started?")
  }

  @Test("Read-only memory shows changes")
  func readOnly() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(
      name, byteCount: 16, options: SegmentOptions(permissions: .ownerReadWrite))
    let reader = try SharedMemory.attach(name, access: .readOnly)
    memory[2] = 9
    let (value, access) = (reader[2], reader.access)
    #expect(value == 9)
    #expect(access == .readOnly)
    try memory.unlink()
  }

  @Test("Every way to write to read-only memory is a failed precondition", arguments: 0..<4)
  func writingToReadOnly(way: Int) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      [way] in
      let memory = try SharedMemory.create(byteCount: 16)
      var reader = try SharedMemory.attach(memory.name, access: .readOnly)
      try memory.unlink()
      switch way {
      case 0: reader[0] = 1
      case 1: reader.storeBytes(of: 1, as: Int.self)
      case 2: reader.withMutableBytes { $0.storeBytes(of: 1, as: UInt8.self) }
      default: reader.withMutableSpan(of: UInt8.self) { $0[0] = 1 }
      }
    }
    #expect(result.says("This shared memory is attached read-only"))
  }

  // MARK: - Waiting

  @Test("Waiting ends as soon as the memory exists")
  func waiting() async throws {
    let name = uniqueName()
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.send("attach \(name) wait=60")
      try await Task.sleep(for: .milliseconds(100))
      let memory = try SharedMemory.create(name, byteCount: 77)
      try await helper.expectNext("ok 77")
      try memory.unlink()
    }
    #expect(status == .exited(0))
  }

  @Test("A wait in vain ends when its time is over, and not before", arguments: [0.0, 0.2])
  func waitingInVain(seconds: Double) throws {
    let name = uniqueName()
    let start = SuspendingClock.now
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attach(name, waitingUpTo: .seconds(seconds))
    }
    #expect(error.code == .timedOut)
    #expect(error.description.hasPrefix("No shared memory named \"\(name)\" after"))
    #expect(SuspendingClock.now - start >= .seconds(seconds))
  }

  @Test("A wait also waits for the size, which CPython sets a moment after the name")
  func waitingForSize() async throws {
    let name = uniqueName()
    try makeFile(name)
    let immediate = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attach(name)
    }
    #expect(immediate.code == .invalidSize)
    #expect(immediate.description.contains("is still empty"))
    let late = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attach(name, waitingUpTo: .milliseconds(50))
    }
    #expect(late.code == .timedOut)
    #expect(late.description.contains("was still empty"))
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.send("attach \(name) wait=60")
      try await Task.sleep(for: .milliseconds(100))
      #expect(truncate(path(name), 33) == 0)
      try await helper.expectNext("ok 33")
    }
    #expect(status == .exited(0))
    try SharedMemory.unlink(name)
  }

  @Test(
    "The expected change wakes a waiter, which needs no other event",
    arguments: [
      ": > /dev/shm/x; truncate -s 33 /dev/shm/x",
      "truncate -s 33 /dev/shm/y; sleep 0.2; mv /dev/shm/y /dev/shm/x",
    ])
  func woken(creation: String) async throws {
    // No other process uses this /dev/shm, so that no other event wakes the waiter; the test ends
    // it long before its time-out, after which it would look once more.
    let outcome = try await runWithPrivateSharedMemory(
      "size=1m", "sh",
      ["-c", "(sleep 0.3; \(creation)) & echo attach x wait=60 | timeout 30 $0", Places.helper])
    #expect(outcome.output == "ok 33\n")
  }

  @Test(
    "A time-out of any length is possible", arguments: [Duration.seconds(Int64.max), .seconds(-1)])
  func extremeTimeouts(timeout: Duration) throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    let other = try SharedMemory.attach(name, waitingUpTo: timeout)
    let byteCount = other.byteCount
    #expect(byteCount == 16)
    try memory.unlink()
  }

  // MARK: - What is not shared memory

  @Test("Odd files are refused with a clear error", arguments: OddFile.allCases)
  func oddFiles(file: OddFile) throws {
    let name = uniqueName()
    try file.make(name)
    defer { file.remove(name) }
    for access in [SharedMemory.Access.readOnly, .readWrite] {
      let error = try #require(throws: InterprocessError.self) {
        _ = try SharedMemory.attach(name, access: access)
      }
      #expect(error.code == .wrongKind(expected: "shared memory", found: file.words))
      #expect(error.description == "\"\(name)\" is \(file.words), not shared memory.")
      let waited = try #require(throws: InterprocessError.self) {
        _ = try SharedMemory.attach(name, access: access, waitingUpTo: .seconds(60))
      }
      #expect(waited.code == error.code)
    }
    let created = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.create(name, byteCount: 16)
    }
    #expect(created.code == .alreadyExists)
    let either = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attachOrCreate(name, byteCount: 16)
    }
    #expect(either.code == .wrongKind(expected: "shared memory", found: file.words))
  }

  enum OddFile: CaseIterable {
    case directory, fifo, symbolicLink, danglingLink, socket

    var words: String {
      switch self {
      case .directory: "a directory"
      case .fifo: "a FIFO"
      case .symbolicLink, .danglingLink: "a symbolic link"
      case .socket: "a socket"
      }
    }

    func make(_ name: String) throws {
      switch self {
      case .directory: #expect(mkdir(path(name), 0o700) == 0)
      case .fifo: #expect(mkfifo(path(name), 0o600) == 0)
      case .symbolicLink: #expect(symlink("/etc/hostname", path(name)) == 0)
      case .danglingLink: #expect(symlink("nowhere", path(name)) == 0)
      case .socket: #expect(close(listen(at: path(name))) == 0)
      }
    }

    func remove(_ name: String) {
      #expect(self == .directory ? rmdir(path(name)) == 0 : unlink(path(name)) == 0)
    }
  }

  // MARK: - Users

  @Test(
    "Another user's memory is refused unless the caller allows it",
    .enabled(if: geteuid() == 0, "needs root, to make a file of another user"))
  func foreignOwner() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 16)
    #expect(chown(path(name), 65534, 65534) == 0)
    let error = try #require(throws: InterprocessError.self) { _ = try SharedMemory.attach(name) }
    #expect(error.code == .foreignOwner)
    #expect(error.description.contains("belongs to user 65534"))
    let either = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attachOrCreate(name, byteCount: 16)
    }
    #expect(either.code == .foreignOwner)
    let attached = try SharedMemory.attach(name, owner: .anyone)
    let byteCount = attached.byteCount
    #expect(byteCount == 16)
    try memory.unlink()
  }

  @Test(
    "Permissions are kept, and root's memory is accepted",
    .enabled(if: geteuid() == 0, "needs root, to become another user"))
  func permissions() async throws {
    let names = [uniqueName("closed"), uniqueName("readable"), uniqueName("open")]
    let modes: [UInt32] = [0o600, 0o644, 0o666]
    for (name, mode) in zip(names, modes) {
      _ = try SharedMemory.create(
        name, byteCount: 16, options: SegmentOptions(permissions: .init(rawValue: mode)))
    }
    let (status, _) = try await withChildProcess(Places.helper) { helper in
      try await helper.expect("becomeUser 65534", "ok 0 0")
      try await helper.expect("attach \(names[0])", "error permissionDenied")
      try await helper.expect("attach \(names[0]) readOnly", "error permissionDenied")
      try await helper.expect("attach \(names[1])", "error permissionDenied")
      try await helper.expect("attach \(names[1]) readOnly", "ok 16")
      try await helper.expect("attach \(names[2])", "ok 16")
      // The directory is sticky: only the owner of a file may remove its name.
      try await helper.expect("unlink", "error permissionDenied")
      try await helper.expect("unlinkName \(names[0])", "error permissionDenied")
    }
    #expect(status == .exited(0))
    for name in names { try SharedMemory.unlink(name) }
  }
}
