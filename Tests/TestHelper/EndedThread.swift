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

/// A thread that ends within a closure, and later threads at the same address.
struct EndedThread: ParsableCommand {
  /// The closure that the thread ends in.
  enum Kind: String, ExpressibleByArgument {
    case mutex, writer, reader, receiver, byteSender
  }

  @Argument var kind: Kind
  @Argument var name: String

  /// Reports for each later thread whether it could take what the first one held.
  func run() throws {
    let use = try Self.use(kind, name)
    Self.inThread { use(true) }
    for _ in 0..<4 { Self.inThread { use(false) } }
    Helper.answer("end")
  }

  /// Takes the subject: forever, as the thread then ends; or within a short time, and reports the
  /// result.
  private static func use(_ kind: Kind, _ name: String) throws -> @Sendable (_ ends: Bool) -> Void {
    let timeout = Duration.milliseconds(50)
    switch kind {
    case .mutex:
      let mutex = try SharedMutex<Int>.attach(name)
      return { ends in say { try mutex.withLock(timeout: timeout) { _ in hold(ends) } } }
    case .writer:
      let lock = try SharedReadWriteLock<Int>.attach(name)
      return { ends in say { try lock.withWriteLock(timeout: timeout) { _ in hold(ends) } } }
    case .reader:
      let lock = try SharedReadWriteLock<Int>.attach(name)
      return { ends in
        say {
          if ends { return try lock.withWriteLock { _ in hold(true) } }
          try lock.withReadLock(timeout: timeout) { _ in }
        }
      }
    case .receiver:
      let queue = try SharedQueue<Int>.attach(name)
      return { ends in
        say { _ = try queue.receive(timeout: timeout, acknowledging: { _ in hold(ends) }) }
      }
    case .byteSender:
      let queue = try SharedByteQueue.attach(name)
      return { ends in
        say { try queue.send(byteCount: 8, timeout: timeout) { _ in hold(ends) } }
      }
    }
  }

  private static func hold(_ ends: Bool) {
    if ends { pthread_exit(nil) }
  }

  private static func say(_ body: () throws -> Void) {
    do {
      try body()
      Helper.answer("got it")
    } catch {
      Helper.answer("\((error as! InterprocessError).code)")
    }
  }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs a closure in a new thread, and waits for its end.
  private static func inThread(_ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { body in
        Unmanaged<Body>.fromOpaque(body!).takeUnretainedValue().run()
        return nil
      }, Unmanaged.passRetained(Body(run)).toOpaque())
    guard error == 0 else { fatalError("No thread") }
    pthread_join(thread, nil)
  }
}
