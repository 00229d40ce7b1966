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
