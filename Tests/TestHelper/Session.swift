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

/// What one conversation with a test holds, and the commands that it understands.
final class Session {
  private var memory: SharedMemory?

  /// Performs one command and returns the words of its result.
  func perform(_ line: String) throws(InterprocessError) -> String {
    var words = Words(line)
    switch words.next() {
    case "create":
      let name = words.next()
      let byteCount = words.number()
      let permissions = words.option("permissions").flatMap { UInt32($0, radix: 8) } ?? 0o600
      memory = try SharedMemory.create(
        name, byteCount: byteCount, permissions: FilePermissions(rawValue: permissions),
        reservation: words.flag("onDemand") ? .onDemand : .reserved)
      return name
    case "attach":
      let name = words.next()
      let timeout = words.option("wait").flatMap { Double($0) }.map { Duration.seconds($0) }
      memory = try SharedMemory.attach(
        name, access: words.flag("readOnly") ? .readOnly : .readWrite,
        owner: words.flag("anyone") ? .anyone : .currentUser, waitingUpTo: timeout)
      return "\(memory?.byteCount ?? 0)"
    case "race":
      return try race(words.next(), byteCount: words.number(), startingAt: words.number())
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
    case "close":
      memory = nil
      return ""
    case "unlink":
      try memory?.unlink()
      return ""
    case "unlinkName":
      try SharedMemory.unlink(words.next())
      return ""
    case "umask":
      umask(UInt32(words.next(), radix: 8) ?? 0)
      return ""
    case "becomeUser":
      let userID = UInt32(words.number())
      return "\(setgid(userID)) \(setuid(userID))"
    case "limitFileSize":
      var limit = rlimit(rlim_cur: UInt(words.number()), rlim_max: .max)
      return "\(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit))"
    case "dieAt":
      dieAt(words.next())
      return ""
    case let command:
      fatalError("Unknown command \(command)")
    }
  }

  /// Attaches or creates at a moment that many processes have in common, and tells what it saw.
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

  private func text<Value>(_ value: Value?) -> String {
    value.map { "\($0)" } ?? "closed"
  }

  /// Kills this process as soon as it comes to a checkpoint.
  private func dieAt(_ label: String) {
    #if DEBUG
      Checkpoint.handler = { checkpoint in
        if checkpoint.rawValue == label { raise(SIGKILL) }
      }
    #else
      fatalError("Checkpoints exist in debug builds only")
    #endif
  }
}

/// The words of a command.
struct Words {
  private var words: [Substring]

  init(_ line: String) {
    words = line.split(separator: " ")
  }

  mutating func next() -> String {
    words.isEmpty ? "" : String(words.removeFirst())
  }

  mutating func number() -> Int {
    let word = next()
    guard let number = Int(word) else { fatalError("\(word) is not a number") }
    return number
  }

  func flag(_ name: String) -> Bool {
    words.contains { $0 == name }
  }

  /// The value of a word of the form `name=value`.
  func option(_ name: String) -> String? {
    words.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
  }
}
