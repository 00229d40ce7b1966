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

/// The tasks and threads for which one thread sleeps, their words, and when each is to check by
/// itself.
struct WordWatch: Sendable {
  /// How many words one thread sleeps on; the kernel takes 128, one of which is the bell.
  static let wordLimit = SharedWord32.sleepLimit - 1

  /// By how much a check may come early, so that several checks need only one wake-up of the
  /// thread.
  private static let slack: Duration = .milliseconds(5)

  /// A task or thread that sleeps until one of its words has changed.
  struct Sleeper: Sendable {
    enum Waker: Sendable {
      case task(CheckedContinuation<Bool, Never>)
      case thread(OwnWord)
    }

    let words: [(SharedWord32, while: UInt32)]
    /// When it is to check by itself, unless another sleeper does so for it.
    let end: SuspendingClock.Instant
    let alike: Int?
    /// When its time is over, if others check for it.
    let deadline: SuspendingClock.Instant?
    let wake: Waker

    func wake(isOver: Bool) {
      switch wake {
      case .task(let continuation): continuation.resume(returning: isOver)
      case .thread(let bell): bell.ring()
      }
    }

    fileprivate var keys: [Key] { words.map { Key($0.0, $0.while) } }

    fileprivate var kin: Kin? { alike.map { Kin(key: keys[0], alike: $0) } }
  }

  fileprivate struct Key: Hashable {
    let address: UInt
    let value: UInt32

    init(_ word: SharedWord32, _ value: UInt32) {
      address = word.address
      self.value = value
    }
  }

  fileprivate struct Kin: Hashable {
    let key: Key
    let alike: Int
  }

  private struct Watched {
    let word: SharedWord32
    var sleepers: Set<UInt64> = []
  }

  private struct Group {
    var sleepers: Set<UInt64> = []
    /// When one of them is to check.
    var look: SuspendingClock.Instant
  }

  private enum Event {
    case time(of: UInt64)
    case look(Kin)
  }

  /// Notifies the thread that there is something new.
  let bell = OwnWord()
  private var sleepers: [UInt64: Sleeper] = [:]
  private var watched: [Key: Watched] = [:]
  private var groups: [Kin: Group] = [:]
  private var timeline = Timeline<Event>()
  /// Until when the thread sleeps or is about to sleep; `nil`: until it is woken.
  private var sleepEnd: SuspendingClock.Instant?

  // MARK: - Looking

  var sleeperCount: Int { sleepers.count }

  /// How many events are planned, for tests.
  var timeCount: Int { timeline.count }

  func isSleeping(_ id: UInt64) -> Bool { sleepers[id] != nil }

  /// Whether the thread already sleeps on all words of a sleeper.
  func isWatching(_ sleeper: Sleeper) -> Bool {
    sleeper.keys.allSatisfy { watched[$0] != nil }
  }

  func hasRoom(for sleeper: Sleeper) -> Bool {
    watched.count + sleeper.words.count <= Self.wordLimit
  }

  /// The words to sleep on.
  var words: [(SharedWord32, while: UInt32)] { watched.map { ($1.word, while: $0.value) } }

  // MARK: - Sleepers come and go

  /// Adds a sleeper, and rings the bell if the thread would otherwise notice it too late.
  mutating func add(_ sleeper: Sleeper, id: UInt64) {
    sleepers[id] = sleeper
    var isNew = false
    for (key, (word, _)) in zip(sleeper.keys, sleeper.words) {
      isNew = isNew || watched[key] == nil
      watched[key, default: Watched(word: word)].sleepers.insert(id)
    }
    if let kin = sleeper.kin {
      groups[kin, default: Group(look: sleeper.end)].sleepers.insert(id)
      if groups[kin]!.sleepers.count == 1 || sleeper.end < groups[kin]!.look {
        plan(look: sleeper.end, of: kin)
      }
      if let deadline = sleeper.deadline { timeline.insert(.time(of: id), at: deadline) }
    } else {
      timeline.insert(.time(of: id), at: sleeper.end)
    }
    dropOldEvents()
    if isNew || sleepEnd.map({ timeline.first!.when < $0 }) ?? true { bell.ring() }
  }

