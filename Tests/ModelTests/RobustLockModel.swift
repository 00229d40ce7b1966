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

/// The protocol of `RobustLock`, step by step as its source labels them, and the searches through
/// its states.
enum RobustLockModel {
  /// The steps and orderings that can be left out or weakened.
  ///
  /// Three faults are missing here, as they break nothing: the change count may be relaxed, as U2 releases
  /// it and the kernel orders the sleep after it; U1 may come after U2, before all sleepers on the
  /// changeCount are woken; and without D3 sleepers find out when their sleep ends.
  enum Fault: CaseIterable {
    case takenWithoutExchange, takenRelaxed, takenRelaxedAfterSleep
    case releasedRelaxed, releasedWithoutExchange, wokenBeforeRelease, notWoken
    case notMarked, markDroppedAfterSleep
    case changeNotMarked, changeMarkedAfterRelease, turnNotAdvanced
    case changeNotWoken, oneWokenOfChange
    case deathNotAsked, deathInverted, abandonedAsFree, abandonedRelaxed
    case abandonedWithoutExchange, abandonedTakenRelaxed, oneWokenOfAbandoned
    case numberNotForgotten, numberForgottenOnce

    /// The first violation that the fault causes.
    var problem: String {
      switch self {
      case .takenWithoutExchange, .takenRelaxed, .takenRelaxedAfterSleep, .releasedRelaxed:
        "two: torn: 0 and 1"
      case .releasedWithoutExchange, .wokenBeforeRelease, .notWoken, .notMarked, .oneWokenOfChange:
        "two: asleep for ever"
      case .markDroppedAfterSleep, .oneWokenOfAbandoned: "three: asleep for ever"
      case .changeNotMarked, .changeMarkedAfterRelease, .turnNotAdvanced, .changeNotWoken:
        "one: asleep for ever"
      case .deathNotAsked, .deathInverted, .numberNotForgotten, .numberForgottenOnce:
        "there is no end"
      case .abandonedAsFree: "two: in, though one has died inside"
      case .abandonedRelaxed, .abandonedWithoutExchange, .abandonedTakenRelaxed:
        "three: what the dead one has stored is not seen"
      }
    }
  }

  // The words of the memory.
  private static let word = 0
  private static let changeCount = 1
  private static let first = 2
  private static let second = 3
  /// The progress of the holder, changed only by exchanges, so that every thread sees the newest.
  private static let progress = 4

  private static let waiters: UInt8 = 0x80
  private static let abandoned: UInt8 = 0x7F

  /// The program of one thread.
  private struct Program: ModelProgram {
    // Registers: 0 word, 1 whether the last sleep ended by itself, 2 value that an exchange found,
    // 3 whether the last holder died, 4 and 5 data, 6 changeCount, 7 word before its release, 8 the
    // kernel's answer, 9 progress.
    var fault: Fault?
    /// The number of the thread less 1, and of the word's holder less 1 while it holds the lock.
    var index: Int
    /// For each number of a handle, less 1, the threads that have it.
    var holders: [[Int]] = [[0], [1], [2]]
    var isRecovering = false
    var instructions: [WeakMemory.Instruction] = []
    var labelCount = 0

    init(_ fault: Fault?, index: Int, isRecovering: Bool = false) {
      self.fault = fault
      self.index = index
      self.isRecovering = isRecovering
    }

    private var number: UInt8 { UInt8(index + 1) }

