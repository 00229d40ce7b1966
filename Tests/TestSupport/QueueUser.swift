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

package import Interprocess

/// Uses a queue by the same calls whether its sides are for one or for many: takes a role when it
/// first needs it.
package final class QueueUser<Element: Shareable>: @unchecked Sendable {
  // Sendable: only one thread or task at a time uses each side.

  package let queue: SharedQueue<Element>
  private var sender: SharedQueue<Element>.Sender?
  private var receiver: SharedQueue<Element>.Receiver?

  package init(_ queue: SharedQueue<Element>) { self.queue = queue }

  private func takeSender() throws(InterprocessError) -> Bool {
    guard queue.senderMultiplicity == .one else { return false }
    if sender == nil { sender = try queue.sender() }
    return true
  }

  private func takeReceiver() throws(InterprocessError) -> Bool {
    guard queue.receiverMultiplicity == .one else { return false }
    if receiver == nil { receiver = try queue.receiver() }
    return true
  }

  package func trySend(_ element: Element) throws(InterprocessError) -> Bool {
    try takeSender() ? try sender!.trySend(element) : try queue.trySend(element)
  }

  package func send(_ element: Element, timeout: Duration? = nil) throws(InterprocessError) {
    if try takeSender() {
      try sender!.send(element, timeout: timeout)
    } else {
      try queue.send(element, timeout: timeout)
    }
  }

  package func trySend(_ body: (inout Element) throws -> Void) throws -> Bool {
    try takeSender() ? try sender!.trySend(body) : try queue.trySend(body)
  }

  package func send(
    timeout: Duration? = nil, _ body: (inout Element) throws -> Void
  ) throws {
    if try takeSender() {
      try sender!.send(timeout: timeout, body)
    } else {
      try queue.send(timeout: timeout, body)
    }
  }

  package nonisolated(nonsending) func sendAsTask(
    timeout: Duration? = nil, _ body: (inout Element) throws -> Void
  ) async throws {
    if try takeSender() {
      try await sender!.send(timeout: timeout, body)
    } else {
      try await queue.send(timeout: timeout, body)
    }
  }

  package func send(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) throws -> Int {
    try takeSender()
      ? try sender!.send(count: count, timeout: timeout, body)
      : try queue.send(count: count, timeout: timeout, body)
  }

  package nonisolated(nonsending) func sendAsTask(
    count: Int, timeout: Duration? = nil, _ body: (inout Element, _ index: Int) throws -> Void
  ) async throws -> Int {
    try takeSender()
      ? try await sender!.send(count: count, timeout: timeout, body)
      : try await queue.send(count: count, timeout: timeout, body)
  }

  package nonisolated(nonsending) func sendAsTask(_ element: Element) async throws {
    if try takeSender() {
      try await sender!.send(element)
    } else {
      try await queue.send(element)
    }
  }

  package func send(
    contentsOf elements: Span<Element>, timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    try takeSender()
      ? try sender!.send(contentsOf: elements, timeout: timeout)
      : try queue.send(contentsOf: elements, timeout: timeout)
  }

  package func finish() throws(InterprocessError) {
    if let sender = sender.take() {
      sender.finish()
    } else {
      try queue.finish()
    }
  }

  package func tryReceive() throws(InterprocessError) -> Element? {
    try takeReceiver() ? try receiver!.tryReceive() : try queue.tryReceive()
  }

  package func receive(timeout: Duration? = nil) throws(InterprocessError) -> Element? {
    try takeReceiver()
      ? try receiver!.receive(timeout: timeout) : try queue.receive(timeout: timeout)
  }

  package nonisolated(nonsending) func receiveAsTask() async throws -> Element? {
    try takeReceiver() ? try await receiver!.receive() : try await queue.receive()
  }

  package func receive(
    upTo maximumCount: Int, into elements: inout [Element], timeout: Duration? = nil
  ) throws(InterprocessError) -> Int {
    try takeReceiver()
      ? try receiver!.receive(upTo: maximumCount, into: &elements, timeout: timeout)
      : try queue.receive(upTo: maximumCount, into: &elements, timeout: timeout)
  }

  package func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (Element) throws -> Result
  ) throws -> Result? {
    try takeReceiver()
      ? try receiver!.receive(timeout: timeout, acknowledging: body)
      : try queue.receive(timeout: timeout, acknowledging: body)
  }

  package func tryReceive(into element: inout Element) throws(InterprocessError) -> Bool {
    try takeReceiver()
      ? try receiver!.tryReceive(into: &element) : try queue.tryReceive(into: &element)
  }

  package func receive(
    into element: inout Element, timeout: Duration? = nil
  ) throws(InterprocessError) -> Bool {
    try takeReceiver()
      ? try receiver!.receive(into: &element, timeout: timeout)
      : try queue.receive(into: &element, timeout: timeout)
  }

  package nonisolated(nonsending) func receiveAsTask(
    into element: inout Element, timeout: Duration? = nil
  ) async throws -> Bool {
    try takeReceiver()
      ? try await receiver!.receive(into: &element, timeout: timeout)
      : try await queue.receive(into: &element, timeout: timeout)
  }

  package func receive(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) throws -> Int {
    try takeReceiver()
      ? try receiver!.receive(upTo: maximumCount, timeout: timeout, acknowledging: body)
      : try queue.receive(upTo: maximumCount, timeout: timeout, acknowledging: body)
  }

  package nonisolated(nonsending) func receiveAsTask(
    upTo maximumCount: Int, timeout: Duration? = nil, acknowledging body: (Element) throws -> Void
  ) async throws -> Int {
    try takeReceiver()
      ? try await receiver!.receive(upTo: maximumCount, timeout: timeout, acknowledging: body)
      : try await queue.receive(upTo: maximumCount, timeout: timeout, acknowledging: body)
  }
}

