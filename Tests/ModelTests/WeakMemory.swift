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

/// Searches everything that small programs with shared words can do on a processor that keeps no
/// more order than the memory model of C and Swift demands, such as ARM.
///
/// Each word has a list of all values that were stored into it. A thread has a view: how far it has
/// seen in each list. A load may return any value that is not older than the view. A releasing
/// store carries the view of its thread, which an acquiring load of it takes over; a fence does the
/// same for the relaxed stores after it and the relaxed loads before it. This is the
/// release-acquire part of the model, in the form of operational semantics with views. A
/// sequentially consistent fence also takes over what all such fences before it have seen, and
/// passes its view on to all after it.
///
/// A store goes anywhere behind what its thread has seen, unless a compare-exchange or an exchange
/// has tied two entries together: it stores right behind the entry that it has loaded, and carries
/// on its view. A compare-exchange that stores nothing is a relaxed load.
///
/// A load never sees a store that has not happened yet. ARM can perform a relaxed store before an
/// earlier relaxed load, which shows only if two threads at once both load and then store.
///
/// The kernel's sleeping and waking are ordered among each other like sequentially consistent
/// fences, for what their threads have seen, and order nothing else. A sleep loads its word, and
/// begins in the same step if the word has the expected value. Every state must have a way to an
/// end of all threads: otherwise a wake-up was lost. Sleeps end by themselves only once a thread
/// was killed.
struct WeakMemory {
  /// The variables of a thread.
  typealias Registers = SIMD16<UInt8>

  enum Order {
    case relaxed, acquiring, releasing, acquiringAndReleasing
    /// For fences only.
    case sequentiallyConsistent

    var acquires: Bool { self != .relaxed && self != .releasing }
    var releases: Bool { self != .relaxed && self != .acquiring }
  }

  enum Instruction {
    case load(into: Int, Order, at: (Registers) -> Int)
    case store(Order, at: (Registers) -> Int, (Registers) -> UInt8)
    /// Loads, and stores the second value if it has loaded the first one.
    case compareExchange(
      into: Int, Order, at: (Registers) -> Int, (Registers) -> UInt8, (Registers) -> UInt8)
    /// Loads, and stores whatever it has loaded.
    case exchange(into: Int, Order, at: (Registers) -> Int, (Registers) -> UInt8)
    case fence(Order)
    /// Sleeps while a word has a value; returns 1 if the sleep ends by itself, and otherwise 0.
    case sleep(into: Int, at: (Registers) -> Int, while: (Registers) -> UInt8)
    /// Wakes up to the given number of sleepers on a word, and returns how many there were.
    case wake(into: Int, at: (Registers) -> Int, atMost: Int)
    /// Asks the kernel whether a thread is dead; returns 1 if it is, and then takes over its view.
    case ask(into: Int, about: (Registers) -> Int)
    case set(Int, (Registers) -> UInt8)
    case go(to: String, if: (Registers) -> Bool)
    /// Goes to the label or on to the next instruction.
    case maybeGo(to: String)
    case label(String)
    /// Returns the violation, if there is one.
    case check((Registers) -> String?)
  }

  struct Thread {
    var name: String
    var program: [Instruction]
    /// Whether the thread may be killed before any of its steps.
    var isMortal = false
    /// The thread after whose end or death this one begins, seeing all that the other has seen.
    var successor: Int?
  }

  /// A state to examine, and the step that led to it.
  struct Step {
    var state: State
    var origin: Int
    var text: () -> String
    var problem: String?
  }

  /// The result of a search.
  struct Outcome {
    var stateCount = 0
    /// The first violation, and the steps that led to it.
    var violation: String?
    var trace: [String] = []
    /// The registers of all threads at the end of each complete run; zeros for a killed thread.
    var ends: Set<[Registers]> = []
  }

  let threads: [Thread]
  /// The target of each step of each thread, if it is a `go`.
  let targets: [[Int]]
  /// Whether another thread takes over the view of a thread that has ended.
  private let inherits: Bool
  /// For each thread, whether a fence acquires what it has loaded.
  let hasAcquiringFence: [Bool]

  private var numbers: [Key: Int] = [:]
  /// For each state that was found, the first step to it.
  private var origins: [(state: Int, text: () -> String)] = []
  /// For each state, the states that lead to it.
  private var predecessors: [[Int32]] = []
  private var endStates: [Int] = []
  /// The steps still to examine, the next one last.
  private var steps: [Step] = []
  /// The steps from the state under examination.
  var nextSteps: [Step] = []
  var number = -1
  var outcome = Outcome()

