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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import TestSupport

/// The processes that store and load a shared value as fast as they can, and report what they saw.
enum ValueProcess {
  /// The size of the value.
  enum Size: Int, ExpressibleByArgument {
    case cacheLine = 64
    case page = 4096

    var runner: any ValueRunner.Type {
      switch self {
      case .cacheLine: Runner<InlineArray<8, UInt64>>.self
      case .page: Runner<InlineArray<512, UInt64>>.self
      }
    }
  }

  protocol ValueRunner {
    static func read(_ name: String) throws
    static func write(_ name: String) throws
  }

  /// Every word of a value follows from its first one, which counts.
  private enum Runner<Value: Shareable & WordArray>: ValueRunner {
    /// Loads until a line arrives on the standard input, and reports what it saw.
    static func read(_ name: String) throws {
      let shared = try SharedValue<Value>.attach(name, access: .readOnly)
      Helper.answer("ready")
      var loadCount = 0
      var changeCount = 0
      var last: UInt64 = 0
      var input = pollfd(fd: 0, events: CShort(POLLIN), revents: 0)
      while poll(&input, 1, 0) == 0 {
        for _ in 0..<100 {
          let least = shared.version
          let value = try shared.load()
          let number = value.number
          guard value.isWhole else { return Helper.answer("torn at \(number)") }
          guard number >= last else { return Helper.answer("\(number) after \(last)") }
          // Each number is stored as the version after it, except that the first store of a writer
          // may first have published the last version of its predecessor.
          guard number + 2 >= least else { return Helper.answer("\(number) at version \(least)") }
          if number != last { changeCount += 1 }
          last = number
          loadCount += 1
        }
      }
      Helper.answer("whole \(loadCount) \(changeCount)")
    }

    /// Stores numbers in order until a line arrives on the standard input.
    static func write(_ name: String) throws {
      let shared = try SharedValue<Value>.attach(name)
      var number = try shared.load().number
      var input = pollfd(fd: 0, events: CShort(POLLIN), revents: 0)
      try shared.store(Value(number: number + 1))
      number = shared.version - 1
      Helper.answer("ready")
      while poll(&input, 1, 0) == 0 {
        for _ in 0..<100 {
          number += 1
          try shared.store(Value(number: number))
        }
      }
      Helper.answer("stored \(number)")
    }
  }
}

struct ValueReader: ParsableCommand {
  @Argument var size: ValueProcess.Size
  @Argument var name: String

  func run() throws { try size.runner.read(name) }
}

struct ValueWriter: ParsableCommand {
  @Argument var size: ValueProcess.Size
  @Argument var name: String

  func run() throws { try size.runner.write(name) }
}