/// The same for a queue of bytes.
package final class ByteQueueUser: @unchecked Sendable {
  // Sendable: only one thread or task at a time uses each side.

  package let queue: SharedByteQueue
  private var sender: SharedByteQueue.Sender?
  private var receiver: SharedByteQueue.Receiver?

  package init(_ queue: SharedByteQueue) { self.queue = queue }

  private func takeSender() throws(InterprocessError) -> Bool {
    guard queue.senderMultiplicity == .one else { return false }
    if sender == nil { sender = try queue.sender() }
    return true
  }

  private func takeReceiver() throws(InterprocessError) -> Bool {
    guard queue.receiverMultiplicity == .one else { return false }
    if receiver == nil { receiver = try queue.receiver() }
    return true
  }

  package func trySend(
    byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
  ) throws -> Bool {
    try takeSender()
      ? try sender!.trySend(byteCount: byteCount, body)
      : try queue.trySend(byteCount: byteCount, body)
  }

  package func send(
    byteCount: Int, timeout: Duration? = nil, _ body: (inout MutableRawSpan) throws -> Void
  ) throws {
    if try takeSender() {
      try sender!.send(byteCount: byteCount, timeout: timeout, body)
    } else {
      try queue.send(byteCount: byteCount, timeout: timeout, body)
    }
  }

  package func send(_ bytes: RawSpan, timeout: Duration? = nil) throws {
    if try takeSender() {
      try sender!.send(bytes, timeout: timeout)
    } else {
      try queue.send(bytes, timeout: timeout)
    }
  }

  package nonisolated(nonsending) func sendAsTask(
    byteCount: Int, _ body: (inout MutableRawSpan) throws -> Void
  ) async throws {
    if try takeSender() {
      try await sender!.send(byteCount: byteCount, body)
    } else {
      try await queue.send(byteCount: byteCount, body)
    }
  }

  package func finish() throws(InterprocessError) {
    if let sender = sender.take() {
      sender.finish()
    } else {
      try queue.finish()
    }
  }

  package func tryReceive<Result>(_ body: (RawSpan) throws -> Result) throws -> Result? {
    try takeReceiver() ? try receiver!.tryReceive(body) : try queue.tryReceive(body)
  }

  package func receive<Result>(
    timeout: Duration? = nil, _ body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try takeReceiver()
      ? try receiver!.receive(timeout: timeout, body) : try queue.receive(timeout: timeout, body)
  }

  @_disfavoredOverload
  package func receive<Result>(
    timeout: Duration? = nil, acknowledging body: (RawSpan) throws -> Result
  ) throws -> Result? {
    try takeReceiver()
      ? try receiver!.receive(timeout: timeout, acknowledging: body)
      : try queue.receive(timeout: timeout, acknowledging: body)
  }

  package nonisolated(nonsending) func receiveAsTask<Result>(
    _ body: (RawSpan) throws -> Result
  ) async throws -> Result? {
    try takeReceiver() ? try await receiver!.receive(body) : try await queue.receive(body)
  }

  package func receive(timeout: Duration? = nil) throws -> [UInt8]? {
    try takeReceiver()
      ? try receiver!.receive(timeout: timeout) : try queue.receive(timeout: timeout)
  }
}