  private mutating func plan(look: SuspendingClock.Instant, of kin: Kin) {
    groups[kin]!.look = look
    timeline.insert(.look(kin), at: look)
  }

  /// Makes one sleeper of a group check at once, if there is one.
  mutating func look(on word: SharedWord32, while value: UInt32, alike: Int) {
    let kin = Kin(key: Key(word, value), alike: alike)
    if groups[kin] == nil { return }
    plan(look: .now, of: kin)
    bell.ring()
  }

  private mutating func remove(_ id: UInt64) -> Sleeper? {
    guard let sleeper = sleepers.removeValue(forKey: id) else { return nil }
    for key in sleeper.keys {
      watched[key]?.sleepers.remove(id)
      if watched[key]?.sleepers.isEmpty == true { watched[key] = nil }
    }
    if let kin = sleeper.kin {
      groups[kin]?.sleepers.remove(id)
      if groups[kin]?.sleepers.isEmpty == true { groups[kin] = nil }
    }
    return sleeper
  }

  /// Keeps the events of sleepers that have gone from accumulating without bound.
  private mutating func dropOldEvents() {
    guard timeline.count > 64 + 4 * (sleepers.count + groups.count) else { return }
    timeline.removeAll { [sleepers, groups] event, when in
      switch event {
      case .time(let id): sleepers[id] == nil
      case .look(let kin): groups[kin]?.look != when
      }
    }
  }

  // MARK: - The thread

  /// Removes the sleepers that are to be woken.
  ///
  /// - Returns: Each sleeper, and whether it wakes only because it is time to check.
  mutating func takeAwake(
    at now: SuspendingClock.Instant, cancelled: Set<UInt64>
  ) -> [(Sleeper, isOver: Bool)] {
    var awake: [(Sleeper, isOver: Bool)] = []
    for (key, place) in watched where place.word.loadRelaxed() != key.value {
      for id in place.sleepers {
        if let sleeper = remove(id) { awake.append((sleeper, isOver: false)) }
      }
    }
    for id in cancelled {
      if let sleeper = remove(id) { awake.append((sleeper, isOver: false)) }
    }
    while let (event, when) = timeline.first {
      switch event {
      case .time(let id):
        guard when <= now else { return awake }
        timeline.removeFirst()
        if let sleeper = remove(id) { awake.append((sleeper, isOver: true)) }
      case .look(let kin):
        guard when <= now + Self.slack else { return awake }
        timeline.removeFirst()
        guard let group = groups[kin], group.look == when else { continue }
        if let sleeper = remove(group.sleepers.first!) { awake.append((sleeper, isOver: true)) }
        if groups[kin] != nil { plan(look: now + Sleeps.longestLength, of: kin) }
      }
    }
    return awake
  }

  /// Notes that the thread is about to sleep.
  ///
  /// - Returns: Until when; `nil` if no event is planned, because then nothing but the bell needs
  ///   to wake it.
  mutating func prepareSleep() -> SuspendingClock.Instant? {
    sleepEnd = timeline.first?.when
    return sleepEnd
  }
}

/// Future events, in order of time.
struct Timeline<Event: Sendable>: Sendable {
  // A binary heap: no event is later than the two at twice its index plus one and plus two.
  private var events: [(event: Event, when: SuspendingClock.Instant)] = []

  var count: Int { events.count }

  var first: (event: Event, when: SuspendingClock.Instant)? { events.first }

  mutating func insert(_ event: Event, at when: SuspendingClock.Instant) {
    events.append((event, when))
    var index = events.count - 1
    while index > 0, events[index].when < events[(index - 1) / 2].when {
      events.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() {
    events.swapAt(0, events.count - 1)
    events.removeLast()
    sink(from: 0)
  }

  mutating func removeAll(where isOld: (Event, SuspendingClock.Instant) -> Bool) {
    events.removeAll { isOld($0.event, $0.when) }
    for index in (0..<events.count / 2).reversed() { sink(from: index) }
  }

  private mutating func sink(from start: Int) {
    var index = start
    while true {
      let left = 2 * index + 1
      guard left < events.count else { return }
      let right = left + 1
      let next =
        right < events.count && events[right].when < events[left].when ? right : left
      guard events[next].when < events[index].when else { return }
      events.swapAt(index, next)
      index = next
    }
  }
}
