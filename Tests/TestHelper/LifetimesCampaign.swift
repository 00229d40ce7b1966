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
internal import TestFork
internal import TestSupport

/// Kills processes that share memory of both lifetimes under a few names, at random moments.
///
/// Lets others end in an orderly way with what they hold, and checks that nothing leaks and that
/// nothing is taken from the living. Runs where no other process uses `/dev/shm`. After each round
/// the workers pause, each between two operations, so that what they hold can be compared exactly
/// with what lies in `/dev/shm`.
struct LifetimesCampaign {
  /// How many workers end in one round, while the others run and while all are paused.
  ///
  /// The remains of the latter are there when the campaign looks for them; running workers soon
  /// replace those of the former.
  private static let endsPerRound = (running: 18, paused: 4)
  /// The percentage that ends in an orderly way instead of being killed.
  private static let exitPercentages = (running: 15, paused: 25)
  /// The percentage of the others that kill themselves while they grow memory.
  private static let dyingPercentage = 25

  let killCount: Int
  let seed: UInt64
  var generator: SeededGenerator
  private let logPath: String
  let logs: [WorkerLog]
  let freeAtStart: FreeSpace
  var workers: [CampaignWorker] = []
  var report = Report()

  init(killCount: Int, seed: UInt64) throws {
    guard killCount > 0 else { fatalError("The number of kills is not positive") }
    guard fileNames(in: "/dev/shm").isEmpty else {
      fatalError("The campaign needs a /dev/shm of its own; see scripts/crash-test")
    }
    self.killCount = killCount
    self.seed = seed
    generator = SeededGenerator(seed: seed)
    var template = Array("/tmp/ipctest_log_XXXXXX".utf8CString)
    let fd = mkstemp(&template)
    guard fd >= 0, ftruncate(fd, off_t(WorkerLog.byteCount)) == 0 else {
      fatalError("Cannot make the log")
    }
    logPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let start = WorkerLog.map(fd)
    close(fd)
    logs = (0..<CampaignMemory.workerCount).map { WorkerLog(start, worker: $0) }
    freeAtStart = try .now()
    guard ipctest_adopt_orphans() == 0 else { fatalError("Cannot wait for children of workers") }
  }

  mutating func run() {
    defer { unlink(logPath) }
    do {
      try killAndCheck()
    } catch {
      fail("\(error)")
    }
  }

  private mutating func killAndCheck() throws {
    for index in logs.indices { workers.append(start(index)) }
    let useAtStart = ProcessUse.now()
    while report.kills < killCount {
      for _ in 0..<Self.endsPerRound.running { endOne() }
      try checkRound()
      let use = ProcessUse.now()
      guard use.descriptorCount == useAtStart.descriptorCount, use.sharedMappingCount == 0 else {
        fail("The conductor has \(use) after \(useAtStart)")
      }
    }
    try finish()
    try summarize()
  }

  // MARK: - Ending workers

  private mutating func start(_ index: Int) -> CampaignWorker {
    CampaignWorker(index: index, log: logPath, seed: generator.next())
  }

  /// Once most workers have begun to work, kills one of these or lets it end, and starts another in
  /// its place.
  private mutating func endOne() {
    while workers.count(where: \.isReady) <= workers.count / 2 {
      for worker in workers where !worker.isReady && worker.hasOutput(within: 1) {
        expectReady(worker)
      }
    }
    usleep(UInt32.random(in: 0..<3000, using: &generator))
    let ready = workers.indices.filter { workers[$0].isReady }
    let index = ready.randomElement(using: &generator)!
    if happens(Self.exitPercentages.running) { end(index) } else { kill(index) }
    workers[index] = start(index)
  }

  private mutating func happens(_ percentage: Int) -> Bool {
    Int.random(in: 1...100, using: &generator) <= percentage
  }

  private mutating func end(_ index: Int) {
    workers[index].send("exit")
    workers[index].waitForEnd(with: 0) { fail("Worker \(index) \($0)") }
    report.exits += 1
  }

  private mutating func kill(_ index: Int, byItself: Bool = false) {
    if byItself {
      workers[index].send("die")
      workers[index].waitForEnd(with: SIGKILL) { fail("Worker \(index) \($0)") }
    } else {
      workers[index].kill { fail("Worker \(index) \($0)") }
    }
    report.kills += 1
    if let step = logs[index].step { report.killsAtStep[step, default: 0] += 1 }
  }

  private func expectReady(_ worker: CampaignWorker) {
    let line = worker.nextLine()
    guard line == "ready" else { fail("Worker \(worker.index) says \(line ?? "nothing")") }
    worker.isReady = true
  }

  // MARK: - Rounds

