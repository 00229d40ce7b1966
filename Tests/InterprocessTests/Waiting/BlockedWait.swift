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
import Synchronization
import TestSupport
import Testing

/// A wait for something that another thread makes happen later.
struct BlockedWait: Sendable {
  var run: @Sendable (Duration) throws -> Void
  var runAsTask: (@Sendable (Duration) async throws -> Void)?
  var unblock: @Sendable () throws -> Void
  /// Removes what unblocking leaves if no call waits.
  var cleanUp: @Sendable () -> Void = {}
  /// Chooses how it waits; `nil` if there is no choice.
  var choose: (@Sendable (WaitStrategy) -> Void)?
}

/// Every call that waits.
enum Blocked: String, CaseIterable, Sendable {
  case attaching, attachingArray, attachingList, attachingValue, attachingQueue
  case word, socket
  case mutex, mutexRecovering, mutexUntil
  case reading, readingUntil, writing, writingRecovering, writingUntil
  case semaphore, event, eventAfter, barrier, atomic
  case receiving, receivingBatch, acknowledging, sending, sendingTurn, finishing
  case receivingInto, acknowledgingBatch, sendingInPlace
  case sender, receiver, receiverBatch, receiverAcknowledging
  case receiverInto, receiverAcknowledgingBatch, senderInPlace
  case byteSender, byteReceiver, byteReceiverAcknowledging
  case receivingBytes, acknowledgingBytes, sendingBytes
  case nextMessage, publishing, publishingBatch, lending
  case value, readOnlyValue
  case waitSet

  func make() throws -> BlockedWait {
    switch self {
    case .attaching, .attachingArray, .attachingList, .attachingValue, .attachingQueue:
      makeAttaching()
    case .word, .socket: try makeOfMemory()
    case .mutex, .mutexRecovering, .mutexUntil: try makeOfMutex()
    case .reading, .writing, .writingRecovering: try makeOfReadWriteLock()
    case .readingUntil, .writingUntil: try makeOfReadWriteCondition()
    case .semaphore, .event, .eventAfter, .barrier, .atomic: try makeOfSignal()
    case .receiving, .receivingBatch, .acknowledging, .sending, .sendingTurn, .finishing:
      try makeOfQueue()
    case .receivingInto, .acknowledgingBatch, .sendingInPlace: try makeInPlace(.many)
    case .sender, .receiver, .receiverBatch, .receiverAcknowledging: try makeOfRole()
    case .receiverInto, .receiverAcknowledgingBatch, .senderInPlace: try makeInPlace(.one)
    case .byteSender, .byteReceiver, .byteReceiverAcknowledging: try makeOfByteRole()
    case .receivingBytes, .acknowledgingBytes, .sendingBytes: try makeOfBytes()
    case .nextMessage, .publishing, .publishingBatch, .lending: try makeOfTopic()
    case .value, .readOnlyValue: try makeOfValue()
    case .waitSet: try makeOfWaitSet()
    }
  }

  func makeAttaching() -> BlockedWait {
    let name = uniqueName()
    var wait = makeAttaching(to: name)
    wait.cleanUp = { try? SharedMemory.unlink(name) }
    return wait
  }

  func makeAttaching(to name: String) -> BlockedWait {
    switch self {
    case .attachingArray:
      return BlockedWait {
        let array = try SharedArray<Int>.attach(name, waitingUpTo: $0)
        try array.unlink()
      } unblock: {
        _ = try SharedArray<Int>.create(name, count: 4)
      }
    case .attachingList:
      return BlockedWait {
        let list = try ShareableList.attach(name, waitingUpTo: $0)
        try list.unlink()
      } unblock: {
        _ = try ShareableList.create(name, [1])
      }
    case .attachingValue:
      return BlockedWait {
        let value = try SharedValue<Int>.attach(name, waitingUpTo: $0)
        try value.unlink()
      } unblock: {
        _ = try SharedValue.create(name, initialValue: 1)
      }
    case .attachingQueue:
      return BlockedWait {
        let queue = try SharedQueue<Int>.attach(name, waitingUpTo: $0)
        try queue.unlink()
      } unblock: {
        _ = try SharedQueue<Int>.create(name, capacity: 2)
      }
    default:
      return BlockedWait {
        let memory = try SharedMemory.attach(name, waitingUpTo: $0)
        try memory.unlink()
      } unblock: {
        _ = try SharedMemory.create(name, byteCount: 16)
      }
    }
  }

  func makeOfMemory() throws -> BlockedWait {
    if self == .socket {
      // If no process may receive the memory, sending would leave a name.
      let memory = Box(try SharedMemory.anonymous(byteCount: 16))
      let (near, far) = try socketPair()
      return BlockedWait {
        try SharedMemory.receive(over: near, timeout: $0).close()
      } unblock: {
        try memory.value.send(over: far, timeout: Duration(attoseconds: .max))
      }
    }
    let memory = Box(try SharedMemory.create(byteCount: 16, options: .whileAttached))
    return BlockedWait {
      try memory.value.wait(at: 0, while: 0, timeout: $0)
    } runAsTask: {
      try await memory.value.wait(at: 0, while: 0, timeout: $0)
    } unblock: {
      memory.value[atomic: UInt32.self, at: 0].store(1, ordering: .releasing)
      memory.value.wake(at: 0)
    }
  }
}

// What the calls need.
extension Blocked {
  /// A noncopyable value for closures, only one of which uses it at a time.
  final class Box<Value: ~Copyable>: @unchecked Sendable {
    // Sendable: only one closure uses it at a time.
    var value: Value
    init(_ value: consuming Value) { self.value = value }
  }

  /// A thread that holds something until it is asked to let go.
  final class Holder: Sendable {
    private let isHeld = DispatchSemaphore(value: 0)
    private let isOver = DispatchSemaphore(value: 0)
    private let hasEnded = DispatchSemaphore(value: 0)

    /// - Parameter body: Holds the object while it waits.
    init(_ body: @escaping @Sendable (_ wait: () -> Void) throws -> Void) {
      Thread.detachNewThread { [self] in
        do {
          try body {
            isHeld.signal()
            isOver.wait()
          }
        } catch {
          Issue.record("\(error)")
          isHeld.signal()
        }
        hasEnded.signal()
      }
      isHeld.wait()
    }

    func release() {
      isOver.signal()
      hasEnded.wait()
    }
  }
}
