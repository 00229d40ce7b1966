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
internal import Synchronization
internal import TestFork

/// Programs that end in various ways while globals hold temporary memory and do not close it.
struct Ending: ParsableCommand {
  /// Handles that a program has until it ends, and that nothing closes.
  private final class Holdings: Sendable {
    let memory: SharedMemory
    let readOnly: SharedMemory
    let mutex: SharedMutex<Int>

    init() throws {
      memory = try SharedMemory.create("memory", byteCount: 4096, options: .whileAttached)
      try memory.protectName()
      readOnly = try SharedMemory.attach("memory", access: .readOnly)
      mutex = try SharedMutex.create("mutex", initialValue: 0, options: .whileAttached)
    }
  }

  private nonisolated(unsafe) static var holdings: Holdings?
  private nonisolated(unsafe) static var later: SharedMemory?

  /// How it ends.
  enum Way: String, ExpressibleByArgument {
    case main, exit
    case exitAtOnce = "_exit"
    case abort, signal, exec, handler, thread, threads, fork, child
    case closingChild = "closing child"
    case clone
  }

  @Argument var way: Way

  func run() throws {
    Self.holdings = try Holdings()
    _ = Unmanaged.passRetained(try SharedEvent.create("leaked", options: .whileAttached))
    switch way {
    case .main:
      Helper.answer("held")
      // The main function returns.
      _ = readLine()
    case .exit: Self.wait(then: { Glibc.exit(0) })
    case .exitAtOnce: Self.wait(then: { _exit(0) })
    case .abort:
      signal(SIGABRT, SIG_DFL)
      Self.wait(then: { abort() })
    case .signal: Self.wait(then: { raise(SIGTERM) })
    case .exec:
      Self.wait(then: {
        let arguments = [strdup("true"), nil]
        execvp("true", arguments)
      })
    case .handler:
      // Runs before the library gives up the remaining names, although the library registered
      // first.
      atexit {
        Ending.later = try! SharedMemory.create("later", byteCount: 16, options: .whileAttached)
        let attached = try! SharedMemory.attach("memory")
        Ending.holdings!.mutex.close()
        Helper.answer("handled \(attached.byteCount)")
      }
      Self.wait(then: { Glibc.exit(0) })
    case .thread:
      Self.wait(then: {
        Self.startThread { Glibc.exit(0) }
        while true { pause() }
      })
    case .threads:
      for index in 0..<4 { Self.startThread { Self.makeMemory(index) } }
      Self.wait(then: { Glibc.exit(0) })
    case .fork:
      let child = ipctest_fork()
      if child == 0 { Glibc.exit(0) }
      Helper.answer("\(waitForExit(child))")
      Self.wait(then: { Glibc.exit(0) })
    case .child:
      // Memory that a child creates is its own.
      let child = ipctest_fork()
      if child == 0 {
        Self.later = try SharedMemory.create("later", byteCount: 16, options: .whileAttached)
        Glibc.exit(0)
      }
      Helper.answer("\(waitForExit(child))")
      Self.wait(then: { Glibc.exit(0) })
    case .closingChild:
      try Self.holdings!.mutex.withLock { $0 += 1 }
      let child = ipctest_fork()
      if child == 0 {
        Self.holdings!.mutex.close()
        Glibc.exit(0)
      }
      Helper.answer("\(waitForExit(child))")
      try Self.holdings!.mutex.withLock { $0 += 1 }
      Self.wait(then: { Glibc.exit(0) })
    case .clone:
      // A child of which this program's fork handlers learn nothing.
      let child = ipctest_clone()
      if child == 0 { Glibc.exit(0) }
      Helper.answer("\(waitForExit(child))")
      Self.wait(then: { Glibc.exit(0) })
    }
  }

  private static func wait(then end: () -> Void) {
    Helper.answer("held")
    _ = readLine()
    end()
    fatalError("Still there")
  }

  /// Creates, attaches to and closes memory until the process has ended.
  private static func makeMemory(_ index: Int) {
    let name = "thread\(index % 2)"
    while true {
      // Two threads share each name, so that a name may be in use or missing.
      guard let one = try? SharedMemory.create(name, byteCount: 64, options: .whileAttached)
      else { continue }
      do {
        let other = try SharedMemory.attach(name)
        one.close()
        try SharedMemory.attach("memory", access: .readOnly).close()
        other.close()
      } catch {
        guard error.code == .notFound else { fatalError("\(error)") }
      }
    }
  }

  private static func startThread(_ body: @escaping () -> Void) {
    final class Body {
      let run: () -> Void
      init(_ run: @escaping () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(Body(body)).toOpaque())
    guard error == 0 else { fatalError("No thread") }
  }
}
