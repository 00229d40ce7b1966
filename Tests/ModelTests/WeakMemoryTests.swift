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

import Testing

/// Known results of small programs, which show that the model is neither too strict nor too lax.
@Suite("Weak memory")
struct WeakMemoryTests {
  typealias Instruction = WeakMemory.Instruction
  typealias Thread = WeakMemory.Thread

  /// Stores data, and then a flag that announces it.
  private static func writer(_ data: Int, _ flag: Int) -> Thread {
    Thread(
      name: "writer",
      program: [
        .store(.relaxed, at: { _ in data }) { _ in 1 },
        .store(.releasing, at: { _ in flag }) { _ in 1 },
      ])
  }

  /// Stores data and then a flag, and loads the flag and then the data.
  private func messagePassing(
    store: WeakMemory.Order, load: WeakMemory.Order, fences: Set<WeakMemory.Order> = []
  ) -> WeakMemory.Outcome {
    let (data, flag) = (0, 1)
    var writer: [Instruction] = [.store(.relaxed, at: { _ in data }) { _ in 1 }]
    if fences.contains(.releasing) { writer.append(.fence(.releasing)) }
    writer.append(.store(store, at: { _ in flag }) { _ in 1 })
    var reader: [Instruction] = [.load(into: 0, load, at: { _ in flag })]
    if fences.contains(.acquiring) { reader.append(.fence(.acquiring)) }
    reader += [
      .load(into: 1, .relaxed, at: { _ in data }),
      .check { $0[0] == 1 && $0[1] == 0 ? "the flag without the data" : nil },
    ]
    return WeakMemory.explore(
      [0, 0], [Thread(name: "writer", program: writer), Thread(name: "reader", program: reader)])
  }

