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

/// Takes one of several places without waiting for it, and holds it until a line arrives; answers
/// `none` if it gets none.
struct PlaceProcess: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "place")

  enum Kind: String, ExpressibleByArgument {
    case subscriber, permit, permitInTime, reader, readerIfAvailable
  }

  /// What the process does when it has found a free place, but not yet taken it.
  enum Pause: String, ExpressibleByArgument {
    case stop
  }

  @Argument var kind: Kind
  @Argument var name: String
  @Argument var pause: Pause?

  func run() throws {
    // Only one thread exists here.
    nonisolated(unsafe) var isStopping = pause == .stop
    handleCheckpoints { step in
      guard step == .placeSeen, isStopping else { return }
      isStopping = false
      Helper.answer("stopped placeSeen")
      raise(SIGSTOP)
    }
    do {
      switch kind {
      case .subscriber:
        let subscriber = try SharedTopic<UInt64>.attach(name).subscriber()
        Self.hold()
        subscriber.close()
      case .permit:
        guard let permit = try SharedSemaphore.attach(name).tryAcquire() else {
          return Helper.answer("none")
        }
        Self.hold()
        permit.release()
      case .permitInTime:
        let permit = try SharedSemaphore.attach(name).acquire(timeout: .zero)
        Self.hold()
        permit.release()
      case .reader:
        try SharedReadWriteLock<Int>.attach(name).withReadLock(timeout: .zero) { _ in Self.hold() }
      case .readerIfAvailable:
        let lock = try SharedReadWriteLock<Int>.attach(name)
        if try lock.tryWithReadLock({ _ in Self.hold() }) == nil { Helper.answer("none") }
      }
    } catch let error as InterprocessError
      where error.code == .limitReached || error.code == .timedOut
    {
      Helper.answer("none")
    }
  }

  private static func hold() {
    Helper.answer("held")
    _ = readLine()
  }
}
