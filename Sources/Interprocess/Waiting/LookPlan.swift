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

/// The looks that one thread takes in place of all sleeping tasks of a process.
///
/// A task whose word stays as it is may still have something to find: a process that was killed
/// before it changed the word, or with a lock. But if each of 2,000 tasks woke up once a second to
/// look, they would take several percent of a processor. So a thread looks for them, once a second
/// for all at the same time, and wakes only a task that may find something.
struct LookPlan: Sendable {
  // Used under the lock of `TaskWaiter`, also while it looks: so a sleeper whose look is taken
  // still sleeps, and with it, what it looks at is still mapped, and its handle not yet let go of.
  // A look takes from some nanoseconds to some microseconds, if it asks the kernel; so that others
  // get the lock in between, `take` ends after some looks.

  /// A look in place of a sleeper.
  struct Look: Sendable {
    /// The same number for all sleepers on one word that would find the same, so that one look
    /// serves them all; `nil`: this one serves only its own sleeper.
    let alike: Int?
    /// When to look first; each further look comes after up to twice as long, up to a second.
    let first: SuspendingClock.Instant
    /// Whether the sleeper itself may find something if it checks.
    ///
    /// Runs on the thread: so it only reads, asks the kernel at most, and throws and traps at
    /// nothing.
    let isDue: @Sendable () -> Bool
  }

  /// Names the sleepers that one look serves.
  struct Kin: Hashable, Sendable {
    private let address: UInt
    private let value: UInt32
    private let alike: Int?
    /// If it serves only one.
    private let id: UInt64?

    init(_ word: SharedWord32, while value: UInt32, alike: Int?, id: UInt64? = nil) {
      address = word.address
      self.value = value
      self.alike = alike
      self.id = alike == nil ? id : nil
    }

    // Cheaper than all of it, and nearly as good.
    func hash(into hasher: inout Hasher) { hasher.combine(address ^ UInt(id ?? 0)) }
  }

  private struct Group {
    /// The sleeper whose look serves all, and its look.
    var id: UInt64
    var isDue: @Sendable () -> Bool
    /// The others, and theirs.
    var others: [UInt64: @Sendable () -> Bool] = [:]
    /// When to look.
    var next: SuspendingClock.Instant
    /// How much later than the look before that is, at most.
    var length = Sleeps.firstLength
  }

  private var groups: [Kin: Group] = [:]
  /// The group of each sleeper.
  private var kin: [UInt64: Kin] = [:]
  /// The groups to look for at one time, among them some that are gone or have another time.
  private var planned: [SuspendingClock.Instant: [Kin]] = [:]
  private var times = Timeline<Void>()

  /// By how much the first look may come late, so that many of them need only one wake-up.
  private static let grain: Duration = .milliseconds(10)

  /// From when on times are counted; not the same in all processes, which would all wake at once.
  private static let origin = SuspendingClock.now

  /// The next time that is a multiple of a length: groups that look equally often do so at the same
  /// time.
  private static func time(
    after now: SuspendingClock.Instant, every length: Duration
  ) -> SuspendingClock.Instant {
    let time = origin + length * (Int(((now - origin) / length).rounded(.down)) + 1)
    // The division may have been rounded.
    return time > now ? time : time + length
  }

  /// When to call `take`; `nil`: there is no look.
  var next: SuspendingClock.Instant? { times.first?.when }

  /// How many looks are planned, for tests.
  var count: Int { planned.values.reduce(0) { $0 + $1.count } }

  mutating func add(_ look: Look, _ id: UInt64, on word: SharedWord32, while value: UInt32) {
    let kin = Kin(word, while: value, alike: look.alike, id: id)
    self.kin[id] = kin
    let first = Self.time(after: look.first, every: Self.grain)
    if let group = groups[kin] {
      groups[kin]!.others[id] = look.isDue
      if group.next <= first { return }
      groups[kin]!.next = first
    } else {
      groups[kin] = Group(id: id, isDue: look.isDue, next: first)
    }
    plan([kin], at: first)
  }

  mutating func remove(_ id: UInt64) {
    guard let kin = kin.removeValue(forKey: id), let group = groups[kin] else { return }
    if group.id != id {
      groups[kin]!.others[id] = nil
    } else if let (other, isDue) = groups[kin]!.others.popFirst() {
      groups[kin]!.id = other
      groups[kin]!.isDue = isDue
    } else {
      groups[kin] = nil
    }
  }

  /// Looks for a group at once, if there is one.
  mutating func hurry(_ kin: Kin) {
    let now = SuspendingClock.now
    if groups[kin] == nil { return }
    groups[kin]!.next = now
    plan([kin], at: now)
  }

  private mutating func plan(_ kin: [Kin], at time: SuspendingClock.Instant) {
    if planned[time]?.append(contentsOf: kin) == nil {
      planned[time] = kin
      times.insert((), at: time)
    }
  }

  /// Takes some of the looks whose time has come.
  ///
  /// - Parameters:
  ///   - now: The time.
  ///   - limit: How many looks to take.
  /// - Returns: One sleeper of each group for which it is due.
  mutating func take(at now: SuspendingClock.Instant, limit: Int = 64) -> [UInt64] {
    var due: [UInt64] = []
    var left = limit
    // Those that come next at the same time, usually all.
    var later: (kin: [Kin], time: SuspendingClock.Instant) = ([], now)
    defer { if !later.kin.isEmpty { plan(later.kin, at: later.time) } }
    while left > 0, let (_, time) = times.first, time <= now {
      guard let kin = planned[time]?.popLast() else {
        planned[time] = nil
        times.removeFirst()
        continue
      }
      guard let index = groups.index(forKey: kin), groups.values[index].next == time else {
        continue
      }
      let length = min(groups.values[index].length * 2, Sleeps.longestLength)
      let next = Self.time(after: now, every: length)
      groups.values[index].length = length
      groups.values[index].next = next
      if next != later.time {
        if !later.kin.isEmpty { plan(later.kin, at: later.time) }
        later = ([], next)
      }
      later.kin.append(kin)
      if groups.values[index].isDue() { due.append(groups.values[index].id) }
      left -= 1
    }
    return due
  }
}