  @Test("A flag publishes the data only with an ordering on both sides")
  func messages() {
    #expect(messagePassing(store: .releasing, load: .acquiring).violation == nil)
    let both: Set<WeakMemory.Order> = [.releasing, .acquiring]
    #expect(messagePassing(store: .relaxed, load: .relaxed, fences: both).violation == nil)
    #expect(
      messagePassing(store: .relaxed, load: .acquiring, fences: [.releasing]).violation == nil)
    #expect(
      messagePassing(store: .releasing, load: .relaxed, fences: [.acquiring]).violation == nil)
    for (store, load, fences) in [
      (WeakMemory.Order.relaxed, WeakMemory.Order.acquiring, Set<WeakMemory.Order>()),
      (.releasing, .relaxed, []), (.relaxed, .relaxed, []),
      (.relaxed, .relaxed, [.releasing]), (.relaxed, .relaxed, [.acquiring]),
      (.relaxed, .acquiring, [.acquiring]), (.releasing, .relaxed, [.releasing]),
    ] {
      let outcome = messagePassing(store: store, load: load, fences: fences)
      #expect(outcome.violation == "reader: the flag without the data")
      #expect(
        outcome.trace.last?.hasPrefix("reader loads 0 from 0") == true, "\(outcome.trace)")
    }
  }

  @Test("Two threads that each store and then load the other's word can both see the old value")
  func storeBuffering() {
    func program(_ own: Int, _ other: Int) -> [Instruction] {
      [
        .store(.releasing, at: { _ in own }) { _ in 1 },
        .load(into: 0, .acquiring, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1)), Thread(name: "other", program: program(1, 0)),
      ])
    let seen = Set(outcome.ends.map { [$0[0][0], $0[1][0]] })
    #expect(seen == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  @Test("Loads of one word do not go back, and two readers may see two words in two orders")
  func coherence() {
    let writer = Thread(
      name: "writer",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 0 }) { _ in 2 },
      ])
    let reader = Thread(
      name: "reader",
      program: [
        .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
        .check { $0[1] < $0[0] ? "back from \($0[0]) to \($0[1])" : nil },
      ])
    #expect(WeakMemory.explore([0], [writer, reader]).violation == nil)

    func readers(_ first: Int, _ second: Int) -> [Instruction] {
      [
        .load(into: 0, .acquiring, at: { _ in first }),
        .load(into: 1, .acquiring, at: { _ in second }),
      ]
    }
    func writers(_ word: Int) -> Thread {
      Thread(
        name: "writer of \(word)", program: [.store(.releasing, at: { _ in word }) { _ in 1 }])
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        writers(0), writers(1), Thread(name: "one", program: readers(0, 1)),
        Thread(name: "other", program: readers(1, 0)),
      ])
    let seen = outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] }
    #expect(seen.contains([1, 0, 1, 0]))
  }

  @Test(
    "A thread can be killed before any of its stores, and its successor sees what it has stored")
  func death() {
    let first = Thread(
      name: "first",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 1 }) { _ in 1 },
        .store(.relaxed, at: { _ in 2 }) { _ in 1 },
      ], isMortal: true)
    let second = Thread(
      name: "second",
      program: [
        .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 1 }),
      ], successor: 0)
    let outcome = WeakMemory.explore([0, 0, 0], [first, second])
    #expect(Set(outcome.ends.map { [$0[1][0], $0[1][1]] }) == [[0, 0], [1, 0], [1, 1]])
  }

  @Test("A successor sees what its predecessor has acquired, and not what it would have acquired")
  func deathBeforeFence() {
    let (data, flag, found) = (0, 1, 2)
    func seen(mortal: Bool) -> Set<[UInt8]> {
      let outcome = WeakMemory.explore(
        [0, 0, 0],
        [
          Self.writer(data, flag),
          Thread(
            name: "first",
            program: [
              .load(into: 0, .relaxed, at: { _ in flag }),
              .store(.relaxed, at: { _ in found }) { $0[0] }, .fence(.acquiring),
            ],
            isMortal: mortal),
          Thread(
            name: "second",
            program: [
              .load(into: 0, .relaxed, at: { _ in found }),
              .load(into: 1, .relaxed, at: { _ in data }),
            ], successor: 1),
        ])
      return Set(outcome.ends.map { [$0[2][0], $0[2][1]] })
    }
    #expect(seen(mortal: false) == [[0, 0], [0, 1], [1, 1]])
    #expect(seen(mortal: true) == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  // MARK: - Several threads that store into a word

  @Test("Stores of two threads into one word have one order, which every thread sees")
  func orderOfStores() {
    func writer(_ value: UInt8) -> Thread {
      Thread(name: "writer of \(value)", program: [.store(.relaxed, at: { _ in 0 }) { _ in value }])
    }
    func reader(_ name: String) -> Thread {
      Thread(
        name: name,
        program: [
          .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
        ])
    }
    let outcome = WeakMemory.explore([0], [writer(1), writer(2), reader("one"), reader("other")])
    let seen = Set(outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] })
    #expect(seen.contains([1, 2, 1, 2]))
    #expect(seen.contains([2, 1, 2, 1]))
    #expect(!seen.contains([1, 2, 2, 1]))
    #expect(!seen.contains([2, 1, 1, 2]))
  }

  @Test("The orders of two words need not agree, but do where the stores release")
  func ordersOfTwoWords() {
    // Each thread stores into both words, and then loads the one that the other has stored first.
    func program(_ one: Int, _ other: Int) -> [Instruction] {
      [
        .store(.relaxed, at: { _ in one }) { _ in 1 },
        .store(.releasing, at: { _ in other }) { _ in 2 },
        .load(into: 0, .acquiring, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1)), Thread(name: "other", program: program(1, 0)),
      ])
    #expect(
      Set(outcome.ends.map { [$0[0][0], $0[1][0]] }) == [[1, 1], [1, 2], [2, 1], [2, 2]])
  }

  @Test("No store comes between what a compare-exchange has loaded and what it stores")
  func exchangeIsAtomic() {
    let outcome = WeakMemory.explore(
      [0],
      [
        Thread(
          name: "exchanger",
          program: [.compareExchange(into: 0, .relaxed, at: { _ in 0 }, { _ in 0 }, { _ in 1 })]),
        Thread(name: "writer", program: [.store(.relaxed, at: { _ in 0 }) { _ in 2 }]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .relaxed, at: { _ in 0 }), .load(into: 1, .relaxed, at: { _ in 0 }),
          ]),
      ])
    let seen = Set(outcome.ends.map { [$0[0][0], $0[2][0], $0[2][1]] })
    #expect(seen.contains([0, 1, 2]))
    #expect(!seen.contains([0, 2, 1]))
    // A compare-exchange that has loaded 2 has stored nothing.
    #expect(seen.contains([2, 0, 2]))
    #expect(!seen.contains([2, 1, 1]))
  }

  /// Passes data on through a third thread, which changes the flag from 1 to 2.
  private func passingOn(_ exchange: Instruction) -> String? {
    let (data, flag) = (0, 1)
    return WeakMemory.explore(
      [0, 0],
      [
        Self.writer(data, flag),
        Thread(
          name: "between",
          program: [
            .load(into: 0, .relaxed, at: { _ in flag }), .go(to: "end") { $0[0] != 1 }, exchange,
            .label("end"),
          ]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .acquiring, at: { _ in flag }),
            .load(into: 1, .relaxed, at: { _ in data }),
            .check { $0[0] == 2 && $0[1] == 0 ? "the flag without the data" : nil },
          ]),
      ]
    ).violation
  }

  @Test("A relaxed compare-exchange carries on what it has loaded, and a relaxed store does not")
  func releaseSequence() {
    #expect(
      passingOn(.compareExchange(into: 1, .relaxed, at: { _ in 1 }, { _ in 1 }, { _ in 2 })) == nil)
    #expect(
      passingOn(.store(.relaxed, at: { _ in 1 }) { _ in 2 }) == "reader: the flag without the data")
  }

  /// Two threads that each add 1 to a counter under a lock.
  private func lock(
    _ taking: WeakMemory.Order, _ giving: WeakMemory.Order, isAtomic: Bool = true
  ) -> WeakMemory.Outcome {
    let (lock, counter) = (0, 1)
    var program: [Instruction] = [.label("again")]
    if isAtomic {
      program.append(.compareExchange(into: 0, taking, at: { _ in lock }, { _ in 0 }, { _ in 1 }))
      program.append(.go(to: "again") { $0[0] != 0 })
    } else {
      program.append(.load(into: 0, taking, at: { _ in lock }))
      program.append(.go(to: "again") { $0[0] != 0 })
      program.append(.store(.relaxed, at: { _ in lock }) { _ in 1 })
    }
    program += [
      .load(into: 1, .relaxed, at: { _ in counter }),
      .set(1) { $0[1] + 1 },
      .store(.relaxed, at: { _ in counter }) { $0[1] },
      .store(giving, at: { _ in lock }) { _ in 0 },
    ]
    return WeakMemory.explore(
      [0, 0], [Thread(name: "one", program: program), Thread(name: "other", program: program)])
  }

  @Test("A compare-exchange lock admits one thread at a time, and shows it what the last one did")
  func mutualExclusion() {
    func counts(_ outcome: WeakMemory.Outcome) -> Set<[UInt8]> {
      Set(outcome.ends.map { [$0[0][1], $0[1][1]].sorted() })
    }
    #expect(counts(lock(.acquiring, .releasing)) == [[1, 2]])
    #expect(counts(lock(.acquiringAndReleasing, .releasing)) == [[1, 2]])
    // A thread that also counts to 1 has not seen what the other did.
    #expect(counts(lock(.relaxed, .releasing)).contains([1, 1]))
    #expect(counts(lock(.acquiring, .relaxed)).contains([1, 1]))
    #expect(counts(lock(.acquiring, .releasing, isAtomic: false)).contains([1, 1]))
  }

  // MARK: - Sequentially consistent fences, exchanges

  /// Two threads that each store, make a fence, and load the other's word.
  private func storeBuffering(_ one: WeakMemory.Order, _ other: WeakMemory.Order) -> Set<[UInt8]> {
    func program(_ own: Int, _ other: Int, _ fence: WeakMemory.Order) -> [Instruction] {
      [
        .store(.relaxed, at: { _ in own }) { _ in 1 }, .fence(fence),
        .load(into: 0, .relaxed, at: { _ in other }),
      ]
    }
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(name: "one", program: program(0, 1, one)),
        Thread(name: "other", program: program(1, 0, other)),
      ])
    return Set(outcome.ends.map { [$0[0][0], $0[1][0]] })
  }

  @Test("With a sequentially consistent fence in both, one of two threads sees the other's store")
  func fencesAgainstStoreBuffering() {
    #expect(
      storeBuffering(.sequentiallyConsistent, .sequentiallyConsistent) == [
        [0, 1], [1, 0], [1, 1],
      ])
    #expect(storeBuffering(.sequentiallyConsistent, .acquiringAndReleasing).contains([0, 0]))
    #expect(storeBuffering(.acquiringAndReleasing, .acquiringAndReleasing).contains([0, 0]))
  }

  @Test("With sequentially consistent fences two readers see two words in one order")
  func fencesOfReaders() {
    func seen(_ fence: WeakMemory.Order) -> Set<[UInt8]> {
      func reader(_ name: String, _ first: Int, _ second: Int) -> Thread {
        Thread(
          name: name,
          program: [
            .load(into: 0, .relaxed, at: { _ in first }), .fence(fence),
            .load(into: 1, .relaxed, at: { _ in second }),
          ])
      }
      func writer(_ word: Int) -> Thread {
        Thread(
          name: "writer of \(word)", program: [.store(.releasing, at: { _ in word }) { _ in 1 }])
      }
      let outcome = WeakMemory.explore(
        [0, 0], [writer(0), writer(1), reader("one", 0, 1), reader("other", 1, 0)])
      return Set(outcome.ends.map { [$0[2][0], $0[2][1], $0[3][0], $0[3][1]] })
    }
    #expect(seen(.acquiringAndReleasing).contains([1, 0, 1, 0]))
    #expect(!seen(.sequentiallyConsistent).contains([1, 0, 1, 0]))
  }

  @Test("A sequentially consistent fence publishes data as a releasing and an acquiring one do")
  func fencesOfMessages() {
    let fences: Set<WeakMemory.Order> = [.releasing, .acquiring]
    #expect(messagePassing(store: .relaxed, load: .relaxed, fences: fences).violation == nil)
    let (data, flag) = (0, 1)
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Thread(
          name: "writer",
          program: [
            .store(.relaxed, at: { _ in data }) { _ in 1 }, .fence(.sequentiallyConsistent),
            .store(.relaxed, at: { _ in flag }) { _ in 1 },
          ]),
        Thread(
          name: "reader",
          program: [
            .load(into: 0, .relaxed, at: { _ in flag }), .fence(.sequentiallyConsistent),
            .load(into: 1, .relaxed, at: { _ in data }),
            .check { $0[0] == 1 && $0[1] == 0 ? "the flag without the data" : nil },
          ]),
      ])
    #expect(outcome.violation == nil)
  }

  @Test("Each of two exchanges loads what the other has stored, or the initial value")
  func exchanges() {
    func exchanger(_ value: UInt8) -> Thread {
      Thread(
        name: "exchanger of \(value)",
        program: [.exchange(into: 0, .relaxed, at: { _ in 0 }) { _ in value }])
    }
    let outcome = WeakMemory.explore([0], [exchanger(1), exchanger(2)])
    #expect(Set(outcome.ends.map { [$0[0][0], $0[1][0]] }) == [[0, 1], [2, 0]])
    #expect(passingOn(.exchange(into: 1, .relaxed, at: { _ in 1 }) { _ in 2 }) == nil)
  }

  @Test("A compare-exchange that stores nothing orders nothing")
  func failedExchange() {
    let (data, flag) = (0, 1)
    let outcome = WeakMemory.explore(
      [0, 0],
      [
        Self.writer(data, flag),
        Thread(
          name: "reader",
          program: [
            .compareExchange(into: 0, .acquiring, at: { _ in flag }, { _ in 0 }, { _ in 0 }),
            .load(into: 1, .relaxed, at: { _ in data }),
          ]),
      ])
    #expect(outcome.ends.contains { $0[1][0] == 1 && $0[1][1] == 0 })
  }

  // MARK: - Sleeping and waking

  private static func sleeper(_ name: String = "sleeper", mortal: Bool = false) -> Thread {
    Thread(
      name: name,
      program: [
        .label("again"), .load(into: 0, .relaxed, at: { _ in 0 }), .go(to: "end") { $0[0] != 0 },
        .sleep(into: 1, at: { _ in 0 }, while: { _ in 0 }), .go(to: "again") { _ in true },
        .label("end"),
      ], isMortal: mortal)
  }

  private static func waker(atMost count: Int) -> Thread {
    Thread(
      name: "waker",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 },
        .wake(into: 0, at: { _ in 0 }, atMost: count),
      ])
  }

  @Test("No wake-up after a change of the word is missed; without a wake-up the sleeper sleeps on")
  func wakeUps() {
    let outcome = WeakMemory.explore([0], [Self.sleeper(), Self.waker(atMost: 1)])
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(Set(outcome.ends.map { $0[1][0] }) == [0, 1])
    let writer = Thread(
      name: "writer", program: [.store(.relaxed, at: { _ in 0 }) { _ in 1 }])
    #expect(
      WeakMemory.explore([0], [Self.sleeper(), writer]).violation == "sleeper: asleep for ever")
    var reversed = Self.waker(atMost: 1)
    reversed.program.reverse()
    #expect(
      WeakMemory.explore([0], [Self.sleeper(), reversed]).violation == "sleeper: asleep for ever")
  }

  @Test("As many sleepers as asked for are woken, any of them, and are counted")
  func wakeUpsOfSeveral() {
    func explore(_ count: Int) -> WeakMemory.Outcome {
      WeakMemory.explore(
        [0], [Self.sleeper("one"), Self.sleeper("other"), Self.waker(atMost: count)])
    }
    let outcome = explore(2)
    #expect(outcome.violation == nil, "\(outcome.trace)")
    #expect(Set(outcome.ends.map { $0[2][0] }) == [0, 1, 2])
    #expect(explore(1).violation?.hasSuffix(": asleep for ever") == true)
  }

  @Test("Either of two sleepers may be woken")
  func choiceOfWakeUp() {
    // The sleeper that is woken first finds 0 in the second word, and wakes the other.
    func sleeper(_ name: String) -> Thread {
      Thread(
        name: name,
        program: [
          .sleep(into: 1, at: { _ in 0 }, while: { _ in 0 }),
          .exchange(into: 0, .relaxed, at: { _ in 1 }) { _ in 1 },
          .store(.relaxed, at: { _ in 0 }) { _ in 1 },
          .wake(into: 2, at: { _ in 0 }, atMost: 1),
        ])
    }
    let waker = Thread(
      name: "waker",
      program: [
        .label("again"), .wake(into: 0, at: { _ in 0 }, atMost: 1), .go(to: "again") { $0[0] == 0 },
      ])
    let outcome = WeakMemory.explore([0, 0], [sleeper("one"), sleeper("other"), waker])
    #expect(outcome.violation == nil, "\(outcome.trace)")
    // Register 2 is 1 in a thread that has woken the other, which slept at the same time.
    let seen = Set(outcome.ends.map { [$0[0][0], $0[0][2], $0[1][0], $0[1][2]] })
    #expect(seen.isSuperset(of: [[0, 1, 1, 0], [1, 0, 0, 1]]))
  }

  @Test("Sleeps end by themselves once a thread was killed, and not before")
  func sleepsAfterDeath() {
    var waker = Self.waker(atMost: 1)
    waker.isMortal = true
    // A thread killed before it stores wakes no sleeper, and without a store there is no end.
    #expect(WeakMemory.explore([0], [Self.sleeper(), waker]).violation == "there is no end")
    let successor = Thread(
      name: "successor", program: [.store(.relaxed, at: { _ in 0 }) { _ in 1 }], successor: 1)
    let outcome = WeakMemory.explore([0], [Self.sleeper(), waker, successor])
    #expect(outcome.violation == nil, "\(outcome.trace)")
  }

  @Test("A thread that learns of another's death has seen all that it has stored")
  func asking() {
    let first = Thread(
      name: "first",
      program: [
        .store(.relaxed, at: { _ in 0 }) { _ in 1 }, .store(.relaxed, at: { _ in 1 }) { _ in 1 },
      ], isMortal: true)
    let asker = Thread(
      name: "asker",
      program: [
        .ask(into: 0, about: { _ in 0 }), .load(into: 2, .relaxed, at: { _ in 1 }),
        .load(into: 1, .relaxed, at: { _ in 0 }),
      ])
    let outcome = WeakMemory.explore([0, 0], [first, asker])
    let seen = Set(outcome.ends.map { [$0[1][0], $0[1][1], $0[1][2]] })
    // The first word may be seen without the second one, and after a death not the other way round.
    #expect(
      seen == [
        [0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1],
      ])
  }

  @Test("Where a thread may continue or jump, the search tries both")
  func branches() {
    let outcome = WeakMemory.explore(
      [0],
      [
        Thread(
          name: "one",
          program: [.maybeGo(to: "end"), .set(0) { _ in 1 }, .label("end")])
      ])
    #expect(Set(outcome.ends.map { $0[0][0] }) == [0, 1])
  }
}