  private init(_ threads: [Thread]) {
    self.threads = threads
    targets = threads.map { thread in
      var labels: [String: Int] = [:]
      for (position, instruction) in thread.program.enumerated() {
        if case .label(let name) = instruction { labels[name] = position }
      }
      return thread.program.map { instruction in
        let target: String
        switch instruction {
        case .go(let name, _), .maybeGo(let name): target = name
        default: return 0
        }
        guard let position = labels[target] else { preconditionFailure("No label is \(target)") }
        return position
      }
    }
    inherits = threads.contains { thread in
      thread.successor != nil
        || thread.program.contains { if case .ask = $0 { true } else { false } }
    }
    hasAcquiringFence = threads.map { thread in
      thread.program.contains { if case .fence(let order) = $0 { order.acquires } else { false } }
    }
  }

  /// Searches through all that the threads can do.
  ///
  /// - Parameter initialValues: The first value of each word.
  static func explore(_ initialValues: [UInt8], _ threads: [Thread]) -> Outcome {
    precondition(initialValues.count <= View.wordCount, "There are too many words")
    var search = WeakMemory(threads)
    var state = State(
      words: initialValues.map { [Entry(value: $0, view: View())] },
      threads: threads.map { _ in ThreadState() })
    for index in threads.indices where threads[index].successor == nil {
      state.threads[index].hasBegun = true
      if let problem = search.advance(&state, index) {
        search.outcome.violation = problem
        return search.outcome
      }
    }
    search.steps.append(Step(state: state, origin: -1, text: { "start" }, problem: nil))
    while let step = search.steps.popLast(), search.outcome.violation == nil {
      search.look(at: step)
    }
    if search.outcome.violation == nil { search.findStuckState() }
    return search.outcome
  }

  private mutating func look(at step: Step) {
    if let problem = step.problem {
      return fail(problem, trace(to: step.origin) + [step.text()])
    }
    var state = step.state
    tidy(&state)
    let key = state.key
    if let known = numbers[key] {
      predecessors[known].append(Int32(step.origin))
      return
    }
    number = origins.count
    numbers[key] = number
    origins.append((step.origin, step.text))
    predecessors.append(step.origin < 0 ? [] : [Int32(step.origin)])
    outcome.stateCount += 1
    if state.threads.allSatisfy(\.isOver) {
      outcome.ends.insert(state.threads.map(\.registers))
      endStates.append(number)
      return
    }
    nextSteps.removeAll(keepingCapacity: true)
    for index in threads.indices where !state.threads[index].isOver { findSteps(state, index) }
    if nextSteps.isEmpty { failAsStuck(state, trace(to: number)) }
    steps.append(contentsOf: nextSteps.reversed())
  }

  /// Makes states equal whose differences cannot be noticed.
  private func tidy(_ state: inout State) {
    for index in threads.indices where state.threads[index].isOver {
      state.threads[index].pending = View()
      state.threads[index].released = View()
      if !inherits { state.threads[index].current = View() }
    }
    for word in state.words.indices where state.words[word].count > 1 {
      var least = state.words[word].count - 1
      for index in threads.indices {
        let thread = state.threads[index]
        // A thread that begins later takes over the view of another.
        let isRead = !thread.isOver || threads.contains { $0.successor == index }
        if thread.hasBegun && isRead { least = min(least, thread.current[word]) }
      }
      if least > 0 { state.removeFirst(least, of: word) }
    }
  }

  // MARK: - Faults

  private func trace(to number: Int) -> [String] {
    var texts: [String] = []
    var number = number
    while number > 0 {
      texts.append(origins[number].text())
      number = origins[number].state
    }
    return texts.reversed()
  }

  private mutating func fail(_ problem: String, _ trace: [String]) {
    outcome.violation = problem
    outcome.trace = trace
  }

  private mutating func failAsStuck(_ state: State, _ trace: [String]) {
    let sleepers = threads.indices.filter { state.threads[$0].sleepsOn != nil }
    fail("\(sleepers.map { threads[$0].name }.joined(separator: ", ")): asleep for ever", trace)
  }

  /// Finds the first state from which no way leads to an end.
  private mutating func findStuckState() {
    var hasEnd = [Bool](repeating: false, count: origins.count)
    var open = endStates
    for number in open { hasEnd[number] = true }
    while let number = open.popLast() {
      for before in predecessors[number] where before >= 0 && !hasEnd[Int(before)] {
        hasEnd[Int(before)] = true
        open.append(Int(before))
      }
    }
    if let stuck = hasEnd.firstIndex(of: false) { fail("there is no end", trace(to: stuck)) }
  }
}
