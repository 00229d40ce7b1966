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

import FuzzSupport
import Interprocess

private let segment = Segment("message")

/// Attaches to the input as each kind of queue and as a topic, and passes messages through it.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
  segment.replace(with: UnsafeRawBufferPointer(start: start, count: count))
  for use in [{ try useQueue(byteCount: count) }, useByteQueue, useTopic] {
    expectBearableErrors(isEmpty: count == 0, use)
  }
  return 0
}

/// Runs code that may meet bytes which no process of this library would have written.
private func expectBearableErrors(isEmpty: Bool = false, _ body: () throws -> Void) {
  do {
    try body()
  } catch let error as InterprocessError {
    switch error.code {
    // An empty file has no size yet.
    case .invalidSize where isEmpty: break
    case .corrupted, .layoutMismatch, .unsupportedVersion, .wrongKind: break
    case .timedOut, .finished, .roleTaken, .limitReached: break
    default: fatalError("\(error)")
    }
  } catch {
    fatalError("\(error)")
  }
}

private func useQueue(byteCount: Int) throws {
  let queue = try SharedQueue<UInt64>.attach(segment.name)
  // Receives what the input holds, and sends more after it.
  for number in 0..<3 as Range<UInt64> {
    expectBearableErrors { _ = try queue.trySend(number) }
    expectBearableErrors { _ = try queue.tryReceive() }
  }
  // Forged counts can claim more messages than the capacity, but each place holds at most one.
  var numbers: [UInt64] = []
  expectBearableErrors { try queue.receive(upTo: 1000, into: &numbers, timeout: .zero) }
  precondition(numbers.count * 8 <= byteCount, "A message was received twice")
  expectBearableErrors { try queue.send(contentsOf: [1, 2, 3].span, timeout: .zero) }
  _ = queue.statistics
}

private func useByteQueue() throws {
  let queue = try SharedByteQueue.attach(segment.name)
  for byteCount in [0, 9, queue.maximumByteCount] where byteCount <= queue.maximumByteCount {
    expectBearableErrors {
      _ = try queue.trySend(byteCount: byteCount) { bytes in
        for offset in bytes.byteOffsets {
          bytes.storeBytes(of: 7, toByteOffset: offset, as: UInt8.self)
        }
      }
    }
    expectBearableErrors { _ = try queue.tryReceive(sum) }
    expectBearableErrors { _ = try queue.receive(timeout: .zero, acknowledging: sum) }
  }
  _ = queue.statistics
}

/// Reads all of a message.
private func sum(_ bytes: RawSpan) -> Int {
  bytes.byteOffsets.reduce(0) { $0 + Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) }
}

private func useTopic() throws {
  let topic = try SharedTopic<UInt64>.attach(segment.name)
  expectBearableErrors {
    var subscriber = try topic.subscriber()
    var publisher = try topic.publisher(overflow: .wait)
    for number in 0..<3 as Range<UInt64> {
      expectBearableErrors { try publisher.publish(number, timeout: .zero) }
      expectBearableErrors { try receive(&subscriber) }
    }
    expectBearableErrors {
      var loan = try publisher.loan(count: topic.maximumElementCount, timeout: .zero)
      loan[topic.maximumElementCount - 1] = 1
      try loan.publish()
    }
    expectBearableErrors { try receive(&subscriber) }
  }
  _ = topic.statistics
}

/// Holds two messages at once, and reads all of both.
private func receive(_ subscriber: inout SharedTopic<UInt64>.Subscriber) throws {
  guard let first = try subscriber.next(timeout: .zero) else { return }
  let second = try subscriber.latest()
  var sum: UInt64 = 0
  for index in 0..<first.count { sum &+= first[index] }
  if let second {
    for index in 0..<second.count { sum &+= second[index] }
  }
  withExtendedLifetime(sum) {}
}