    /// L1, and the wait if the lock is not free; goes to `died` if its holder died and this thread
    /// does not recover.
    mutating func lock(orGoTo died: String) {
      let number = number
      let (again, held, taken, asleep) = (
        label("again"), label("held"), label("taken"), label("asleep")
      )
      clear(3)
      if fault == .takenWithoutExchange {
        add(.load(into: 0, .acquiring, at: { _ in word }))
        go(to: again) { $0[0] != 0 }
        add(.store(.relaxed, at: { _ in word }) { _ in number })
        go(to: taken) { _ in true }
      } else {
        let order = fault == .takenRelaxed ? WeakMemory.Order.relaxed : .acquiring
        add(.compareExchange(into: 0, order, at: { _ in word }, { _ in 0 }, { _ in number }))
        go(to: taken) { $0[0] == 0 }
      }

      add(.label(again), .load(into: 0, .relaxed, at: { _ in word }))
      go(to: held) { ($0[0] & ~waiters) != 0 && ($0[0] & ~waiters) != abandoned }
      let isFaultFree = fault != .abandonedAsFree
      let isRecovering = isRecovering
      go(to: died) { $0[0] & ~waiters == abandoned && !isRecovering && isFaultFree }
      let mark = fault == .markDroppedAfterSleep ? 0 : waiters
      let orphaned = label("orphaned")
      func take(relaxedBy fault: Fault, _ program: inout Program) {
        program.add(
          .compareExchange(
            into: 2, program.fault == fault ? .relaxed : .acquiring, at: { _ in word },
            { $0[0] }, { _ in number | mark }))
        program.go(to: again) { $0[2] != $0[0] }
      }
      go(to: orphaned) { $0[0] & ~waiters == abandoned }
      take(relaxedBy: .takenRelaxedAfterSleep, &self)
      go(to: taken) { _ in true }
      add(.label(orphaned))
      take(relaxedBy: .abandonedTakenRelaxed, &self)
      add(.set(3) { _ in isFaultFree ? 1 : 0 })
      go(to: taken) { _ in true }

      add(.label(held))
      if fault != .notMarked {
        go(to: asleep) { $0[0] & waiters != 0 }
        add(
          .compareExchange(
            into: 2, .relaxed, at: { _ in word }, { $0[0] }, { $0[0] | waiters }))
        go(to: again) { $0[2] != $0[0] }
        add(.set(0) { $0[0] | waiters }, .label(asleep))
      }
      if fault != .deathNotAsked { abandonIfDead(again) }
      clear(2, 8)
      add(.sleep(into: 1, at: { _ in word }, while: { $0[0] }))
      go(to: again) { _ in true }
      add(.label(taken))
      clear(0, 1, 2, 8)
    }

    /// D1 to D3, if the last sleep ended by itself.
    private mutating func abandonIfDead(_ again: String) {
      let alive = label("alive")
      let isInverted = fault == .deathInverted
      go(to: alive) { $0[1] == 0 }
      for (index, holders) in holders.enumerated() {
        let next = label("not \(index)")
        go(to: next) { $0[0] & ~waiters != UInt8(index + 1) }
        for holder in holders where holder != self.index {
          add(.ask(into: 8, about: { _ in holder }))
          go(to: alive) { ($0[8] == 0) != isInverted }
        }
        if holders.contains(self.index) { go(to: alive) { _ in true } }
        add(.label(next))
      }
      abandon()
      clear(1)
      go(to: again) { _ in true }
      add(.label(alive))
    }

    /// D2 and D3.
    private mutating func abandon() {
      if fault == .abandonedWithoutExchange {
        add(.store(.releasing, at: { _ in word }) { _ in abandoned })
      } else {
        let order = fault == .abandonedRelaxed ? WeakMemory.Order.relaxed : .releasing
        add(.compareExchange(into: 2, order, at: { _ in word }, { $0[0] }, { _ in abandoned }))
      }
      add(.wake(into: 2, at: { _ in word }, atMost: 3))
    }

    /// What a handle does when it gets a number for the first time.
    mutating func forget() {
      if fault == .numberNotForgotten { return }
      let (number, end) = (number, label("forgotten"))
      let again = label("forget")
      add(.label(again), .load(into: 0, .relaxed, at: { _ in word }))
      go(to: end) { $0[0] & ~waiters != number }
      abandon()
      // Another thread may have set the mark meanwhile.
      if fault != .numberForgottenOnce { go(to: again) { _ in true } }
      add(.label(end))
      clear(0, 2)
    }

    /// Gives the lock back in the state of a dead holder's lock.
    mutating func unlockAbandoned() {
      release(to: abandoned)
      if fault != .oneWokenOfAbandoned { add(.wake(into: 7, at: { _ in word }, atMost: 3)) }
      clear(7)
    }

