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

internal import Glibc
internal import Interprocess
internal import SystemPackage
internal import TestFork
internal import TestSupport

/// The state of one conversation with a test, and the commands that it understands.
final class Session {
  var memory: SharedMemory?
  private var value: SharedValue<InlineArray<8, UInt64>>?
  private var kept: [Handle] = []
  var child: ForkedChild?
  /// The message of the last error.
  var lastMessage = ""
  /// This process's ends of the sockets to all children.
  var childSockets: [CInt] = []

  /// A handle in a class, as an array cannot hold noncopyable values.
  private final class Handle {
    let memory: SharedMemory

    init(_ memory: consuming SharedMemory) {
      self.memory = memory
    }
  }

  /// Performs one command and returns the words of its result.
  func perform(_ line: String) throws(InterprocessError) -> String {
    var words = Words(line)
    switch words.next() {
    case "create":
      let name = words.next()
      let byteCount = words.number()
      let permissions = words.option("permissions").flatMap { UInt32($0, radix: 8) } ?? 0o600
      memory = try SharedMemory.create(
        name, byteCount: byteCount,
        options: SegmentOptions(
          lifetime: words.lifetime, permissions: FilePermissions(rawValue: permissions),
          reservation: words.flag("onDemand") ? .onDemand : .reserved,
          pages: words.flag("huge") ? .huge : words.flag("small") ? .small : .automatic))
      return name
    case "attach":
      let name = words.next()
      let timeout = words.option("wait").flatMap { Double($0) }.map { Duration.seconds($0) }
      memory = try SharedMemory.attach(
        name, access: words.flag("readOnly") ? .readOnly : .readWrite,
        owner: words.flag("anyone") ? .anyone : .currentUser, waitingUpTo: timeout)
      return "\(memory?.byteCount ?? 0)"
    case "attachOrCreate":
      let name = words.next()
      memory = try SharedMemory.attachOrCreate(
        name, byteCount: words.number(), options: SegmentOptions(lifetime: words.lifetime))
      return memory?.isCreator == true ? "created" : "attached"
    case "sweep":
      return try SharedMemory.sweep().joined(separator: " ")
    case "stale":
      return try SharedMemory.segments().filter(\.isStale).map(\.name).joined(separator: " ")
    case "left":
      // What a sweep, or a trial, removes, and why it leaves the rest.
      var left: [String] = []
      let report = { (error: InterprocessError) in
        left.append(" | \(error.code) \(error.name ?? ""): \(error.message)")
      }
      let removed =
        words.flag("trial")
        ? try SharedMemory.sweepTrial(reportingLeft: report)
        : try SharedMemory.sweep(reportingLeft: report)
      return removed.joined(separator: " ") + left.joined()
    case "cycles":
      return try cycles(words.next(), count: words.number())
    case "race":
      return try race(words.next(), byteCount: words.number(), startingAt: words.number())
    case "raceCollection":
      return try CollectionRace.run(
        words.next(), words.next(), startingAt: words.number())
    case "get":
      let offset = words.number()
      return text(memory?[offset])
    case "set":
      memory?[words.number()] = UInt8(words.number())
      return ""
    case "getDouble":
      let offset = words.number()
      return text(memory?.load(fromByteOffset: offset, as: Double.self))
    case "setDouble":
      let offset = words.number()
      memory?.storeBytes(
        of: Double(words.next()) ?? .nan, toByteOffset: offset, as: Double.self)
      return ""
    case "receive":
      memory = try Passing.receive(
        from: words.next(), owner: words.flag("anyone") ? .anyone : .currentUser)
      return "\(memory?.byteCount ?? 0) \(memory?.name ?? "")"
    case "anonymous":
      memory = try SharedMemory.anonymous(byteCount: words.number())
      return "\(memory?.byteCount ?? 0)"
    case "send":
      let socket = Passing.connect(words.next())
      defer { try? socket.close() }
      try memory?.send(over: socket, access: words.flag("readOnly") ? .readOnly : nil)
      return ""
    case "sendFile":
      Passing.send(file: words.next(), flags: CInt(words.number()), to: words.next())
      return ""
    case "openForWriting":
      return Passing.openForWriting().map { "\($0)" }.joined(separator: " ")
    case "grow":
      try memory?.grow(to: words.number())
      return "\(memory?.byteCount ?? 0)"
    case "refresh":
      try memory?.refresh()
      return "\(memory?.byteCount ?? 0)"
    case "close":
      memory = nil
      return ""
    case "keep":
      // The memory stays open, so that the next one does not take its place.
      if let handle = memory.take() { keep(handle) }
      return ""
    case "drop":
      kept.remove(at: words.number())
      return ""
    case "makeDescriptor":
      let descriptor = try memory?.makeFileDescriptor()
      try? descriptor?.close()
      return ""
    case "manage":
      return try manage(blockCount: words.number(), exiting: words.flag("exit"))
    case "protect":
      try memory?.protectName()
      return ""
    case "relink":
      try memory?.relink()
      return ""
    case "unlink":
      try memory?.unlink()
      return ""
    case "unlinkName":
      try SharedMemory.unlink(words.next())
      return ""
    case "value":
      value = try SharedValue.attach(words.next())
      return "\(MemoryLayout<InlineArray<8, UInt64>>.size)"
    case "store":
      try value?.store(InlineArray(number: UInt64(words.number())))
      return ""
    case "load":
      return text(try value?.load().number)
    case "closeValue":
      value = nil
      return ""
    case "umask":
      umask(UInt32(words.next(), radix: 8) ?? 0)
      return ""
    case "becomeUser":
      let userID = UInt32(words.number())
      return "\(setgid(userID)) \(setuid(userID))"
    case "become":
      // A user, a group and further groups.
      let userID = UInt32(words.number())
      let groupID = UInt32(words.number())
      let groups = words.rest().compactMap { UInt32($0) }
      let results = [setgroups(groups.count, groups), setgid(groupID), setuid(userID)]
      // Otherwise no process of the same user could look into this one.
      return results.map { "\($0)" }.joined(separator: " ") + " \(ipctest_set_dumpable(1))"
    case "refuseFileLeases":
      return "\(ipctest_refuse_file_leases())"
    case "info":
      let name = words.next()
      guard let info = try SharedMemory.segments().first(where: { $0.name == name }) else {
        return "none"
      }
      let use = info.isStale ? "stale" : info.possibleHolders.isEmpty ? "used" : "unknown"
      let processes = info.processes.map { "\($0.processID)" }.joined(separator: ",")
      let holders = info.possibleHolders.map(\.description).joined(separator: ", ")
      return "\(use) \(info.handleCount.map { "\($0)" } ?? "?") [\(processes)] [\(holders)]"
    case "limitDescriptors":
      var limit = rlimit(rlim_cur: UInt(words.number()), rlim_max: 4096)
      return "\(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))"
    case "limitFileSize":
      var limit = rlimit(rlim_cur: UInt(words.number()), rlim_max: .max)
      return "\(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit))"
    case "deny":
      Refusal.install(words.rest())
      return ""
    case "remakeStale":
      remakeStale(words.next())
      return ""
    case "mutex":
      return try lockMutex(words.next())
    case "dieAt":
      dieAt(words.next())
      return ""
    case "stopAt":
      stopAt(words.rest())
      return ""
    case "fork":
      return fork(&words)
    case "forkStorm":
      return ForkStorm.run(forkCount: words.number(), passing: words.flag("passing"))
    case "child":
      return child?.ask(words.rest().joined(separator: " ")) ?? "none"
    case "explain":
      // The message of the error that a command ends with.
      do {
        return try perform(words.rest().joined(separator: " "))
      } catch {
        return error.message
      }
    case "message":
      // The message of the last command that failed.
      return lastMessage
    case "exit":
      exit(0)
    case "_exit":
      _exit(0)
    case let command:
      if let answer = try performOnSizes(command, &words) { return answer }
      return try performAroundFork(command, &words)
    }
  }

