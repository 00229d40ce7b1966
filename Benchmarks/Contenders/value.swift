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

// contender: name="Interprocess SharedValue" group=value mode=alone
// contender: name="Interprocess SharedValue, two processes" group=messages mode=handover

import Harness
import Interprocess
import Synchronization

@main
struct Value {
  static func main() throws {
    Harness.begin()
    if Harness.mode == "alone" {
      Harness.pin()
      try alone(UInt64.self)
      try alone(Message64.self)
      try alone(Message1024.self)
      try alone(Message4096.self)
    } else {
      try handOver(UInt64.self)
      try handOver(Message64.self)
      try handOver(Message1024.self)
      try handOver(Message4096.self)
    }
  }

  /// Storing and loading in one process, compared with plain memory, which promises nothing.
  static func alone<Payload: Numbered>(_ type: Payload.Type) throws {
    let size = MemoryLayout<Payload>.size
    func row(_ contender: String, _ what: String) -> Case {
      Case(contender, test: "value", what, size: size)
    }
    let payload = Payload(number: 7)
    let count = 100

    let plain = UnsafeMutablePointer<Payload>.allocate(capacity: 1)
    defer { plain.deallocate() }
    row("unsafe pointer", "store").measure(operationCount: count) {
      for _ in 0..<count {
        plain.pointee = payload
        Harness.touchMemory()
      }
    }
    row("unsafe pointer", "load").measure(operationCount: count) {
      for _ in 0..<count {
        Harness.touchMemory()
        let copy = plain.pointee
        withUnsafePointer(to: copy) { Harness.keep(UInt64(UInt(bitPattern: $0))) }
      }
    }

    if size == 8 {
      let atomic = Own()
      row("Synchronization.Atomic", "load").measure(operationCount: count) {
        for _ in 0..<count {
          Harness.touchMemory()
          let copy = atomic.atomic.load(ordering: .acquiring)
          withUnsafePointer(to: copy) { Harness.keep(UInt64(UInt(bitPattern: $0))) }
        }
      }
    }
    let value = try SharedValue.create(nil, initialValue: payload)
    try value.unlink()
    row("Interprocess SharedValue", "store").measure(operationCount: count) {
      for _ in 0..<count { try value.store(payload) }
    }
    row("Interprocess SharedValue", "load").measure(operationCount: count) {
      for _ in 0..<count {
        let copy = try value.load()
        withUnsafePointer(to: copy) { Harness.keep(UInt64(UInt(bitPattern: $0))) }
      }
    }
  }

  /// There through one value, and back through another.
  static func handOver<Payload: Numbered>(_ type: Payload.Type) throws {
    let size = MemoryLayout<Payload>.size
    let there = try SharedValue.create("benchmark-there", initialValue: Payload(number: 0))
    let back = try SharedValue.create("benchmark-back", initialValue: Payload(number: 0))
    Case("Interprocess SharedValue", test: "pingpong", size: size, wait: .spinning).measureRoundTrip
    {
      run in
      let there = try SharedValue<Payload>.attach("benchmark-there")
      let back = try SharedValue<Payload>.attach("benchmark-back")
      run { number in
        try there.store(Payload(number: number))
        while true {
          let answer = try back.load().number
          if answer == number { return answer }
        }
      }
    } server: { run in
      let there = try SharedValue<Payload>.attach("benchmark-there")
      let back = try SharedValue<Payload>.attach("benchmark-back")
      var next: UInt64 = 1
      run {
        while true {
          let payload = try there.load()
          if payload.number == next {
            try back.store(payload)
            next += 1
            return
          }
        }
      }
    }
    try there.unlink()
    try back.unlink()
  }
}

/// An atomic integer where a program usually has one.
final class Own: Sendable {
  let atomic = Atomic<UInt64>(0)
}
