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
/// Looks at everything that small programs with shared words can do on a processor that keeps no
/// more order than the memory model of C and Swift demands, such as ARM.
///
/// Each word has a list of all that was stored into it. A thread has a view: how far in each list it
/// has seen. A load may give anything that is not older than the view. A releasing store carries the
/// view of its thread, which an acquiring load of it takes over; a fence does the same for the
/// relaxed stores behind it and the relaxed loads before it. This is the release-acquire part of the
/// model, as operational semantics with views have it.
///
/// A store goes anywhere behind what its thread has seen, unless a compare-exchange has tied two
/// entries together: it stores right behind the entry that it has loaded, and carries on its view.
///
/// A load never sees a store that has not happened yet. ARM can perform a relaxed store before an
/// earlier relaxed load, which shows only if two threads at once both load and then store.
struct WeakMemory {
  /// How many entries of each word's list have been seen, less one.
  typealias View = SIMD8<UInt8>
  /// The variables of a thread.
  typealias Registers = SIMD16<UInt8>

  enum Order {
    case relaxed, acquiring, releasing, acquiringAndReleasing

    var acquires: Bool { self == .acquiring || self == .acquiringAndReleasing }
    var releases: Bool { self == .releasing || self == .acquiringAndReleasing }
  }

  enum Instruction {
    case load(into: Int, Order, at: (Registers) -> Int)
    case store(Order, at: (Registers) -> Int, (Registers) -> UInt8)
    /// Loads, and stores the second value if it has loaded the first one.
    case compareExchange(
      into: Int, Order, at: (Registers) -> Int, (Registers) -> UInt8, (Registers) -> UInt8)
    case fence(Order)
    case set(Int, (Registers) -> UInt8)
    case go(to: String, if: (Registers) -> Bool)
    case label(String)
    /// Says what is wrong, if something is.
    case check((Registers) -> String?)
  }

  struct Thread {
    var name: String
    var program: [Instruction]
    /// Whether it may be killed before any of its steps.
    var isMortal = false
    /// The thread after whose end or death this one begins, seeing all that one has seen.
    var successor: Int?
  }

  private struct Entry: Hashable {
    var value: UInt8
    var view: View
    /// Whether a compare-exchange has loaded the entry before and stored this one.
    var isTied = false
  }

  private struct ThreadState: Hashable {
    var position = 0
    var registers = Registers()
    /// What the thread has seen.
    var current = View()
    /// What an acquiring fence adds to that.
    var pending = View()
    /// What a relaxed store carries: what was seen at the last releasing fence.
    var released = View()
    var hasBegun = false
    var isOver = false
  }

  private struct State: Hashable {
    var words: [[Entry]]
    var threads: [ThreadState]

    /// Inserts an entry, and moves on in all views what lies behind it.
    mutating func insert(_ entry: Entry, into word: Int, at position: Int) {
      if position < words[word].count {
        func move(_ view: inout View) {
          if Int(view[word]) >= position { view[word] += 1 }
        }
        for other in words.indices {
          for index in words[other].indices { move(&words[other][index].view) }
        }
        for index in threads.indices {
          move(&threads[index].current)
          move(&threads[index].pending)
          move(&threads[index].released)
        }
      }
      words[word].insert(entry, at: position)
    }
  }

  /// What a search has found.
  struct Outcome {
    var stateCount = 0
    /// The first violation, and what led to it.
    var violation: String?
    var trace: [String] = []
    /// The registers of all threads at the end of each complete run; zeros of a killed one.
    var ends: Set<[Registers]> = []
  }

  private let threads: [Thread]
  /// Where each step of each thread goes to, if it is a `go`.
  private let targets: [[Int]]
  private let initialValues: [UInt8]
  private var visited: Set<State> = []
  private var outcome = Outcome()

  private init(_ initialValues: [UInt8], _ threads: [Thread]) {
    self.initialValues = initialValues
    self.threads = threads
    targets = threads.map { thread in
      var labels: [String: Int] = [:]
      for (position, instruction) in thread.program.enumerated() {
        if case .label(let name) = instruction { labels[name] = position }
      }
      return thread.program.map { instruction in
        guard case .go(let name, _) = instruction else { return 0 }
        guard let position = labels[name] else { preconditionFailure("No label is \(name)") }
        return position
      }
    }
  }

  /// Searches through all that the threads can do.
  ///
  /// - Parameter initialValues: What each word holds at first.
  static func explore(_ initialValues: [UInt8], _ threads: [Thread]) -> Outcome {
    precondition(initialValues.count <= View.scalarCount, "There are too many words")
    var search = WeakMemory(initialValues, threads)
    var state = State(
      words: initialValues.map { [Entry(value: $0, view: View())] },
      threads: threads.map { _ in ThreadState() })
    for index in threads.indices where threads[index].successor == nil {
      state.threads[index].hasBegun = true
      if !search.advance(&state, index) { return search.outcome }
    }
    search.search(state)
    return search.outcome
  }

