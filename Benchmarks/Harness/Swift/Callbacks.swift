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

// Passes closures through the functions in C and back.

/// A closure that C calls.
final class Callback {
  let body: () throws -> Void

  init(_ body: @escaping () throws -> Void) { self.body = body }
}

/// Passes a closure to C for the time of a call.
func withContext(of body: () throws -> Void, _ use: (UnsafeMutableRawPointer) -> Void) {
  withoutActuallyEscaping(body) { body in
    let callback = Callback(body)
    use(Unmanaged.passUnretained(callback).toOpaque())
    withExtendedLifetime(callback) {}
  }
}

/// Calls the closure that a context stands for.
func call(_ context: UnsafeMutableRawPointer?) {
  let callback = Unmanaged<Callback>.fromOpaque(context!)
  do {
    try callback._withUnsafeGuaranteedRef { try $0.body() }
  } catch {
    fatalError("\(error)")
  }
}

/// A closure that moves messages, and that C calls.
final class Messages {
  let body: (Range<UInt64>) throws -> Int

  init(_ body: @escaping (Range<UInt64>) throws -> Int) { self.body = body }
}

func withMessages(
  _ body: (Range<UInt64>) throws -> Int, _ use: (UnsafeMutableRawPointer) -> Void
) {
  withoutActuallyEscaping(body) { body in
    let messages = Messages(body)
    use(Unmanaged.passUnretained(messages).toOpaque())
    withExtendedLifetime(messages) {}
  }
}

func move(_ context: UnsafeMutableRawPointer?, _ first: UInt64, _ count: UInt64) -> UInt64 {
  do {
    let messages = Unmanaged<Messages>.fromOpaque(context!).takeUnretainedValue()
    return UInt64(try messages.body(first..<first + count))
  } catch {
    fatalError("\(error)")
  }
}

/// The two sides of a pair of processes.
final class Sides {
  let first: () throws -> Void
  let second: () throws -> Void

  init(_ first: @escaping () throws -> Void, _ second: @escaping () throws -> Void) {
    self.first = first
    self.second = second
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Sides {
    Unmanaged<Sides>.fromOpaque(context!).takeUnretainedValue()
  }

  func runFirst() { Self.run(first) }

  func runSecond() { Self.run(second) }

  private static func run(_ side: () throws -> Void) {
    do {
      try side()
    } catch {
      fatalError("\(error)")
    }
  }
}
