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

internal import Glibc

/// A thread that runs beside those of the program.
enum BackgroundThread {
  /// Starts a thread, which takes no signals; ends the process if the system provides none.
  static func start(_ body: @escaping @Sendable () -> Void) {
    if !startIfPossible(body) { failAsMisused("The system gives this process no more threads") }
  }

  /// Starts a thread, which takes no signals.
  ///
  /// - Returns: `false` if the system gives this process no more threads.
  static func startIfPossible(_ body: @escaping @Sendable () -> Void) -> Bool {
    #if DEBUG
      if unsafe Sleeping.isWithoutNewThreads { return false }
    #endif
    // The new thread inherits the signal mask of this one.
    var all = sigset_t()
    var old = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &old)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &old, nil) }
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(Body(run: body))
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        // SAFETY: it is the object passed below, which no other code releases.
        unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    guard result == 0 else {
      unsafe context.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
