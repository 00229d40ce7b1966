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
internal import TestFork
internal import TestSupport

// Growing, forking, and the actions of foreign programs.
extension LifetimesWorker {
  // MARK: - Growing

  /// Grows memory, or notices what others have grown, or writes behind its end.
  func grow() throws(InterprocessError) {
    if course.happens(30) {
      guard let held = held.randomElement(using: &course.generator) else { return }
      try held.memory.refresh()
      check(held)
      log[.refreshed] += 1
      return
    }
    guard
      let held = held.filter({ $0.memory.access == .readWrite })
        .randomElement(using: &course.generator)
    else { return }
    if course.happens(20) {
      try writeBehindEnd(of: held)
      return
    }
    let byteCounts = held.memory.byteCount / 8...CampaignMemory.maximumGrownByteCount / 8
    lockGrowth(F_RDLCK)
    defer { lockGrowth(F_UNLCK) }
    let start = ContinuousClock.now
    do {
      try held.memory.grow(to: 8 * course.number(in: byteCounts))
    } catch {
      // On a busy machine another process may hold its turn for that long.
      guard error.code == .timedOut && .now - start >= .seconds(1) else { throw error }
      return
    }
    check(held)
    writeGrownPage(of: held)
    log[.grown] += 1
  }

  /// Dies while growing memory, and leaves pages behind the end of memory that can grow.
  func dieGrowing() -> Never {
    let course = course
    handleCheckpoints { step in
      guard step == .growTaken else { return }
      course.log.step = step
      kill(getpid(), SIGKILL)
    }
    for held in held where held.memory.access == .readWrite {
      try? held.memory.grow(to: CampaignMemory.maximumGrownByteCount)
    }
    kill(getpid(), SIGKILL)
    fatalError("Alive after SIGKILL")
  }

  /// Writes into the rest of the last page, which no process may ever see as content.
  private func writeBehindEnd(of held: Held) throws(InterprocessError) {
    guard lockGrowth(F_WRLCK) else { return }
    defer { lockGrowth(F_UNLCK) }
    try held.memory.refresh()
    let byteCount = held.memory.byteCount
    let page = CampaignMemory.pageByteCount
    let end = (byteCount + page - 1) / page * page
    held.memory.withMutableBytes { bytes in
      bytes.withUnsafeMutableBytes { bytes in
        _ = memset(bytes.baseAddress! + byteCount, 0xff, end - byteCount)
      }
    }
    log[.wroteBehindEnd] += 1
  }

  /// Keeps processes that write behind the end apart from those that grow the memory.
  ///
  /// - Returns: Whether this process holds the lock; it does not wait for a lock for writing.
  @discardableResult
  private func lockGrowth(_ type: CInt) -> Bool {
    var request = flock()
    request.l_type = CShort(type)
    request.l_whence = CShort(SEEK_SET)
    request.l_len = 1
    while fcntl(logDescriptor, type == F_WRLCK ? F_SETLK : F_SETLKW, &request) == -1 {
      if errno == EAGAIN || errno == EACCES { return false }
      guard errno == EINTR else { fatalError("Cannot lock the log: \(errno)") }
    }
    return true
  }

  private func check(_ held: Held) {
    do throws(CampaignMemory.Problem) {
      let content = try CampaignMemory(held.memory, nameIndex: held.content.nameIndex)
      guard content == held.content else { fail("\(held.content) has become \(content)") }
    } catch {
      fail("wrong bytes: \(error.text)")
    }
  }

  // MARK: - Forking

  /// Lets a child see what it has inherited, while this process waits for it.
  func visit() {
    guard !held.isEmpty else { return }
    let processID = fork()
    if processID == 0 {
      for held in held { check(held) }
      if course.happens(50) { takeLeases() }
      for held in held where course.happens(20) && held.memory.access == .readWrite {
        let (offset, word) = held.content.mark(of: index)
        held.memory.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
      }
      course.operation = .other
      // None of these ends may remove a name that the parent uses.
      switch course.number(in: 1...3) {
      case 1: exit(0)
      case 2: _exit(0)
      default: kill(getpid(), SIGTERM)
      }
    }
    var status: CInt = 0
    while waitpid(processID, &status, 0) == -1 && errno == EINTR {}
    guard status == 0 || status == SIGTERM else { fail("a child ended with status \(status)") }
    for held in held { check(held) }
    log[.visited] += 1
  }

  /// Continues in a child; the parent ends, as a daemon's parent does.
  func moveToChild() {
    guard !held.isEmpty else { return }
    let isParentFirst = course.happens(30)
    let parent = getpid()
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { fatalError("No pipe") }
    if fork() != 0 {
      Glibc.close(ends[1])
      var byte: UInt8 = 0
      // Waits until the child has its leases, or is dead.
      if !isParentFirst { _ = read(ends[0], &byte, 1) }
      course.operation = .ending
      switch course.number(in: 1...3) {
      case 1: exit(0)
      case 2: _exit(0)
      default: kill(getpid(), SIGTERM)
      }
    }
    Glibc.close(ends[0])
    for held in held { check(held) }
    takeLeases(dropping: isParentFirst)
    Glibc.close(ends[1])
    // Descriptors that the parent still has open would count as a leak.
    while getppid() == parent { usleep(100) }
    log[.movedToChild] += 1
  }

  /// Takes leases on all that this process has inherited.
  ///
  /// - Parameter isDropping: Whether to close memory that has lost its name, as happens when the
  ///   parent has already ended.
  private func takeLeases(dropping isDropping: Bool = false) {
    for held in held {
      do throws(InterprocessError) {
        try held.memory.takeLease()
        log[.leaseTaken] += 1
      } catch {
        // Otherwise only memory that a process has unlinked may have lost its name.
        guard error.code == .notFound,
          isDropping || CampaignMemory.intent(of: held.memory) != .none
        else { fail("no lease: \(error)") }
        log[.nameLost] += 1
        if isDropping { self.held.removeAll { $0 === held } }
      }
      check(held)
    }
  }

  private func fork() -> pid_t {
    let processID = ipctest_fork()
    guard processID >= 0 else { fatalError("Cannot fork: \(errno)") }
    // The child's random choices must differ from its parent's next ones.
    if processID == 0 { course.generator = SeededGenerator(seed: course.generator.next()) }
    return processID
  }

  // MARK: - Foreign locks

  /// Locks a file for a moment, like a program that knows nothing of this library.
  func lockForeign() {
    let name = CampaignMemory.names.randomElement(using: &course.generator)!
    let fd = open("/dev/shm/\(name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard fd >= 0 else { return }
    defer { Glibc.close(fd) }
    var request = flock()
    request.l_type = CShort(course.happens(50) ? F_RDLCK : F_WRLCK)
    request.l_whence = CShort(SEEK_SET)
    guard fcntl(fd, F_SETLK, &request) == 0 else { return }
    log[.lockedForeign] += 1
    usleep(UInt32(course.number(in: 1...2000)))
  }
}
