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

// The steps that a thread may take next.
extension WeakMemory {
  /// Finds every step that may happen next to one thread.
  mutating func findSteps(_ state: State, _ index: Int) {
    let thread = threads[index]
    if !state.threads[index].hasBegun {
      guard let first = thread.successor, state.threads[first].isOver else { return }
      var next = state
      next.threads[index].hasBegun = true
      next.threads[index].current = next.threads[first].current
      return step("\(thread.name) begins", next, index)
    }
    if thread.isMortal {
      var next = state
      // Values that no longer matter would make different states of equal ones.
      let seen = next.threads[index].current
      next.threads[index] = ThreadState(
        current: seen, hasBegun: true, isOver: true, isKilled: true)
      add("\(thread.name) is killed", next, problem: nil)
    }
    if let word = state.threads[index].sleepsOn {
      guard state.threads.contains(where: \.isKilled) else { return }
      var next = state
      wake(&next, index, 1)
      return step("\(thread.name) wakes on \(word) by itself", next, index)
    }
    perform(state, index)
  }

  /// Performs the thread's next instruction, in all ways that are possible.
  private mutating func perform(_ state: State, _ index: Int) {
    let name = threads[index].name
    let before = state.threads[index]
    var moved = state
    moved.threads[index].position += 1
    switch threads[index].program[before.position] {
    case .load(let register, let order, let at):
      let word = at(before.registers)
      for seen in before.current[word]..<state.words[word].count {
        var next = moved
        let value = load(word, seen, into: register, order, &next, index)
        step("\(name) loads \(value) from \(word), \(order)", next, index)
      }
    case .compareExchange(let register, let order, let at, let expected, let desired):
      let word = at(before.registers)
      let value = expected(before.registers)
      for seen in before.current[word]..<state.words[word].count {
        if state.words[word][seen].value == value {
          exchange(
            desired(before.registers), word, seen, into: register, order, moved, index)
        } else {
          var next = moved
          let value = load(word, seen, into: register, .relaxed, &next, index)
          step("\(name) loads \(value) from \(word), exchanging nothing", next, index)
        }
      }
    case .exchange(let register, let order, let at, let value):
      let word = at(before.registers)
      for seen in before.current[word]..<state.words[word].count {
        exchange(value(before.registers), word, seen, into: register, order, moved, index)
      }
    case .store(let order, let at, let value):
      let word = at(before.registers)
      let stored = value(before.registers)
      let count = state.words[word].count
      for position in before.current[word] + 1...count
      where !isTied(word, position, state) {
        var next = moved
        store(stored, word, position, order, &next, index)
        let place = position < count ? ", before \(count - position) others" : ""
        step("\(name) stores \(stored) into \(word), \(order)\(place)", next, index)
      }
    case .fence(let order):
      perform(order, &moved, index)
      step("\(name) has a fence, \(order)", moved, index)
    case .sleep(let register, let at, let value):
      let word = at(before.registers)
      joinGlobal(&moved, index)
      for seen in moved.threads[index].current[word]..<state.words[word].count {
        var next = moved
        let found = load(word, seen, into: register, .relaxed, &next, index)
        next.threads[index].registers[register] = 0
        if found == value(before.registers) {
          next.threads[index].position -= 1
          next.threads[index].sleepsOn = word
          add("\(name) sleeps while \(word) is \(found)", next, problem: nil)
        } else {
          step("\(name) finds \(found) in \(word), and does not sleep", next, index)
        }
      }
    case .wake(let register, let at, let count):
      let word = at(before.registers)
      joinGlobal(&moved, index)
      let sleepers = threads.indices.filter { state.threads[$0].sleepsOn == word }
      moved.threads[index].registers[register] = UInt8(min(count, sleepers.count))
      for chosen in choices(of: count, from: sleepers[...]) {
        var next = moved
        var problem: String?
        for sleeper in chosen {
          wake(&next, sleeper, 0)
          problem = problem ?? advance(&next, sleeper)
        }
        problem = problem ?? advance(&next, index)
        let names = chosen.map { threads[$0].name }
        add("\(name) wakes \(names) on \(word)", next, problem: problem)
      }
    case .ask(let register, let about):
      let other = about(before.registers)
      let isGone = state.threads[other].isOver
      moved.threads[index].registers[register] = isGone ? 1 : 0
      if isGone {
        moved.threads[index].current = before.current.joined(state.threads[other].current)
      }
      let answer = "\(threads[other].name) \(isGone ? "is gone" : "lives")"
      step("\(name) hears that \(answer)", moved, index)
    case .maybeGo(let label):
      step("\(name) goes on", moved, index)
      moved.threads[index].position = targets[index][before.position]
      step("\(name) goes to \(label)", moved, index)
    case .set, .go, .label, .check:
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
    thread.current[word] = seen
    if order.acquires { thread.current = thread.current.joined(entry.view) }
    if hasAcquiringFence[index] { thread.pending = thread.pending.joined(entry.view) }
    state.threads[index] = thread
    return entry.value
  }

  private func store(
    _ value: UInt8, _ word: Int, _ position: Int, _ order: Order, _ state: inout State,
    _ index: Int, carrying carried: View = View()
  ) {
    state.insert(Entry(value: value, view: carried), into: word, at: position)
    state.threads[index].current[word] = position
    let thread = state.threads[index]
    var view = state.words[word][position].view.joined(
      order.releases ? thread.current : thread.released)
    view[word] = position
    state.words[word][position].view = view
  }

  private mutating func exchange(
    _ value: UInt8, _ word: Int, _ seen: Int, into register: Int, _ order: Order, _ moved: State,
    _ index: Int
  ) {
    guard !isTied(word, seen + 1, moved) else { return }
    var next = moved
    let carried = next.words[word][seen].view
    let found = load(word, seen, into: register, order, &next, index)
    store(value, word, seen + 1, order, &next, index, carrying: carried)
    next.words[word][seen + 1].isTied = true
    let name = threads[index].name
    step("\(name) exchanges \(found) in \(word) for \(value), \(order)", next, index)
  }

  private func perform(_ fence: Order, _ state: inout State, _ index: Int) {
    var thread = state.threads[index]
    if fence.acquires { thread.current = thread.current.joined(thread.pending) }
    state.threads[index] = thread
    if fence == .sequentiallyConsistent { joinGlobal(&state, index) }
    if fence.releases { state.threads[index].released = state.threads[index].current }
  }

  private func joinGlobal(_ state: inout State, _ index: Int) {
    state.global = state.global.joined(state.threads[index].current)
    state.threads[index].current = state.global
  }

  private func wake(_ state: inout State, _ index: Int, _ result: UInt8) {
    guard case .sleep(let register, _, _) = threads[index].program[state.threads[index].position]
    else { preconditionFailure("The thread does not sleep") }
    state.threads[index].sleepsOn = nil
    state.threads[index].registers[register] = result
    state.threads[index].position += 1
  }

  /// All ways to choose the given number, or all if there are no more.
  private func choices(of count: Int, from all: ArraySlice<Int>) -> [[Int]] {
    guard count > 0, let first = all.first else { return [[]] }
    if all.count <= count { return [Array(all)] }
    let others = all.dropFirst()
    return choices(of: count - 1, from: others).map { [first] + $0 }
      + choices(of: count, from: others)
  }

  private mutating func step(
    _ text: @autoclosure @escaping () -> String, _ state: State, _ index: Int
  ) {
    var next = state
    let problem = advance(&next, index)
    add(text(), next, problem: problem)
  }

  private mutating func add(
    _ text: @autoclosure @escaping () -> String, _ state: State, problem: String?
  ) {
    nextSteps.append(Step(state: state, origin: number, text: text, problem: problem))
  }

  /// Performs what no other thread can notice, up to the next load or store, or to a fence before
  /// which a thread may be killed, as its successor sees what that thread has acquired.
  ///
  /// - Returns: The violation if a check fails.
  func advance(_ state: inout State, _ index: Int) -> String? {
    let program = threads[index].program
    while state.threads[index].position < program.count {
      let registers = state.threads[index].registers
      switch program[state.threads[index].position] {
      case .load, .store, .compareExchange, .exchange, .sleep, .wake, .ask, .maybeGo:
        return nil
      case .fence(let order):
        let isSeen = order == .sequentiallyConsistent || order.acquires && threads[index].isMortal
        if isSeen { return nil }
        perform(order, &state, index)
      case .set(let register, let value):
        state.threads[index].registers[register] = value(registers)
      case .go(_, let condition):
        if condition(registers) {
          state.threads[index].position = targets[index][state.threads[index].position]
        }
      case .label:
        break
      case .check(let check):
        if let problem = check(registers) { return "\(threads[index].name): \(problem)" }
      }
      state.threads[index].position += 1
    }
    state.threads[index].isOver = true
    return nil
  }
}
