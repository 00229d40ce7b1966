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
import SystemPackage
import TestFork
import TestSupport
import Testing

@Suite("Passing memory in a task", .timeLimit(.minutes(2)))
struct TaskPassingTests {
  private static func expectCancelled<Value>(_ task: Task<Value, any Error>) async {
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
  }

  /// Expects a task to receive memory while another one waits in vain, and then cancels that.
  private static func expectMemory(
    over sockets: (here: FileDescriptor, there: FileDescriptor),
    whileWaiting first: Task<Int, any Error>
  ) async throws {
    let second = Task { try await SharedMemory.receive(over: sockets.there).byteCount }
    try await Task.sleep(for: .milliseconds(30))
    try await SharedMemory.anonymous(byteCount: 5).send(over: sockets.here)
    // The memory would be found at the end of a time-out.
    let patience = Task {
      try await Task.sleep(for: .seconds(30))
      second.cancel()
    }
    #expect(try await second.value == 5)
    patience.cancel()
    await expectCancelled(first)
  }

  @Test("More tasks wait for memory than there are threads, and each gets its own")
  func manyReceivers() async throws {
    let pairs = try (0..<50).map { _ in try socketPair() }
    let receivers = pairs.map { pair in
      Task { try await SharedMemory.receive(over: pair.1, timeout: .seconds(60)).byteCount }
    }
    try await Task.sleep(for: .milliseconds(20))
    for (index, pair) in pairs.enumerated().reversed() {
      try await SharedMemory.anonymous(byteCount: index + 1).send(over: pair.0)
    }
    for (index, receiver) in receivers.enumerated() {
      #expect(try await receiver.value == index + 1)
    }
    for pair in pairs {
      try pair.0.close()
      try pair.1.close()
    }
  }

  @Test("A later caller does not wait for the memory of a task that already waits")
  func newcomer() async throws {
    let (idle, idlePeer) = try socketPair()
    let (here, there) = try socketPair()
    let first = Task { try await SharedMemory.receive(over: idle).byteCount }
    try await Task.sleep(for: .milliseconds(30))
    try await Self.expectMemory(over: (here, there), whileWaiting: first)
    for socket in [idle, idlePeer, here, there] { try socket.close() }
  }

  @Test("More tasks wait for room than there are threads, and each sends when there is some")
  func manySenders() async throws {
    let pairs = try (0..<50).map { _ in try socketPair() }
    let messageCounts = pairs.map { fill($0.0) }
    let senders = pairs.map { pair in
      Task {
        try await SharedMemory.anonymous(byteCount: 7).send(over: pair.0, timeout: .seconds(60))
      }
    }
    try await Task.sleep(for: .milliseconds(20))
    for (pair, messageCount) in zip(pairs, messageCounts) {
      drain(pair.1, messageCount: messageCount)
    }
    for (pair, sender) in zip(pairs, senders) {
      try await sender.value
      let received = try await SharedMemory.receive(over: pair.1, timeout: .seconds(30)).byteCount
      #expect(received == 7)
      try pair.0.close()
      try pair.1.close()
    }
  }

  @Test("A task waits for the rest of a message")
  func lateRest() async throws {
    try await expectLateRest { socket in
      Task { try await SharedMemory.receive(over: socket, timeout: .seconds(60)).byteCount }
    }
  }

