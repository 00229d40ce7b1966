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

extension Session {
  /// Performs a command about sizes and room; `nil` if it is another command.
  func performOnSizes(
    _ command: String, _ words: inout Words
  ) throws(InterprocessError) -> String? {
    switch command {
    case "attachReserved":
      memory = try SharedMemory.attach(words.next(), reservation: .reserved)
      return "\(memory?.byteCount ?? 0)"
    case "prefault":
      try memory?.prefault()
      return ""
    case "forkWhileHuge":
      return try forkWhileHuge(creating: words.next(), byteCount: words.number())
    case "list":
      return try SharedMemory.segments().map(\.name).joined(separator: " ")
    case "sum":
      return "\(memory?.withBytes(Self.sum) ?? 0)"
    case "guardedSum":
      // Answers in the scope, and reads when the next line arrives.
      return try memory?.withGuardedBytes { bytes in
        Helper.answer("ok reading")
        _ = readLine()
        return "\(Self.sum(bytes))"
      }
    case "forkedGuard":
      return forkInScope()
    case "fill":
      return try fill(byteCount: words.number(), count: words.number())
    case "limitAddressSpace":
      // This number of bytes more than are in use now.
      let byteCount = Self.addressByteCount() + words.number()
      var limit = rlimit(rlim_cur: UInt(byteCount), rlim_max: .max)
      return "\(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit))"
    case "growOften":
      return try growOften(writing: words.number(), times: words.number())
    case "raiseDescriptorLimit":
      // As many as this process may have.
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var limit = rlimit()
      guard getrlimit(resource, &limit) == 0 else { fatalError("No limit") }
      limit.rlim_cur = limit.rlim_max
      return "\(setrlimit(resource, &limit))"
    case "timer":
      signal(SIGALRM) { _ in }
      let interval = timeval(tv_sec: 0, tv_usec: words.number())
      var timer = itimerval(it_interval: interval, it_value: interval)
      return "\(setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil))"
    default:
      return nil
    }
  }

  /// How many bytes of addresses this process has mapped.
  private static func addressByteCount() -> Int {
    var bytes = [UInt8](repeating: 0, count: 256)
    let fd = open("/proc/self/statm", O_RDONLY)
    defer { _ = Glibc.close(fd) }
    let count = read(fd, &bytes, bytes.count)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    guard let pages = text.split(separator: " ").first.flatMap({ Int($0) }) else {
      fatalError("No statm")
    }
    return pages * Int(sysconf(CInt(_SC_PAGESIZE)))
  }

  private static func sum(_ bytes: RawSpan) -> Int {
    var sum = 0
    var offset = 0
    while offset < bytes.byteCount {
      // A fast path for zeros, as most bytes are and these tests are not optimised.
      if offset + 8 <= bytes.byteCount,
        bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0
      {
        offset += 8
        continue
      }
      sum += Int(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      offset += 1
    }
    return sum
  }

  /// Forks in the scope, while another thread is in one, and reports whether the scope ends well in
  /// both processes.
  private func forkInScope() -> String {
    Self.hasEntered.store(false, ordering: .relaxed)
    Self.mayLeave.store(false, ordering: .relaxed)
    var thread = pthread_t()
    let context = Unmanaged.passUnretained(self).toOpaque()
    let error = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Session>.fromOpaque(context!).takeUnretainedValue().stayInScope()
        return nil
      }, context)
    guard error == 0 else { fatalError("No thread") }
    while !Self.hasEntered.load(ordering: .relaxed) { usleep(1000) }

    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { fatalError("No pipe") }
    var child: pid_t = 0
    let found = try? memory?.withGuardedBytes { bytes in
      child = ipctest_fork()
      return Self.sum(bytes)
    }
    if child == 0 {
      if found == nil {
        // Once the parent has read, too, and has closed its end.
        Glibc.close(ends[1])
        var byte: UInt8 = 0
        _ = read(ends[0], &byte, 1)
        truncate("/dev/shm/\(memory?.name ?? "")", off_t(memory?.byteCount ?? 0))
      }
      // The other thread does not exist in this process, and its scope disturbs no other.
      let again = try? memory?.withGuardedBytes { Self.sum($0) }
      _exit(found != nil && again == found ? 0 : again == 4096 ? 2 : 1)
    }
    for end in ends { Glibc.close(end) }
    var status: CInt = 0
    waitpid(child, &status, 0)
    Self.mayLeave.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
    switch (found.flatMap { $0 }, status) {
    case (let found?, 0): return "both \(found)"
    case (nil, 0x200): return "neither, and then 4096"
    default: return "only one, \(status)"
    }
  }

  /// Creates memory, and forks while its huge pages are being taken.
  ///
  /// - Returns: How many mappings of shared memory the parent and the child have at that moment.
  private func forkWhileHuge(
    creating name: String, byteCount: Int
  ) throws(InterprocessError) -> String {
    // Only one thread exists here.
    nonisolated(unsafe) var counts = ""
    handleCheckpoints { checkpoint in
      guard checkpoint == .createHuge else { return }
      let child = ipctest_fork()
      let count = ProcessUse.now().sharedMappingCount
      if child == 0 { _exit(CInt(count)) }
      var status: CInt = 0
      waitpid(child, &status, 0)
      counts = "\(count) \(status >> 8)"
    }
    memory = try SharedMemory.create(name, byteCount: byteCount)
    return counts
  }

  private static let hasEntered = Atomic<Bool>(false)
  private static let mayLeave = Atomic<Bool>(false)

  private func stayInScope() {
    try? memory?.withGuardedBytes { _ in
      Self.hasEntered.store(true, ordering: .relaxed)
      while !Self.mayLeave.load(ordering: .relaxed) { usleep(1000) }
    }
  }

  /// Grows the memory again and again, and writes to the last byte each time at once: a process
  /// that takes the memory for as small as before would remove that byte.
  ///
  /// - Returns: The offsets that it has written to. Divided by 4, they leave the number.
  private func growOften(writing number: Int, times count: Int) throws(InterprocessError) -> String
  {
    var offsets: [Int] = []
    for _ in 0..<count {
      guard let byteCount = memory?.byteCount else { fatalError("No memory") }
      let offset = (byteCount + 700) / 4 * 4 + number
      try memory?.grow(to: offset + 1)
      memory?[offset] = UInt8(number + 1)
      offsets.append(offset)
    }
    return offsets.map { "\($0)" }.joined(separator: " ")
  }

  /// Creates this number of pieces of memory, keeps them, and removes their names.
  private func fill(byteCount: Int, count: Int) throws(InterprocessError) -> String {
    for _ in 0..<count {
      let piece = try SharedMemory.create(byteCount: byteCount, options: .whileAttached)
      keep(piece)
    }
    return "\(count)"
  }
}
