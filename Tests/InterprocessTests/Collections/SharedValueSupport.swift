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

@testable import Interprocess

// Support for the tests of shared values.

/// A handle that several tasks use.
final class SharedValueHandle<Value: Shareable>: Sendable {
  let shared: SharedValue<Value>

  init(_ shared: consuming SharedValue<Value>) { self.shared = shared }
}

/// Loads a value, where a macro would copy the handle.
func load<Value>(
  _ value: borrowing SharedValue<Value>
) throws(InterprocessError) -> Value {
  try value.load()
}

/// The version, where a macro would copy the handle.
func version<Value>(_ value: borrowing SharedValue<Value>) -> UInt64 { value.version }