  private mutating func search(_ state: State) {
    guard outcome.violation == nil, visited.insert(state).inserted else { return }
    outcome.stateCount += 1
    if state.threads.allSatisfy(\.isOver) { outcome.ends.insert(state.threads.map(\.registers)) }
    for index in threads.indices where !state.threads[index].isOver {
      let thread = threads[index]
      if !state.threads[index].hasBegun {
        guard let first = thread.successor, state.threads[first].isOver else { continue }
        var next = state
        next.threads[index].hasBegun = true
        next.threads[index].current = next.threads[first].current
        step("\(thread.name) begins", next, index)
        continue
      }
      if thread.isMortal {
        var next = state
        // What does not matter any more would make different states of equal ones.
        let seen = next.threads[index].current
        next.threads[index] = ThreadState(current: seen, hasBegun: true, isOver: true)
        outcome.trace.append("\(thread.name) is killed")
        search(next)
        if outcome.violation != nil { return }
        outcome.trace.removeLast()
      }
      perform(state, index)
      if outcome.violation != nil { return }
    }
  }

  /// The load, store or fence that a thread has come to, in all ways that are possible.
  private mutating func perform(_ state: State, _ index: Int) {
    let thread = threads[index]
    let before = state.threads[index]
    var moved = state
    moved.threads[index].position += 1
    switch thread.program[before.position] {
    case .load(let register, let order, let at):
      let word = at(before.registers)
      for seen in Int(before.current[word])..<state.words[word].count {
        var next = moved
        let value = load(word, seen, into: register, order, &next, index)
        step("\(thread.name) loads \(value) from \(word), \(order)", next, index)
        if outcome.violation != nil { return }
      }
    case .compareExchange(let register, let order, let at, let expected, let desired):
      let word = at(before.registers)
      for seen in Int(before.current[word])..<state.words[word].count {
        var next = moved
        let value = load(word, seen, into: register, order, &next, index)
        if value != expected(before.registers) {
          step("\(thread.name) loads \(value) from \(word), \(order)", next, index)
        } else if !isTied(word, seen + 1, state) {
          let stored = desired(before.registers)
          let carried = state.words[word][seen].view
          store(stored, word, seen + 1, order, &next, index, carrying: carried)
          next.words[word][seen + 1].isTied = true
          step(
            "\(thread.name) exchanges \(value) in \(word) for \(stored), \(order)", next, index)
        }
        if outcome.violation != nil { return }
      }
    case .store(let order, let at, let value):
      let word = at(before.registers)
      let stored = value(before.registers)
      let count = state.words[word].count
      for position in Int(before.current[word]) + 1...count
      where !isTied(word, position, state) {
        var next = moved
        store(stored, word, position, order, &next, index)
        let place = position < count ? ", before \(count - position) others" : ""
        step("\(thread.name) stores \(stored) into \(word), \(order)\(place)", next, index)
        if outcome.violation != nil { return }
      }
    case .fence(let order):
      perform(order, &moved.threads[index])
      step("\(thread.name) has a fence, \(order)", moved, index)
    default:
      preconditionFailure("Everything else has been performed by then")
    }
  }

  private func isTied(_ word: Int, _ position: Int, _ state: State) -> Bool {
    position < state.words[word].count && state.words[word][position].isTied
  }

  private func load(
    _ word: Int, _ seen: Int, into register: Int, _ order: Order, _ state: inout State,
    _ index: Int
  ) -> UInt8 {
    let entry = state.words[word][seen]
    var thread = state.threads[index]
    thread.registers[register] = entry.value
    thread.current[word] = UInt8(seen)
    if order.acquires { thread.current = join(thread.current, entry.view) }
    thread.pending = join(thread.pending, entry.view)
    state.threads[index] = thread
    return entry.value
  }

  private func store(
    _ value: UInt8, _ word: Int, _ position: Int, _ order: Order, _ state: inout State,
    _ index: Int, carrying carried: View = View()
  ) {
    state.insert(Entry(value: value, view: carried), into: word, at: position)
    state.threads[index].current[word] = UInt8(position)
    let thread = state.threads[index]
    var view = join(
      state.words[word][position].view, order.releases ? thread.current : thread.released)
    view[word] = UInt8(position)
    state.words[word][position].view = view
  }

  private func perform(_ fence: Order, _ thread: inout ThreadState) {
    if fence.acquires { thread.current = join(thread.current, thread.pending) }
    if fence.releases { thread.released = thread.current }
  }

  private mutating func step(_ text: String, _ state: State, _ index: Int) {
    var next = state
    outcome.trace.append(text)
    if advance(&next, index) { search(next) }
    if outcome.violation == nil { outcome.trace.removeLast() }
  }

  /// Performs what no other thread can notice, up to the next load or store, or to a fence that a
  /// thread may be killed before, as its successor sees what that thread has acquired.
  ///
  /// - Returns: `false` if a check fails.
  private mutating func advance(_ state: inout State, _ index: Int) -> Bool {
    let program = threads[index].program
    var thread = state.threads[index]
    defer { state.threads[index] = thread }
    while thread.position < program.count {
      switch program[thread.position] {
      case .load, .store, .compareExchange:
        return true
      case .fence(let order):
        if order.acquires && threads[index].isMortal { return true }
        perform(order, &thread)
      case .set(let register, let value):
        thread.registers[register] = value(thread.registers)
      case .go(_, let condition):
        if condition(thread.registers) { thread.position = targets[index][thread.position] }
      case .label:
        break
      case .check(let check):
        if let problem = check(thread.registers) {
          outcome.violation = "\(threads[index].name): \(problem)"
          return false
        }
      }
      thread.position += 1
    }
    thread.isOver = true
    return true
  }

  private func join(_ one: View, _ other: View) -> View { pointwiseMax(one, other) }
}
