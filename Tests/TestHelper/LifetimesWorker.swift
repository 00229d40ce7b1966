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

internal import ArgumentParser
internal import Glibc
internal import Interprocess
internal import SystemPackage
internal import TestSupport

/// One of the processes that the lifetimes campaign kills.
///
/// Creates, attaches, writes, grows, protects, closes, unlinks, sweeps, forks and locks as foreign
/// programs do, at random, until it is stopped or killed. Between two operations it obeys its
/// standard input: at `pause` it waits; at `report` it reports what it holds, and waits; at `go` it
/// continues; at `exit` it ends with all that it holds; at `die` it kills itself while it grows
/// memory; at `finish` it closes everything first.
final class LifetimesWorker {
  /// A handle, and what it leads to.
  final class Held {
    var memory: SharedMemory
    let content: CampaignMemory

    init(_ memory: consuming SharedMemory, _ content: CampaignMemory) {
      self.memory = memory
      self.content = content
    }
  }

  /// The state that the steps of an operation need; only one thread exists here.
  final class Course: @unchecked Sendable {
    enum Operation { case other, creating, closing, ending }

    let log: WorkerLog
    var operation = Operation.other
    var generator: SeededGenerator

    init(log: WorkerLog, seed: UInt64) {
      self.log = log
      generator = SeededGenerator(seed: seed)
    }

    func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    func happens(_ percentage: Int) -> Bool { number(in: 1...100) <= percentage }

    /// Notes a step, and prolongs it now and then, so that kills are as likely there as elsewhere,
    /// and so that other processes act in between.
    func come(to step: Checkpoint) {
      log.step = step
      if step == .removeDone && operation == .creating { log[.replacedStale] += 1 }
      if step == .removeDone && operation == .closing { log[.removedAtClose] += 1 }
      if step == .removeDone && operation == .ending { log[.removedAtExit] += 1 }
      switch step {
      // These steps are rare, and a kill would hardly ever hit them.
      case .removeClaimed, .growSeen, .growMapped, .growTaken, .growSized:
        if happens(80) { usleep(UInt32(number(in: 1...4000))) }
      case .createLinked, .closeClaimed, .removeSeen, .removeMoved, .removeDone:
        if happens(50) { usleep(UInt32(number(in: 1...2000))) }
      default:
        if happens(10) { usleep(UInt32(number(in: 1...400))) }
      }
    }
  }

  let logDescriptor: CInt
  let log: WorkerLog
  let index: Int
  let course: Course
  var held: [Held] = []
  private var useAtStart = ProcessUse.now()

  init(log path: String, index: Int, seed: UInt64) {
    logDescriptor = open(path, O_RDWR | O_CLOEXEC)
    guard logDescriptor >= 0 else { fatalError("Cannot open \(path)") }
    log = WorkerLog(WorkerLog.map(logDescriptor), worker: index)
    self.index = index
    course = Course(log: log, seed: seed)
  }

  func run() {
    log.step = nil
    let course = course
    handleCheckpoints { course.come(to: $0) }
    useAtStart = .now()
    Helper.answer("ready")
    while true {
      var input = pollfd(fd: 0, events: CShort(POLLIN), revents: 0)
      if poll(&input, 1, 0) == 1 {
        obey()
      } else {
        performSomething()
        log.step = nil
      }
    }
  }

  private func obey() {
    switch nextLine() {
    case "pause":
      Helper.answer("paused")
      obey()
    case "report":
      report()
      obey()
    case "go":
      return
    case "exit":
      course.operation = .ending
      exit(0)
    case "die":
      dieGrowing()
    case "finish":
      held = []
      Helper.answer("finished")
      exit(0)
    default:
      // The conductor is dead.
      exit(1)
    }
  }

  /// Reads one line and nothing behind it, as `poll` does not see bytes in a buffer.
  private func nextLine() -> String? {
    var line: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      guard read(0, &byte, 1) == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }

  private func report() {
    let use = ProcessUse.now()
    guard use.descriptorCount == useAtStart.descriptorCount + held.count,
      use.sharedMappingCount == held.count
    else { fail("holds \(held.count) handles, and has \(use) after \(useAtStart)") }
    let handles = held.map { held in
      let content = held.content
      let intent = CampaignMemory.intent(of: held.memory)
      return """
        \(content.instance),\(content.byteCount),\(content.nameIndex),\
        \(content.isTemporary ? 1 : 0),\(intent.rawValue),\(pageCount(of: held.memory))
        """
    }
    Helper.answer((["holds"] + handles).joined(separator: " "))
  }

  /// The number of the memory's pages, including those behind its end.
  private func pageCount(of memory: borrowing SharedMemory) -> Int {
    do {
      let descriptor = try memory.makeFileDescriptor()
      return try descriptor.closeAfter {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return Int(status.st_blocks) * 512 / CampaignMemory.pageByteCount
      }
    } catch {
      fail("cannot ask for the pages: \(error)")
    }
  }

  /// Reports a fault to the conductor, and ends.
  func fail(_ problem: String) -> Never {
    Helper.answer("failed \(problem)")
    exit(1)
  }

  // MARK: - Operations

