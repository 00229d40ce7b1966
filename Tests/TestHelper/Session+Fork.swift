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
internal import Synchronization
internal import SystemPackage
internal import TestFork
internal import TestSupport

extension Session {
  /// The commands for what a program may do before or after it forks.
  func performAroundFork(
    _ command: String, _ words: inout Words
  ) throws(InterprocessError) -> String {
    switch command {
    case "takeLease":
      try memory?.takeLease()
      return ""
    case "isLinked":
      return "\(memory?.isLinked == true)"
    case "sealed":
      let fd = ipctest_open_sealed(words.number())
      memory = try SharedMemory(adopting: FileDescriptor(rawValue: dup(fd)))
      guard ipctest_seal_against_writing(fd) == 0 else { fatalError("Cannot seal") }
      _ = Glibc.close(fd)
      return "\(memory?.byteCount ?? 0)"
    case "closeNumbers":
      let last = words.option("last").flatMap { UInt32($0) } ?? .max
      return "\(ipctest_close_range(3, last))"
    case "occupyNumbers":
      return occupyNumbers(words.next())
    case "countForeign":
      return "\(foreignCount())"
    case "chroot":
      return "\(chroot(words.next())) \(chdir("/"))"
    case "handlers":
      return ForkHandlers.set(isEarly: words.next() == "early")
    case "handled":
      return ForkHandlers.description
    default:
      fatalError("Unknown command \(command)")
    }
  }

  /// Forks a child that has what this process has, and that performs the commands that this process
  /// sends.
  ///
  /// - Parameter words: `outliving` if the child waits to be killed once its parent is dead,
  ///   `reviving` if it takes a lease before that; `limited` if no descriptor is free meanwhile.
  func fork(_ words: inout Words) -> String {
    let isReviving = words.flag("reviving")
    let isOutliving = words.flag("outliving") || isReviving
    var ends: [CInt] = [0, 0]
    guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
      fatalError("No socket")
    }
    let processID =
      words.flag("limited") ? ipctest_fork_without_descriptors() : ipctest_fork()
    if processID != 0 {
      _ = Glibc.close(ends[1])
      child = ForkedChild(processID: processID, fd: ends[0])
      childSockets.append(ends[0])
      return "\(processID)"
    }
    // Ends an orphan, whatever happens to the test.
    alarm(120)
    dup2(ends[1], 0)
    dup2(ends[1], 1)
    // Closes the siblings' sockets, too, as the siblings would not notice the end of the parent.
    for end in ends + childSockets { _ = Glibc.close(end) }
    child = nil
    childSockets = []
    while let line = readLine() {
      do {
        Helper.answer("ok \(try perform(line))")
      } catch {
        Helper.answer("error \(error.code)")
      }
    }
    // The parent is dead.
    if isReviving { try? memory?.takeLease() }
    while isOutliving { pause() }
    exit(0)
  }

  /// Opens a file under all free numbers up to 31, so that a closed number leads to it.
  private func occupyNumbers(_ path: String) -> String {
    while true {
      let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard fd >= 0 else { fatalError("Cannot open \(path)") }
      if fd > 31 {
        _ = Glibc.close(fd)
        foreignFile.withLock { $0 = path }
        return "\(foreignCount())"
      }
    }
  }

  /// How many numbers up to 31 lead to that file.
  private func foreignCount() -> Int {
    var file = stat()
    guard stat(foreignFile.withLock { $0 }, &file) == 0 else { return -1 }
    return (0...31).count { fd in
      var status = stat()
      return fstat(CInt(fd), &status) == 0 && status.st_ino == file.st_ino
        && status.st_dev == file.st_dev
    }
  }
}

private let foreignFile = Mutex("")

/// What a program may do in the handlers that it registers with `pthread_atfork`.
private enum ForkHandlers {
  /// The memory that is created in each of them.
  private static let memory = Mutex<[Handle]>([])

  private final class Handle: Sendable {
    let memory: SharedMemory

    init(_ memory: consuming SharedMemory) {
      self.memory = memory
    }
  }

  static func set(isEarly: Bool) -> String {
    ipctest_set_handlers(
      isEarly ? 1 : 0,
      { ForkHandlers.make("before") },
      { ForkHandlers.make("parent") },
      { ForkHandlers.make("child") })
    return ""
  }

  private static func make(_ name: String) {
    do {
      var made = try SharedMemory.create(
        "\(name)\(getpid())", byteCount: 4096, options: .whileAttached)
      made[0] = 5
      // One memory that comes and goes, and one that stays attached.
      try SharedMemory.create(byteCount: 4096, options: .whileAttached).close()
      try SharedMemory.attach("m").close()
      let handle = Handle(made)
      memory.withLock { $0.append(handle) }
    } catch {
      fatalError("In a handler: \(error.message)")
    }
  }

  /// The first byte of each memory.
  static var description: String {
    memory.withLock { $0.map { "\($0.memory.name)=\($0.memory[0])" }.joined(separator: " ") }
  }
}
