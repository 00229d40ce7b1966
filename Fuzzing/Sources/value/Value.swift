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

private let segment = Segment("value")

/// Attaches to the input as values of several types, loads and stores.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
  segment.replace(with: UnsafeRawBufferPointer(start: start, count: count))
  use(1.5, count)
  use(InlineArray<20, UInt64>(repeating: 7), count)
  return 0
}

private func use<Value: Shareable>(_ value: Value, _ byteCount: Int) {
  do {
    let shared = try SharedValue<Value>.attach(segment.name)
    let version = shared.version
    _ = try shared.load()
    try shared.store(value)
    // This store may first have finished the last store of another writer.
    precondition((1...2).contains(shared.version - version), "A store is not the next version")
    _ = try shared.load()
  } catch {
    // An empty file has no size yet; any other input is not a value, or has another type.
    switch error.code {
    case .invalidSize where byteCount == 0: break
    case .corrupted, .layoutMismatch, .unsupportedVersion, .wrongKind: break
    default: fatalError("\(error)")
    }
  }
}