  private mutating func checkRound() throws {
    for worker in workers where !worker.isReady { expectReady(worker) }
    // All workers pause before the first one reports: an operation after another worker's report,
    // such as an `unlink`, would make that report wrong.
    for worker in workers { worker.send("pause") }
    for worker in workers {
      let line = worker.nextLine()
      guard line == "paused" else { fail("Worker \(worker.index) says \(line ?? "nothing")") }
    }
    for worker in workers { worker.send("report") }
    var holdingsByWorker = workers.map { readHoldings(of: $0) }
    let victims = workers.indices.shuffled(using: &generator).prefix(Self.endsPerRound.paused)
    for index in victims {
      if happens(Self.exitPercentages.paused) {
        let ended = holdingsByWorker[index]
        holdingsByWorker[index] = []
        end(index)
        try expectGone(ended, others: holdingsByWorker.flatMap { $0 })
      } else {
        holdingsByWorker[index] = []
        kill(index, byItself: happens(Self.dyingPercentage))
      }
    }
    // The survivors report the same handles again, and perhaps more pages.
    let survivors = workers.indices.filter { !victims.contains($0) }
    for index in survivors {
      workers[index].send("report")
      holdingsByWorker[index] = readHoldings(of: workers[index])
    }
    let holdings = holdingsByWorker.flatMap { $0 }
    var held: [UInt64: CampaignMemory] = [:]
    for holding in holdings { held[holding.content.instance] = holding.content }

    let found = try files()
    check(holdings, against: found)
    try checkSpace(holdings, files: found)
    let stale = found.filter {
      $0.content.isTemporary && held[$0.content.instance] == nil && $0.place != .second
    }
    let namedCount = holdings.count { holding in
      found.contains { $0.content.instance == holding.content.instance && $0.place != .second }
    }
    report.heldAndNamed += namedCount
    report.heldAndUnlinked += holdings.count - namedCount
    report.stale += stale.count
    report.aside += stale.count { $0.place == .aside }
    report.secondNames += found.count { $0.place == .second }

    try attachUnderLock(found, held: held)
    let replaced = try replace(
      stale.filter { $0.place == .named }.randomElement(using: &generator))
    try sweep(stale.filter { $0.fileName != replaced }, held: held, holdings)
    for index in workers.indices {
      if victims.contains(index) {
        workers[index] = start(index)
      } else {
        workers[index].send("go")
      }
    }
  }

  /// Locks a file as a foreign program may, while the body runs.
  private func withForeignLock(_ type: CInt, on file: File, _ body: () throws -> Void) throws {
    let descriptor = try FileDescriptor.open(
      FilePath("/dev/shm/\(file.fileName)"), .readWrite)
    try descriptor.closeAfter {
      guard ipctest_lock_all(descriptor.rawValue, type) == 0 else {
        fail("\(file) cannot be locked: \(Errno(rawValue: errno))")
      }
      try body()
    }
  }

  /// Attaches to memory that a foreign program has locked: to lasting memory in any case, to
  /// temporary memory if a process has it.
  private mutating func attachUnderLock(
    _ files: [File], held: [UInt64: CampaignMemory]
  ) throws {
    let candidates = files.filter {
      $0.place == .named && (held[$0.content.instance] != nil || !$0.content.isTemporary)
    }
    guard let file = candidates.randomElement(using: &generator) else { return }
    let isHeld = held[file.content.instance] != nil
    // The holders' handles prevent a lock for writing.
    try withForeignLock(isHeld ? F_RDLCK : F_WRLCK, on: file) {
      do {
        let memory = try SharedMemory.attach(file.fileName)
        guard try CampaignMemory(memory, nameIndex: file.content.nameIndex) == file.content else {
          fail("\(file) is not what its name leads to")
        }
      } catch {
        fail("\(file) cannot be attached to while a foreign program has it locked: \(error)")
      }
    }
    if isHeld { report.usedUnderLock += 1 } else { report.lastingUnderLock += 1 }
  }

  /// Creates memory in place of stale memory, as the next user of that name would.
  ///
  /// - Returns: The name.
  private mutating func replace(_ file: File?) throws -> String? {
    guard let file, Bool.random(using: &generator) else { return nil }
    let name = file.fileName
    let isAttached = (try? SharedMemory.attach(name)) != nil
    guard !isAttached else { fail("\(file) has no holder, and could be attached to") }
    let memory =
      try Bool.random(using: &generator)
      ? SharedMemory.create(name, byteCount: 8, options: .whileAttached)
      : SharedMemory.attachOrCreate(name, byteCount: 8, options: .whileAttached)
    guard memory.isCreator else { fail("\(file) has no holder, and was attached to") }
    memory.close()
    guard !fileNames(in: "/dev/shm").contains(name) else {
      fail("\(name) outlived its only holder, the conductor")
    }
    report.replacedByConductor += 1
    return name
  }

