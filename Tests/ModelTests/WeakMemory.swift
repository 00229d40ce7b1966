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
/// model, as operational semantics with views have it; a load never sees a store that has not
/// happened yet.
///
/// A word has one thread at a time that stores into it, so that a store goes to the end of the list.
struct WeakMemory {
  /// How many entries of each word's list have been seen, less one.
  typealias View = SIMD8<UInt8>
  /// The variables of a thread.
  typealias Registers = SIMD16<UInt8>

  enum Order { case relaxed, acquiring, releasing }

  enum Instruction {
    case load(into: Int, Order, at: (Registers) -> Int)
    case store(Order, at: (Registers) -> Int, (Registers) -> UInt8)
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
    /// Whether it may be killed before any of its loads and stores.
    var isMortal = false
    /// The thread after whose end or death this one begins, seeing all that one has seen.
    var successor: Int?
  }

  private struct Entry: Hashable {
    var value: UInt8
    var view: View
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
  }

  /// What a search has found.
  struct Outcome {
    var stateCount = 0
    /// The first violation, and what led to it.
    var violation: String?
    var trace: [String] = []
    /// The registers of all threads at the end of each complete run.
    var ends: Set<[Registers]> = []
  }

  private let threads: [Thread]
  private let labels: [[String: Int]]
  private let initialValues: [UInt8]
  private var visited: Set<State> = []
  private var outcome = Outcome()

  private init(_ initialValues: [UInt8], _ threads: [Thread]) {
    self.initialValues = initialValues
    self.threads = threads
    labels = threads.map { thread in
      var labels: [String: Int] = [:]
      for (position, instruction) in thread.program.enumerated() {
        if case .label(let name) = instruction { labels[name] = position }
      }
      return labels
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
        next.threads[index].isOver = true
        outcome.trace.append("\(thread.name) is killed")
        search(next)
        if outcome.violation != nil { return }
        outcome.trace.removeLast()
      }
      perform(state, index)
      if outcome.violation != nil { return }
    }
  }

  /// The load or store that a thread has come to, in all ways that are possible.
  private mutating func perform(_ state: State, _ index: Int) {
    let thread = threads[index]
    let before = state.threads[index]
    switch thread.program[before.position] {
    case .load(let register, let order, let at):
      let word = at(before.registers)
      for seen in Int(before.current[word])..<state.words[word].count {
        var next = state
        let entry = state.words[word][seen]
        next.threads[index].registers[register] = entry.value
        next.threads[index].current[word] = UInt8(seen)
        if order == .acquiring {
          next.threads[index].current = join(next.threads[index].current, entry.view)
        }
        next.threads[index].pending = join(next.threads[index].pending, entry.view)
        next.threads[index].position += 1
        step("\(thread.name) loads \(entry.value) from \(word), \(order)", next, index)
        if outcome.violation != nil { return }
      }
    case .store(let order, let at, let value):
      let word = at(before.registers)
      var next = state
      next.threads[index].current[word] = UInt8(state.words[word].count)
      var view = order == .releasing ? next.threads[index].current : before.released
      view[word] = UInt8(state.words[word].count)
      let entry = Entry(value: value(before.registers), view: view)
      next.words[word].append(entry)
      next.threads[index].position += 1
      step("\(thread.name) stores \(entry.value) into \(word), \(order)", next, index)
    default:
      preconditionFailure("Everything else has been performed by then")
    }
  }

  private mutating func step(_ text: String, _ state: State, _ index: Int) {
    var next = state
    outcome.trace.append(text)
    if advance(&next, index) { search(next) }
    if outcome.violation == nil { outcome.trace.removeLast() }
  }

  /// Performs what no other thread can notice, up to the next load or store.
  ///
  /// - Returns: `false` if a check fails.
  private mutating func advance(_ state: inout State, _ index: Int) -> Bool {
    let program = threads[index].program
    var thread = state.threads[index]
    defer { state.threads[index] = thread }
    while thread.position < program.count {
      switch program[thread.position] {
      case .load, .store:
        return true
      case .fence(.acquiring):
        thread.current = join(thread.current, thread.pending)
      case .fence:
        thread.released = thread.current
      case .set(let register, let value):
        thread.registers[register] = value(thread.registers)
      case .go(let label, let condition):
        if condition(thread.registers) { thread.position = labels[index][label]! }
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
