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

/// The tasks and threads for which one thread sleeps, their words, and when their time is over.
struct WordWatch: Sendable {
  // Used under the lock of `TaskWaiter`, except for the bell.
  //
  // Only the thread removes sleepers, and only while it does not sleep on their words. So a word
  // stays mapped as long as the thread may sleep on it; and no wake-up is lost on a thread that
  // sleeps on a word for nobody.

  /// How many words one thread sleeps on; the kernel takes 128, one of which is the bell.
  static let wordLimit = SharedWord32.sleepLimit - 1

  /// A task or thread that sleeps until one of its words has changed.
  struct Sleeper: Sendable {
    enum Waker: Sendable {
      case task(CheckedContinuation<Bool, Never>)
      case thread(OwnWord)

      /// - Parameter isOver: Whether it must check although its words have not changed.
      func wake(isOver: Bool) {
        switch self {
        case .task(let continuation): continuation.resume(returning: isOver)
        case .thread(let bell): bell.ring()
        }
      }
    }

    let words: [(SharedWord32, while: UInt32)]
    /// When its time is over; `nil`: never.
    let end: SuspendingClock.Instant?
    let waker: Waker

    fileprivate var keys: [Key] { words.map { Key($0.0, $0.while) } }
  }

  fileprivate struct Key: Hashable {
    let address: UInt
    let value: UInt32

    init(_ word: SharedWord32, _ value: UInt32) {
      address = word.address
      self.value = value
    }
  }

  private struct Watched {
    let word: SharedWord32
    var sleepers: Set<UInt64> = []
  }

  /// Notifies the thread that there is something new.
  let bell = OwnWord()
  private var sleepers: [UInt64: Sleeper] = [:]
  private var watched: [Key: Watched] = [:]
  /// Sleepers that must check although their words have not changed.
  private var called: Set<UInt64> = []
  private var times = Timeline<UInt64>()
  /// Until when the thread sleeps or is about to sleep; `nil`: until it is woken.
  private var sleepEnd: SuspendingClock.Instant?
  /// Since when there are no sleepers; `nil`: there are some.
  private var idleSince: SuspendingClock.Instant?

  // MARK: - Looking

  var sleeperCount: Int { sleepers.count }

  /// How many times are noted, for tests.
  var timeCount: Int { times.count }

  func isSleeping(_ id: UInt64) -> Bool { sleepers[id] != nil }

  /// Whether the thread already sleeps on all words of a sleeper.
  func isWatching(_ sleeper: Sleeper) -> Bool {
    sleeper.keys.allSatisfy { watched[$0] != nil }
  }

  func hasRoom(for sleeper: Sleeper) -> Bool {
    watched.count + sleeper.words.count <= Self.wordLimit
  }

  /// Whether there are more words than the thread can sleep on.
  var isOverfull: Bool { watched.count > Self.wordLimit }

  /// The words to sleep on.
  var words: [(SharedWord32, while: UInt32)] { watched.map { ($1.word, while: $0.value) } }

  // MARK: - Sleepers come and go

  /// Adds a sleeper, and rings the bell if the thread would otherwise notice it too late.
  mutating func add(_ sleeper: Sleeper, id: UInt64) {
    sleepers[id] = sleeper
    idleSince = nil
    var isNew = false
    for (key, (word, _)) in zip(sleeper.keys, sleeper.words) {
      isNew = isNew || watched[key] == nil
      watched[key, default: Watched(word: word)].sleepers.insert(id)
    }
    if let end = sleeper.end {
      times.insert(id, at: end)
      dropOldTimes()
      rouse(at: end)
    }
    if isNew { bell.ring() }
  }

  /// Rings the bell if the thread would sleep beyond a moment.
  func rouse(at moment: SuspendingClock.Instant) {
    if sleepEnd.map({ moment < $0 }) ?? true { bell.ring() }
  }

  /// Makes a sleeper check although its words have not changed.
  mutating func call(_ id: UInt64) {
    called.insert(id)
    bell.ring()
  }

  private mutating func remove(_ id: UInt64) -> Sleeper? {
    guard let sleeper = sleepers.removeValue(forKey: id) else { return nil }
    for key in sleeper.keys {
      watched[key]?.sleepers.remove(id)
      if watched[key]?.sleepers.isEmpty == true { watched[key] = nil }
    }
    return sleeper
  }

  /// Removes as many sleepers as leave no more words than the thread can sleep on, and adds them to
  /// another watch, as far as that one has room.
  mutating func move(to other: inout WordWatch) {
    for (id, sleeper) in sleepers where isOverfull && other.hasRoom(for: sleeper) {
      _ = remove(id)
      other.add(sleeper, id: id)
      if called.remove(id) != nil { other.called.insert(id) }
    }
    // Also for words on which it sleeps already: one of the sleepers may be called or cancelled.
    other.bell.ring()
  }

  /// Keeps the times of sleepers that have gone from accumulating without bound.
  private mutating func dropOldTimes() {
    guard times.count > 64 + 4 * sleepers.count else { return }
    times.removeAll { [sleepers] id, _ in sleepers[id] == nil }
  }

  // MARK: - The thread

  /// A sleeper to wake, and whether it must check although its words have not changed.
  typealias Awake = (id: UInt64, waker: Sleeper.Waker, isOver: Bool)

  /// Removes the sleepers to wake.
  mutating func takeAwake(
    at now: SuspendingClock.Instant, cancelled: Set<UInt64>
  ) -> [Awake] {
    var awake: [Awake] = []
    for (key, place) in watched where place.word.loadRelaxed() != key.value {
      for id in place.sleepers { take(id, false) }
    }
    for id in cancelled { take(id, false) }
    for id in called { take(id, true) }
    called = []
    while let (id, when) = times.first, when <= now {
      times.removeFirst()
      take(id, true)
    }
    return awake

    func take(_ id: UInt64, _ isOver: Bool) {
      if let sleeper = remove(id) { awake.append((id, sleeper.waker, isOver)) }
    }
  }

  /// Notes that the thread is about to sleep.
  ///
  /// - Parameter end: When it has something else to do; `nil`: it has nothing.
  /// - Returns: Until when; `nil` if only the bell needs to wake it.
  mutating func prepareSleep(until end: SuspendingClock.Instant?) -> SuspendingClock.Instant? {
    if sleepers.isEmpty { idleSince = idleSince ?? .now }
    let ends = [end, times.first?.when, isUnused ? nil : idleEnd]
    sleepEnd = ends.lazy.compactMap { $0 }.min()
    return sleepEnd
  }

  private var idleEnd: SuspendingClock.Instant? { idleSince.map { $0 + Sleeps.longestLength } }

  /// Whether there have been no sleepers for a second, so that the thread can end.
  var isUnused: Bool { idleEnd.map { $0 <= .now } ?? false }
}
