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

import Interprocess

// The forms for threads, where the compiler would choose those for tasks.

func send<Element>(
  _ queue: SharedQueue<Element>, _ element: Element, timeout: Duration? = nil
) throws {
  try queue.send(element, timeout: timeout)
}

func receive<Element>(
  _ queue: SharedQueue<Element>, timeout: Duration? = nil
) throws -> Element? {
  try queue.receive(timeout: timeout)
}

func send(
  _ queue: SharedByteQueue, _ message: [UInt8], timeout: Duration? = .seconds(30)
) throws {
  try queue.send(message.span.bytes, timeout: timeout)
}

func receive(
  _ queue: SharedByteQueue, timeout: Duration? = .seconds(30)
) throws -> [UInt8]? {
  try queue.receive(timeout: timeout)
}
