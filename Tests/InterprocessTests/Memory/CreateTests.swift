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
import TestSupport
import Testing

@Suite("Creating")
struct CreateTests {
  @Test("A created segment is zeroed and has the size that was asked for")
  func zeroed() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 1024)
    #expect(memory.name == name)
    memory.storeBytes(of: 2.5, toByteOffset: 8, as: Double.self)
    let v = memory.load(fromByteOffset: 8, as: Double.self)
    #expect(v == 2.5)
    try memory.unlink()
  }
}