  @Test("A cancelled task has received nothing, and the next one gets the memory")
  func cancelledReceiver() async throws {
    let (here, there) = try socketPair()
    let receiver = Task { try await SharedMemory.receive(over: there).byteCount }
    try await Task.sleep(for: .milliseconds(20))
    await Self.expectCancelled(receiver)
    try await SharedMemory.anonymous(byteCount: 9).send(over: here)
    await Self.expectCancelled(
      Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await SharedMemory.receive(over: there).byteCount
      })
    let byteCount = try await SharedMemory.receive(over: there, timeout: .seconds(30)).byteCount
    #expect(byteCount == 9)
    try here.close()
    try there.close()
  }

  @Test("A cancelled task has sent nothing")
  func cancelledSender() async throws {
    let (here, there) = try socketPair()
    let messageCount = fill(here)
    let sender = Task {
      try await SharedMemory.anonymous(byteCount: 7).send(over: here, timeout: .seconds(60))
    }
    try await Task.sleep(for: .milliseconds(20))
    await Self.expectCancelled(sender)
    drain(there, messageCount: messageCount)
    setNonBlocking(there)
    let error = await #expect(throws: InterprocessError.self) {
      _ = try await SharedMemory.receive(over: there)
    }
    #expect(error?.code == .system(.resourceTemporarilyUnavailable))
    try here.close()
    try there.close()
  }

  @Test("A time-out ends the wait for a message and for room, even in the middle of a message")
  func timeouts() async throws {
    let (here, there) = try socketPair()
    let memory = try SharedMemory.anonymous(byteCount: 8)
    let descriptor = try memory.makeFileDescriptor()
    for timeout: Duration in [.zero, .milliseconds(30)] {
      #expect(
        await taskErrorCode { _ = try await SharedMemory.receive(over: there, timeout: timeout) }
          == .timedOut)
    }
    try pass([descriptor.rawValue], with: Array(goodMessage.prefix(100)), over: here.rawValue)
    for timeout: Duration in [.zero, .milliseconds(30)] {
      #expect(
        await taskErrorCode { _ = try await SharedMemory.receive(over: there, timeout: timeout) }
          == .timedOut)
    }
    fill(here)
    let full = try SharedMemory.anonymous(byteCount: 8)
    for timeout: Duration in [.zero, .milliseconds(30)] {
      #expect(
        await taskErrorCode { try await full.send(over: here, timeout: timeout) } == .timedOut)
    }
    #expect(
      await taskErrorCode { try await full.send(over: here) }
        == .system(.resourceTemporarilyUnavailable))
    try here.close()
    try there.close()
  }

  @Test("Tasks that wake for a message which another task took sleep again")
  func toldInVain() async {
    await #expect(processExitsWith: .success) {
      let (here, there) = try socketPair()
      let receivers = (1...20).map { _ in
        Task { try await SharedMemory.receive(over: there, timeout: .seconds(60)).byteCount }
      }
      try await Task.sleep(for: .milliseconds(500))
      // All of them wake.
      try await SharedMemory.anonymous(byteCount: 1).send(over: here)
      try await Task.sleep(for: .milliseconds(500))
      let before = clock()
      try await Task.sleep(for: .seconds(2))
      let used = Double(clock() - before) / Double(CLOCKS_PER_SEC)
      #expect(used < 0.2, "The tasks that wait used \(used) s of a processor")
      for byteCount in 2...20 {
        try await SharedMemory.anonymous(byteCount: byteCount).send(over: here)
      }
      var byteCounts: [Int] = []
      for receiver in receivers { byteCounts.append(try await receiver.value) }
      #expect(byteCounts.sorted() == Array(1...20))
      try here.close()
      try there.close()
    }
  }

  @Test("The end of the connection ends the wait")
  func closedPeer() async throws {
    let (here, there) = try socketPair()
    let receiver = Task { try await SharedMemory.receive(over: there).byteCount }
    try await Task.sleep(for: .milliseconds(20))
    try here.close()
    let error = await #expect(throws: InterprocessError.self) { _ = try await receiver.value }
    #expect(error?.code == .system(Errno(rawValue: ENOMSG)))
    try there.close()
  }

  @Test("Tasks also wait where the polling thread gets no descriptors")
  func noDescriptor() async {
    await #expect(processExitsWith: .success) {
      let (here, there) = try socketPair()
      let before = try Self.sockets()
      // Not by using them up: Dispatch, which runs the tasks, ends a process when it finds none to
      // look into `/proc` with, as it does every now and then.
      precondition(ipctest_deny("socketpair", EMFILE) == 0, "The system refuses to refuse it")
      let receiver = Task {
        try await SharedMemory.receive(over: there, timeout: .seconds(60)).byteCount
      }
      try await Task.sleep(for: .milliseconds(50))
      #expect(try Self.sockets() == before)
      try await SharedMemory.anonymous(byteCount: 16).send(over: here)
      #expect(try await receiver.value == 16)
    }
  }

  @Test("When no task waits any more, no descriptor is left")
  func nothingLeft() async {
    await #expect(processExitsWith: .success) {
      let (here, there) = try socketPair()
      func socketCount() throws -> Int { try Self.sockets().count }
      let before = try socketCount()
      let receiver = Task { try await SharedMemory.receive(over: there).byteCount }
      let end = ContinuousClock.now + .seconds(30)
      while try socketCount() == before, .now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(try socketCount() == before + 2)
      await Self.expectCancelled(receiver)
      while try socketCount() > before, .now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(try socketCount() == before)
      try here.close()
      try there.close()
    }
  }

  @Test(
    "A program that closes all descriptors while tasks wait keeps later ones, and no task hangs")
  func closedDescriptors() async {
    await #expect(processExitsWith: .success) {
      let (idle, idlePeer) = try socketPair()
      let (here, there) = try socketPair()
      let (mine, peer) = try socketPair()
      let before = try Self.sockets()
      let first = Task { try await SharedMemory.receive(over: idle).byteCount }
      let end = ContinuousClock.now + .seconds(30)
      while try Self.sockets().count < before.count + 2, .now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      // As after `closefrom`, the numbers now belong to others.
      let numbers = try Self.sockets().subtracting(before).sorted()
      #expect(numbers.count == 2)
      for socket in [mine, peer] { #expect(write(socket.rawValue, "x", 1) == 1) }
      #expect(dup2(mine.rawValue, numbers[0]) >= 0 && dup2(peer.rawValue, numbers[1]) >= 0)
      try await Self.expectMemory(over: (here, there), whileWaiting: first)
      var bytes = [UInt8](repeating: 0, count: 8)
      for socket in [mine, peer] {
        #expect(recv(socket.rawValue, &bytes, 8, CInt(MSG_DONTWAIT)) == 1)
      }
      for socket in [idlePeer, here] { try socket.close() }
    }
  }

  /// The numbers of this process's sockets.
  private static func sockets() throws -> Set<CInt> {
    var found: Set<CInt> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      let target = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/self/fd/\(name)")
      if target?.hasPrefix("socket:") == true { found.insert(CInt(name)!) }
    }
    return found
  }
}