  private func performSomething() {
    if held.count >= 3 { close() }
    course.operation = .other
    do throws(InterprocessError) {
      // Sweeps are rare, as each would repair what a kill has left for others to find.
      switch course.number(in: 1...1000) {
      case 1...230: try create()
      case 231...420: try attachOrCreate()
      case 421...670: try attach()
      case 671...710: write()
      case 711...750: try grow()
      case 751...770: try protect()
      case 771...940: close()
      case 941...970: try unlink()
      case 971...976: visit()
      case 977...982: moveToChild()
      case 983...997: lockForeign()
      default: log[.swept] += try SharedMemory.sweep().count
      }
    } catch {
      // Another worker locks files as a foreign program does, but only for moments.
      guard error.code == .system(.resourceTemporarilyUnavailable) else { fail("\(error)") }
    }
  }

  private func create() throws(InterprocessError) {
    let byteCounts = CampaignMemory.minimumByteCount / 8...CampaignMemory.maximumByteCount / 8
    let content = newContent(byteCount: 8 * course.number(in: byteCounts))
    course.operation = .creating
    do {
      let memory = try SharedMemory.create(
        content.name, byteCount: content.byteCount,
        options: SegmentOptions(lifetime: content.lifetime)
      ) { content.fill(&$0) }
      log[.created] += 1
      keep(memory, nameIndex: content.nameIndex)
    } catch {
      guard error.code == .alreadyExists else { throw error }
      log[.nameTaken] += 1
    }
  }

  private func attachOrCreate() throws(InterprocessError) {
    let content = newContent(byteCount: CampaignMemory.minimumByteCount)
    course.operation = .creating
    let start = ContinuousClock.now
    do {
      let memory = try SharedMemory.attachOrCreate(
        content.name, byteCount: content.byteCount,
        options: SegmentOptions(lifetime: content.lifetime)
      ) { content.fill(&$0) }
      log[memory.isCreator ? .created : .attached] += 1
      keep(memory, nameIndex: content.nameIndex)
    } catch {
      // On a busy machine a process may be in the middle of a removal for that long.
      guard error.code == .alreadyExists && .now - start >= .seconds(1) else { throw error }
      log[.nameTaken] += 1
    }
  }

  private func attach() throws(InterprocessError) {
    let nameIndex = course.number(in: 0...CampaignMemory.names.count - 1)
    do {
      let memory = try SharedMemory.attach(
        CampaignMemory.names[nameIndex], access: course.happens(30) ? .readOnly : .readWrite,
        waitingUpTo: course.happens(20) ? .milliseconds(2) : nil)
      log[.attached] += 1
      keep(memory, nameIndex: nameIndex)
    } catch {
      guard error.code == .notFound || error.code == .timedOut else { throw error }
      log[.foundNothing] += 1
    }
  }

  private func newContent(byteCount: Int) -> CampaignMemory {
    CampaignMemory(
      instance: course.generator.next(), byteCount: byteCount,
      nameIndex: course.number(in: 0...CampaignMemory.names.count - 1),
      isTemporary: course.happens(90))
  }

  /// Checks the memory that a name led to before anything else happens to it.
  private func keep(_ memory: consuming SharedMemory, nameIndex: Int) {
    do throws(CampaignMemory.Problem) {
      let content = try CampaignMemory(memory, nameIndex: nameIndex)
      held.append(Held(memory, content))
    } catch {
      fail("wrong bytes: \(error.text)")
    }
  }

  private func write() {
    guard let held = writableHeld() else { return }
    let (offset, word) = held.content.mark(of: index)
    held.memory.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
    writeGrownPage(of: held)
    log[.written] += 1
  }

  func writeGrownPage(of held: Held) {
    let pages = held.content.grownPages(upTo: held.memory.byteCount)
    if let page = pages.randomElement(using: &course.generator) {
      held.content.writeGrownPage(by: index, page, in: &held.memory)
    }
  }

  private func writableHeld() -> Held? {
    held.filter { $0.memory.access == .readWrite }.randomElement(using: &course.generator)
  }

  /// Gives memory that this process holds a second name.
  private func protect() throws(InterprocessError) {
    guard let held = held.randomElement(using: &course.generator) else { return }
    do {
      try held.memory.protectName()
      log[.protected] += 1
    } catch {
      // The first name can be gone only if a process has unlinked the memory.
      guard error.code == .notFound && CampaignMemory.intent(of: held.memory) != .none else {
        throw error
      }
    }
  }

  private func close() {
    guard !held.isEmpty else { return }
    course.operation = .closing
    held.remove(at: course.number(in: 0...held.count - 1))
    log[.closed] += 1
  }

  /// Unlinks memory that this process holds, and logs that in the memory itself.
  ///
  /// Only one process at a time does so, and only an `unlink` may remove the name of memory that a
  /// process holds. So if memory without that log has no name, the library has wrongly removed it.
  private func unlink() throws(InterprocessError) {
    guard let held = writableHeld(), flock(logDescriptor, LOCK_EX | LOCK_NB) == 0 else { return }
    defer { _ = flock(logDescriptor, LOCK_UN) }
    let intent = CampaignMemory.intent(of: held.memory)
    if intent == .done { return }
    CampaignMemory.setIntent(.begun, of: &held.memory)
    do {
      try held.memory.unlink()
    } catch {
      // The process that logged its intent may have been killed right after the removal.
      guard error.code == .notFound && intent == .begun else { throw error }
    }
    CampaignMemory.setIntent(.done, of: &held.memory)
    log[.unlinked] += 1
  }
}

extension LifetimesWorker {
  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "lifetimes-worker")

    @Argument var log: String
    @Argument var index: Int
    @Argument var seed: UInt64

    func run() { LifetimesWorker(log: log, index: index, seed: seed).run() }
  }
}
