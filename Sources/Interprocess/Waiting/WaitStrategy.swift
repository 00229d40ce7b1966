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

internal import Synchronization

/// How a handle waits: whether it spins before it sleeps, and for how long, or never sleeps.
///
/// A waiter that spins notices a change at once, and saves both sides their system calls. Until
/// then it keeps a processor busy. A waiter that sleeps costs nothing, but takes some microseconds
/// to wake up.
///
/// ```swift
/// let ticks = try SharedQueue<Tick>.attach("ticks")
/// ticks.waiting = .polling                 // a processor of its own, for the least delay
/// let jobs = try SharedQueue<Job>.attach("jobs")
/// jobs.waiting = .sleeping                 // waits for long: no processor time
/// ```
///
/// Each handle of each process has a strategy of its own, and two sides of a queue need not have
/// the same. Corresponds to the wait strategies of other libraries, such as the busy-spinning and
/// the blocking one of LMAX's Disruptor and the idle strategies of Aeron.
public struct WaitStrategy: Sendable, Hashable {
  /// What `WaitChoice` stores: the nanoseconds to spin at most, or one of the codes below.
  let code: Int

  private static let defaultCode = 0
  private static let sleepingCode = -1
  private static let pollingCode = -2
  private static let greatestLimit: Duration = .milliseconds(1)

  fileprivate init(code: Int) { self.code = code }

  /// Spins briefly, and then sleeps; what every handle begins with.
  ///
  /// Spins for at most 50 microseconds where another process answers (queues, topics, values and
  /// wait sets), and for at most 5 where one leaves soon (locks, semaphores, barriers, events and
  /// integers). A handle learns from its waits: it spins no longer than recent waits took, and
  /// sleeps at once after several spins in vain, except for a trial now and then. With one
  /// processor it does not spin.
  public static let adaptive = WaitStrategy(code: defaultCode)

  /// Spins briefly, and then sleeps, with a limit other than that of ``adaptive``.
  ///
  /// - Parameter limit: How long to spin at most. More than a millisecond counts as a millisecond,
  ///   and zero or less as ``sleeping``. A task spins for at most 50 microseconds, as it keeps a
  ///   thread from other tasks meanwhile.
  /// - Returns: The strategy.
  public static func adaptive(upTo limit: Duration) -> WaitStrategy {
    let nanoseconds = Int(min(max(limit, .zero), greatestLimit) / .nanoseconds(1))
    return nanoseconds == 0 ? .sleeping : WaitStrategy(code: nanoseconds)
  }

  /// Never sleeps: looks again and again until what it waits for has come.
  ///
  /// Has the least delay, and takes all time of a processor for as long as it waits. The other side
  /// makes no system call to wake it. From 50 microseconds on, a waiting thread gives way to other
  /// threads that want its processor, and a waiting task lets other tasks run on its thread in any
  /// case. Time-outs hold, a cancelled task ends, and the death of another process is noticed, as
  /// with the other strategies; but a signal does not end a wait (``withInterruptibleWaits(_:)``).
  public static let polling = WaitStrategy(code: pollingCode)

  /// Sleeps at once, without spinning.
  ///
  /// Costs the least processor time, if what is waited for mostly comes later than a few
  /// microseconds. A function that does not wait still spins for about a microsecond while another
  /// thread has its turn.
  public static let sleeping = WaitStrategy(code: sleepingCode)

  /// How long to spin at most.
  ///
  /// - Parameter usual: How long, unless the user has chosen otherwise.
  func longestSpin(usual: Duration) -> Duration {
    switch code {
    case Self.defaultCode, Self.pollingCode: usual
    case Self.sleepingCode: .zero
    default: .nanoseconds(code)
    }
  }
}

extension WaitStrategy: CustomStringConvertible {
  /// The strategy as it is written in Swift.
  public var description: String {
    switch code {
    case Self.defaultCode: ".adaptive"
    case Self.sleepingCode: ".sleeping"
    case Self.pollingCode: ".polling"
    default: ".adaptive(upTo: .nanoseconds(\(code)))"
    }
  }
}

extension WaitChoice {
  var strategy: WaitStrategy {
    get { WaitStrategy(code: code.load(ordering: .relaxed)) }
    set { code.store(newValue.code, ordering: .relaxed) }
  }
}

extension StructuredObject {
  /// How the waits of this handle wait, from the next one on; ``WaitStrategy/adaptive`` at first.
  ///
  /// Senders, receivers, publishers and subscribers use the strategy of the handle that made them.
  /// Set it before making them: existing ones may spin a few more times.
  public var waiting: WaitStrategy {
    get { waitChoice.strategy }
    nonmutating set { waitChoice.strategy = newValue }
  }

  private var waitChoice: WaitChoice { _withMemory(open: false) { $0.mapping.waitChoice } }
}
