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

extension WeakMemory {
  /// The number of entries of each word's list that have been seen, less 1; below 128 for each
  /// word.
  struct View: Hashable {
    static let wordCount = 8

    private(set) var bits: UInt64 = 0

    subscript(word: Int) -> Int {
      get { Int(truncatingIfNeeded: bits >> UInt64(truncatingIfNeeded: word * 8) & 0x7F) }
      set {
        precondition(newValue < 128, "There are too many entries")
        let shift = UInt64(truncatingIfNeeded: word * 8)
        bits = bits & ~(0xFF << shift) | UInt64(truncatingIfNeeded: newValue) << shift
      }
    }

    /// The greater number for each word.
    func joined(_ other: View) -> View {
      let high: UInt64 = 0x8080_8080_8080_8080
      let isGreater = ((bits | high) &- other.bits) & high
      let mask = (isGreater >> 7) &* 0xFF
      var view = View()
      view.bits = bits & mask | other.bits & ~mask
      return view
    }
  }

  struct Entry {
    var value: UInt8
    var view: View
    /// Whether an exchange loaded the entry before and stored this one.
    var isTied = false
  }

  struct ThreadState {
    var position = 0
    var registers = Registers()
    /// The entries that the thread has seen.
    var current = View()
    /// The entries that an acquiring fence adds.
    var pending = View()
    /// The view that a relaxed store carries: the entries seen at the last releasing fence.
    var released = View()
    var hasBegun = false
    var isOver = false
    var isKilled = false
    var sleepsOn: Int?
  }

  struct State {
    var words: [[Entry]]
    var threads: [ThreadState]
    /// The entries seen at any sequentially consistent fence.
    var global = View()

    /// Inserts an entry, and shifts in all views the entries behind it.
    mutating func insert(_ entry: Entry, into word: Int, at position: Int) {
      if position < words[word].count {
        changeViews { if $0[word] >= position { $0[word] += 1 } }
      }
      words[word].insert(entry, at: position)
    }

    /// Removes the first entries of a word.
    mutating func removeFirst(_ count: Int, of word: Int) {
      words[word].removeFirst(count)
      words[word][0].isTied = false
      changeViews { $0[word] = max(0, $0[word] - count) }
    }

    private mutating func changeViews(_ change: (inout View) -> Void) {
      for word in words.indices {
        for index in words[word].indices { change(&words[word][index].view) }
      }
      for index in threads.indices {
        change(&threads[index].current)
        change(&threads[index].pending)
        change(&threads[index].released)
      }
      change(&global)
    }

    /// A key that only equal states share.
    var key: Key {
      var bits = [global.bits]
      bits.reserveCapacity(32)
      for word in words {
        bits.append(UInt64(truncatingIfNeeded: word.count))
        for entry in word {
          bits.append(entry.view.bits)
          bits.append(UInt64(entry.value) << 1 | (entry.isTied ? 1 : 0))
        }
      }
      for thread in threads {
        let registers = unsafeBitCast(thread.registers, to: SIMD2<UInt64>.self)
        bits.append(registers.x)
        bits.append(registers.y)
        bits.append(thread.current.bits)
        bits.append(thread.pending.bits)
        bits.append(thread.released.bits)
        let flags: Int =
          (thread.hasBegun ? 1 : 0) | (thread.isOver ? 2 : 0) | (thread.isKilled ? 4 : 0)
        let sleep: Int = (thread.sleepsOn ?? View.wordCount) << 8
        bits.append(UInt64(truncatingIfNeeded: thread.position << 16 | sleep | flags))
      }
      return Key(bits: bits)
    }
  }

  struct Key: Hashable {
    let bits: [UInt64]

    func hash(into hasher: inout Hasher) {
      bits.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }
}
