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
  withoutActuallyEscaping(body) { lend(Callback($0), use) }
}

/// Calls the closure that a context stands for.
func call(_ context: UnsafeMutableRawPointer?) {
  orEnd { try Unmanaged<Callback>.fromOpaque(context!)._withUnsafeGuaranteedRef { try $0.body() } }
}

/// A closure that moves messages, and that C calls.
final class Messages {
  let body: (Range<UInt64>) throws -> Int

  init(_ body: @escaping (Range<UInt64>) throws -> Int) { self.body = body }
}

func withMessages(
  _ body: (Range<UInt64>) throws -> Int, _ use: (UnsafeMutableRawPointer) -> Void
) {
  withoutActuallyEscaping(body) { lend(Messages($0), use) }
}

func move(_ context: UnsafeMutableRawPointer?, _ first: UInt64, _ count: UInt64) -> UInt64 {
  let messages = Unmanaged<Messages>.fromOpaque(context!).takeUnretainedValue()
  return orEnd { UInt64(try messages.body(first..<first + count)) }
}

/// A closure that sends the message of a number.
final class Sending {
  let body: (UInt64) throws -> Void

  init(_ body: @escaping (UInt64) throws -> Void) { self.body = body }

  static func call(_ context: UnsafeMutableRawPointer?, _ number: UInt64) {
    orEnd {
      try Unmanaged<Sending>.fromOpaque(context!)._withUnsafeGuaranteedRef { try $0.body(number) }
    }
  }
}

func withSending(
  _ body: (UInt64) throws -> Void, _ use: (UnsafeMutableRawPointer) -> Void
) {
  withoutActuallyEscaping(body) { lend(Sending($0), use) }
}

/// A closure that waits for a message, and returns its number.
final class Receiving {
  let body: () throws -> UInt64

  init(_ body: @escaping () throws -> UInt64) { self.body = body }

  static func call(_ context: UnsafeMutableRawPointer?) -> UInt64 {
    orEnd {
      try Unmanaged<Receiving>.fromOpaque(context!)._withUnsafeGuaranteedRef { try $0.body() }
    }
  }
}

func withReceiving(_ body: () throws -> UInt64, _ use: (UnsafeMutableRawPointer) -> Void) {
  withoutActuallyEscaping(body) { lend(Receiving($0), use) }
}

/// A closure that calls its argument while it holds a lock.
final class Holding {
  let body: (() -> Void) throws -> Void

  init(_ body: @escaping (() -> Void) throws -> Void) { self.body = body }

  static func call(
    _ context: UnsafeMutableRawPointer?, _ body: (UnsafeMutableRawPointer?) -> Void,
    _ argument: UnsafeMutableRawPointer?
  ) {
    orEnd {
      try Unmanaged<Holding>.fromOpaque(context!)._withUnsafeGuaranteedRef {
        try $0.body { body(argument) }
      }
    }
  }
}

func withHolding(
  _ body: (() -> Void) throws -> Void, _ use: (UnsafeMutableRawPointer) -> Void
) {
  withoutActuallyEscaping(body) { lend(Holding($0), use) }
}

/// The sides of a crowd of processes, and what is true of them at the end.
final class Crowd {
  let sides: Sides
  let isRight: (Int) throws -> Bool

  init(_ sides: Sides, _ isRight: @escaping (Int) throws -> Bool) {
    self.sides = sides
    self.isRight = isRight
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Crowd {
    Unmanaged<Crowd>.fromOpaque(context!).takeUnretainedValue()
  }

  static func isRight(_ context: UnsafeMutableRawPointer?, _ count: UInt64) -> Int32 {
    orEnd { try of(context).isRight(Int(count)) ? 1 : 0 }
  }
}

func withCrowd(
  _ sender: () throws -> Void, _ receiver: () throws -> Void, _ isRight: (Int) throws -> Bool,
  _ use: (UnsafeMutableRawPointer) -> Void
) {
  withoutActuallyEscaping(sender) { sender in
    withoutActuallyEscaping(receiver) { receiver in
      withoutActuallyEscaping(isRight) { lend(Crowd(Sides(sender, receiver), $0), use) }
    }
  }
}

/// Passes an object to C for the time of a call.
private func lend(_ object: AnyObject, _ use: (UnsafeMutableRawPointer) -> Void) {
  use(Unmanaged.passUnretained(object).toOpaque())
  withExtendedLifetime(object) {}
}

/// Ends the process on an error, which the driver reports.
private func orEnd<Result>(_ body: () throws -> Result) -> Result {
  do { return try body() } catch { fatalError("\(error)") }
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

  private static func run(_ side: () throws -> Void) { orEnd(side) }
}