  /// Creates or attaches to a mutex, and adds one to its value.
  private func lockMutex(_ name: String) throws(InterprocessError) -> String {
    let mutex = try SharedMutex.attachOrCreate(name, initialValue: 0)
    do {
      return try mutex.withLock(timeout: .seconds(1)) { value in
        value += 1
        return "\(value)"
      }
    } catch {
      throw error as! InterprocessError
    }
  }

  /// Creates blocks in the scope of a manager, reports their names, and stays there until the next
  /// line arrives.
  ///
  /// - Parameter isExiting: Whether the process ends there.
  private func manage(
    blockCount: Int, exiting isExiting: Bool
  ) throws(InterprocessError) -> String {
    try withSharedMemoryManager { manager throws(InterprocessError) in
      var names: [String] = []
      for _ in 0..<blockCount { names.append(try manager.create(byteCount: 4096).name) }
      Helper.answer("ok \(names.joined(separator: " "))")
      _ = readLine()
      if isExiting { exit(0) }
      return "left"
    }
  }

  /// Attaches or creates at the same moment as many other processes, and reports what it saw.
  private func race(
    _ name: String, byteCount: Int, startingAt nanoseconds: Int
  ) throws(InterprocessError) -> String {
    var start = timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, nil)
    let own = UInt64(getpid())
    // Several words on each page.
    let stepByteCount = 512
    let memory = try SharedMemory.attachOrCreate(name, byteCount: byteCount) { bytes in
      for offset in stride(from: 0, to: bytes.byteCount, by: stepByteCount) {
        bytes.storeBytes(of: own, toByteOffset: offset, as: UInt64.self)
      }
    }
    let creator = memory.withSpan(of: UInt64.self) { words in
      for index in stride(from: 0, to: words.count, by: stepByteCount / 8)
      where words[index] != words[0] { return "torn" }
      return "\(words[0])"
    }
    let role = memory.isCreator ? "creator" : "attached"
    self.memory = consume memory
    return "\(role) \(creator)"
  }

  /// Creates, attaches, closes and unlinks again and again, and reports how many descriptors,
  /// mappings of shared memory and other mappings this process has gained.
  private func cycles(_ name: String, count: Int) throws(InterprocessError) -> String {
    var start = ProcessUse.now()
    for cycle in 1...count {
      let isTemporary = cycle.isMultiple(of: 2)
      var memory = try SharedMemory.create(
        name, byteCount: 8192,
        options: SegmentOptions(lifetime: isTemporary ? .whileAttached : .untilUnlinked))
      let other = try SharedMemory.attach(
        name, access: cycle.isMultiple(of: 3) ? .readOnly : .readWrite)
      memory[4097] = 1
      guard other[4097] == 1 else { fatalError("Cycle \(cycle) sees other memory") }
      if !isTemporary || cycle.isMultiple(of: 4) { try other.unlink() }
      other.close()
      memory.close()
      // The heap then has the pages that it needs.
      if cycle == count / 10 { start = .now() }
    }
    let end = ProcessUse.now()
    let differences = [
      end.descriptorCount - start.descriptorCount,
      end.sharedMappingCount - start.sharedMappingCount, end.mappingCount - start.mappingCount,
    ]
    return differences.map { "\($0)" }.joined(separator: " ")
  }

  func keep(_ handle: consuming SharedMemory) {
    kept.append(Handle(handle))
  }

  private func text<Value>(_ value: Value?) -> String {
    value.map { "\($0)" } ?? "closed"
  }
}
