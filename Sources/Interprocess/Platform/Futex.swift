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

internal import CInterprocess
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Sleeping until another thread or process has changed a word of memory.
///
/// The word may be mapped anywhere, at different addresses in different processes: the kernel
/// identifies it by its file.
enum Futex {
  /// Sleeps while the word has a value.
  ///
  /// Returns when it is woken, when the word has another value, when a signal has arrived, or at
  /// the time-out: the caller checks the word again in each case.
  ///
  /// - Throws: `EINTR` if a signal has arrived in an interruptible wait, in which case no wake-up
  ///   was consumed; and errors of the word itself, such as `EFAULT` if its page is gone.
  static func wait(
    on word: UnsafePointer<Atomic<UInt32>>, while value: UInt32, atMost timeout: Duration
  ) throws(Errno) {
    guard timeout > .zero else { return }
    let (seconds, attoseconds) = timeout.components
    // Rounded up, so that no sleep ends too early.
    let nanoseconds = (attoseconds + 999_999_999) / 1_000_000_000
    let isWhole = nanoseconds == 1_000_000_000
    guard
      unsafe ipc_futex_wait(word, value, isWhole ? seconds + 1 : seconds, isWhole ? 0 : nanoseconds)
        != 0
    else { return }
    let errno = Errno(rawValue: Glibc.errno)
    switch errno {
    // EAGAIN: the word has another value.
    case .resourceTemporarilyUnavailable, .timedOut: return
    case .interrupted where !Interruption.endsWaits: return
    default: throw errno
    }
  }

  /// Sleeps while each of several words has its value.
  ///
  /// Returns when it is woken on one of them, when one has another value, when a signal has
  /// arrived, or at the time-out.
  ///
  /// - Returns: `false` if the system could not sleep: it does not know the call, there are too
  ///   many words, or the page of one of them is gone.
  /// - Throws: `EINTR` if a signal has arrived in an interruptible wait, in which case no wake-up
  ///   was consumed.
  static func wait(
    onAnyOf words: [(UnsafePointer<Atomic<UInt32>>, while: UInt32)], atMost timeout: Duration?
  ) throws(Errno) -> Bool {
    let waits = unsafe words.map { unsafe ipc_futex_word(word: $0.0, value: $0.while) }
    let (seconds, attoseconds) = timeout?.components ?? (-1, 0)
    let result = unsafe ipc_futex_wait_any(
      waits, waits.count, seconds, attoseconds / 1_000_000_000)
    if result >= 0 { return true }
    switch Errno(rawValue: Glibc.errno) {
    case .resourceTemporarilyUnavailable, .timedOut: return true
    case .interrupted:
      if Interruption.endsWaits { throw .interrupted }
      return true
    default: return false
    }
  }

  /// Wakes at most `count` of the waiters that sleep on the word.
  ///
  /// It can fail only if the page of the word is gone, and then no waiter can sleep on it.
  ///
  /// - Returns: How many were woken.
  static func wake(_ count: Int, on word: UnsafePointer<Atomic<UInt32>>) -> Int {
    max(0, Int(unsafe ipc_futex_wake(word, CInt(clamping: count))))
  }
}