    mutating func unlock() {
      let end = label("unlocked")
      let unchanged = label("unchanged")
      add(.load(into: 6, .relaxed, at: { _ in changeCount }))
      if fault != .turnNotAdvanced {
        go(to: unchanged) { $0[6] & 1 == 0 }
        add(.store(.releasing, at: { _ in changeCount }) { ($0[6] & ~1) + 2 }, .label(unchanged))
      }
      release()
      if fault != .changeNotWoken {
        go(to: end) { $0[6] & 1 == 0 }
        add(.wake(into: 6, at: { _ in changeCount }, atMost: fault == .oneWokenOfChange ? 1 : 3))
      }
      add(.label(end))
      clear(6, 7)
    }

    /// U2 and U3.
    private mutating func release(to value: UInt8 = 0) {
      let end = label("released")
      if fault == .wokenBeforeRelease {
        add(.load(into: 7, .relaxed, at: { _ in word }))
        wakeOne(orGoTo: end)
        add(.label(end))
      }
      let order = fault == .releasedRelaxed ? WeakMemory.Order.relaxed : .releasing
      if fault == .releasedWithoutExchange {
        add(
          .load(into: 7, .relaxed, at: { _ in word }),
          .store(order, at: { _ in word }) { _ in value })
      } else {
        add(.exchange(into: 7, order, at: { _ in word }) { _ in value })
      }
      if fault != .notWoken && fault != .wokenBeforeRelease {
        wakeOne(orGoTo: end)
        add(.label(end))
      }
      clear(7)
    }

    private mutating func wakeOne(orGoTo end: String) {
      go(to: end) { $0[7] & waiters == 0 }
      add(.wake(into: 7, at: { _ in word }, atMost: 1))
    }

    /// Gives the lock back, and sleeps until another thread has held it.
    mutating func sleepUntilChanged() {
      add(.load(into: 6, .relaxed, at: { _ in changeCount }), .set(6) { $0[6] | 1 })
      if fault == .changeMarkedAfterRelease { release() }
      if fault != .changeNotMarked { add(.store(.releasing, at: { _ in changeCount }) { $0[6] }) }
      if fault == .changeNotMarked { add(.set(6) { $0[6] & ~1 }) }
      if fault != .changeMarkedAfterRelease { release() }
      add(.sleep(into: 1, at: { _ in changeCount }, while: { $0[6] }))
      clear(1, 6)
    }

    /// Adds 1 to both numbers, which are equal whenever the lock is free.
    mutating func add() {
      add(
        .load(into: 4, .relaxed, at: { _ in first }),
        .load(into: 5, .relaxed, at: { _ in second }),
        .check { $0[4] == $0[5] ? nil : "torn: \($0[4]) and \($0[5])" },
        .store(.relaxed, at: { _ in first }) { $0[4] + 1 },
        .store(.relaxed, at: { _ in second }) { $0[5] + 1 },
        .set(4) { $0[4] + 1 }, .set(5) { _ in 0 })
    }

    /// The same as `add`, by a thread that may be killed anywhere, and that repairs what a killed
    /// one has left.
    mutating func repairAndAdd() {
      add(
        .exchange(into: 9, .relaxed, at: { _ in progress }) { _ in 1 },
        .check { $0[9] > 0 && $0[3] == 0 ? "in, though one has died inside" : nil },
        .load(into: 4, .relaxed, at: { _ in first }),
        .load(into: 5, .relaxed, at: { _ in second }),
        .check { $0[9] > 1 && $0[4] == 0 ? "what the dead one has stored is not seen" : nil },
        .check { $0[9] > 2 && $0[5] == 0 ? "what the dead one has stored is not seen" : nil },
        .check { $0[3] == 0 && $0[4] != $0[5] ? "torn: \($0[4]) and \($0[5])" : nil },
        .store(.relaxed, at: { _ in first }) { $0[4] + 1 },
        .exchange(into: 9, .relaxed, at: { _ in progress }) { _ in 2 },
        .store(.relaxed, at: { _ in second }) { $0[4] + 1 },
        .exchange(into: 9, .relaxed, at: { _ in progress }) { _ in 3 },
        .set(4) { $0[4] + 1 }, .set(5) { _ in 0 },
        .exchange(into: 9, .relaxed, at: { _ in progress }) { _ in 0 })
      clear(9)
    }
  }