  private mutating func sweep(
    _ stale: [File], held: [UInt64: CampaignMemory], _ holdings: [Holding]
  ) throws {
    let before = try files()
    if Bool.random(using: &generator), let locked = stale.randomElement(using: &generator) {
      // The name of a file that lies aside goes in any case.
      let isKept = locked.place == .named
      try withForeignLock(Bool.random(using: &generator) ? F_RDLCK : F_WRLCK, on: locked) {
        try sweep(expecting: stale.filter { !isKept || $0.fileName != locked.fileName })
        guard isKept else { return }
        guard (try? SharedMemory.create(locked.fileName, byteCount: 8)) == nil else {
          fail("\(locked) was replaced while a foreign program had it locked")
        }
      }
      report.staleUnderLock += 1
      try sweep(expecting: isKept ? [locked] : [])
    } else {
      try sweep(expecting: stale)
    }

    let after = try files()
    check(holdings, against: after)
    for file in after where file.content.isTemporary && held[file.content.instance] == nil {
      fail("\(file) has no holder, and is there after a sweep")
    }
    for file in before where !file.content.isTemporary {
      let isHeld = held[file.content.instance] != nil
      // A file that lies aside was being unlinked, whichever process holds it.
      let isNeeded =
        file.place != .aside
        && (isHeld || before.contains { $0.inode == file.inode && $0.place == .named })
      let isThere = after.contains { $0.fileName == file.fileName && $0.inode == file.inode }
      guard isThere == isNeeded else {
        fail("\(file) is lasting, and is \(isThere ? "there" : "gone") after a sweep")
      }
      if isHeld || file.place != .named { continue }
      report.lastingLeftAlone += 1
      // Only a holder would ever unlink the file; now and then its name becomes free.
      if Bool.random(using: &generator) { try SharedMemory.unlink(file.fileName) }
    }
  }

  private mutating func sweep(expecting stale: [File]) throws {
    let swept = try SharedMemory.sweep()
    let expected = stale.map(\.content.name).sorted()
    guard swept == expected else { fail("The sweep removed \(swept) instead of \(expected)") }
    report.sweptByConductor += swept.count
  }

  // MARK: - The end

  /// Lets the workers close what they hold, and expects that nothing stays but the remains of
  /// killed ones.
  private mutating func finish() throws {
    for worker in workers where !worker.isReady { expectReady(worker) }
    for worker in workers {
      worker.send("finish")
      let line = worker.nextLine()
      guard line == "finished" else {
        fail("Worker \(worker.index) says \(line ?? "nothing") at the end")
      }
      worker.waitForEnd(with: 0) { fail("Worker \(worker.index) \($0) at the end") }
    }
    // The last round has swept, so whatever has got a name since then has had a holder, and each
    // holder has closed in an orderly way. But if a process was killed while it unlinked memory,
    // and its forked child came too late for a lease, the child leaves the second name to a sweep.
    let left = try files().filter {
      $0.content.isTemporary && !($0.place == .second && $0.intent != .none)
    }
    guard left.isEmpty else { fail("\(left) outlived its last holder") }
    for file in try files() where file.place == .named { try SharedMemory.unlink(file.fileName) }
    // Second names whose first name was removed by a process killed before it could remove both.
    guard try SharedMemory.sweep().isEmpty else { fail("A sweep at the end removed a name") }
    let free = try freeSpace { $0 == freeAtStart }
    guard fileNames(in: "/dev/shm").isEmpty, free == freeAtStart else {
      fail("\(free) instead of \(freeAtStart) is left in the end")
    }
  }

  func fail(_ problem: String) -> Never {
    for worker in workers { worker.kill { _ in } }
    unlink(logPath)
    let message = """
      Failed after \(report.kills) kills with seed \(seed): \(problem)
      /dev/shm: \(fileNames(in: "/dev/shm").joined(separator: " "))

      """
    _ = try? FileDescriptor.standardError.writeAll(message.utf8)
    exit(1)
  }
}

extension LifetimesCampaign {
  struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "lifetimes-campaign")

    @Argument var killCount: Int
    /// A random one if not given.
    @Argument var seed: UInt64?

    func run() throws {
      // A write to a dead worker must not end the conductor.
      signal(SIGPIPE, SIG_IGN)
      var campaign = try LifetimesCampaign(
        killCount: killCount, seed: seed ?? .random(in: 1...UInt64.max))
      campaign.run()
    }
  }
}