  private static let names = ["one", "two", "three"]

  /// Threads that each take the lock the given number of times, and add.
  static func adders(_ counts: [Int], _ fault: Fault? = nil) -> WeakMemory.Outcome {
    WeakMemory.explore(
      [0, 0, 0, 0],
      counts.enumerated().map { index, count in
        var program = Program(fault, index: index)
        for _ in 0..<count {
          program.lock(orGoTo: "end")
          program.add()
          program.unlock()
        }
        program.add(.label("end"))
        return WeakMemory.Thread(name: names[index], program: program.instructions)
      })
  }

  /// Threads that wait for the first number to be 1, and one that sets it.
  static func waiters(_ count: Int, _ fault: Fault? = nil) -> WeakMemory.Outcome {
    var threads: [WeakMemory.Thread] = []
    for index in 0..<count {
      var program = Program(fault, index: index)
      program.add(.label("look"))
      program.lock(orGoTo: "end")
      program.add(.load(into: 4, .relaxed, at: { _ in first }))
      program.go(to: "came") { $0[4] == 1 }
      program.sleepUntilChanged()
      program.go(to: "look") { _ in true }
      program.add(.label("came"))
      program.unlock()
      program.add(.label("end"))
      threads.append(WeakMemory.Thread(name: names[index], program: program.instructions))
    }
    var program = Program(fault, index: count)
    program.lock(orGoTo: "end")
    program.add(.store(.relaxed, at: { _ in first }) { _ in 1 })
    program.unlock()
    program.add(.label("end"))
    threads.append(WeakMemory.Thread(name: "changer", program: program.instructions))
    return WeakMemory.explore([0, 0, 0, 0], threads)
  }

  /// The first thread may be killed; its successors recover, or leave the lock unrepaired.
  static func mortal(
    _ areRecovering: [Bool], _ fault: Fault? = nil, isNumberTakenAgain: Bool = false
  ) -> WeakMemory.Outcome {
    var threads: [WeakMemory.Thread] = []
    for (position, isRecovering) in ([true] + areRecovering).enumerated() {
      let isAgain = isNumberTakenAgain && position == 2
      var program = Program(fault, index: isAgain ? 0 : position, isRecovering: isRecovering)
      if isNumberTakenAgain { program.holders = [[0, 2], [1]] }
      if isAgain { program.forget() }
      program.lock(orGoTo: "end")
      program.repairAndAdd()
      program.unlock()
      program.add(.label("end"))
      threads.append(
        WeakMemory.Thread(
          name: names[position], program: program.instructions, isMortal: position == 0,
          successor: isAgain ? 0 : nil))
    }
    return WeakMemory.explore([0, 0, 0, 0, 0], threads)
  }

  /// A lock whose holder died: one thread gives up the repair, and others do not repair.
  static func failedRepair(_ fault: Fault? = nil) -> WeakMemory.Outcome {
    let threads = (0..<3).map { index in
      var program = Program(fault, index: index, isRecovering: index == 0)
      program.lock(orGoTo: "end")
      if index == 0 { program.unlockAbandoned() }
      program.add(.check { $0[3] == 0 ? "in, though one has died inside" : nil }, .label("end"))
      return WeakMemory.Thread(name: names[index], program: program.instructions)
    }
    return WeakMemory.explore([abandoned, 0], threads)
  }

  /// The smallest search that finds a fault.
  static func search(for fault: Fault) -> WeakMemory.Outcome {
    switch fault {
    case .changeNotMarked, .changeMarkedAfterRelease, .turnNotAdvanced, .changeNotWoken:
      waiters(1, fault)
    case .oneWokenOfChange: waiters(2, fault)
    case .deathNotAsked, .deathInverted, .abandonedAsFree: mortal([true], fault)
    case .markDroppedAfterSleep: adders([1, 1, 1], fault)
    case .abandonedRelaxed, .abandonedWithoutExchange, .abandonedTakenRelaxed:
      mortal([true, true], fault)
    case .oneWokenOfAbandoned: failedRepair(fault)
    case .numberNotForgotten, .numberForgottenOnce:
      mortal([true, true], fault, isNumberTakenAgain: true)
    default: adders([1, 1], fault)
    }
  }
}
