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

import Interprocess
import Subprocess
import TestSupport
import Testing

@Suite("Attach or create", .timeLimit(.minutes(5)))
struct AttachOrCreateTests {
  @Test("The first call creates, the second attaches")
  func order() throws {
    let name = uniqueName()
    var first = try SharedMemory.attachOrCreate(name, byteCount: 64) { bytes in
      bytes.storeBytes(of: 5, as: UInt8.self)
    }
    first[1] = 6
    let second = try SharedMemory.attachOrCreate(name, byteCount: 32) { bytes in
      bytes.storeBytes(of: 9, as: UInt8.self)
    }
    let roles = [first.isCreator, second.isCreator]
    let values = [second[0], second[1]]
    let byteCount = second.byteCount
    #expect(roles == [true, false])
    #expect(values == [5, 6])
    #expect(byteCount == 64)
    try first.unlink()
  }

  @Test("Memory that is too small is refused with both sizes")
  func tooSmall() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 64)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attachOrCreate(name, byteCount: 65)
    }
    #expect(error.code == .invalidSize)
    #expect(
      error.description == "Shared memory \"\(name)\" exists with 64 bytes, and 65 are needed.")
    try memory.unlink()
  }

  @Test("A file that stays empty is reported, and does not hold the caller forever")
  func empty() throws {
    let name = uniqueName()
    try makeFile(name)
    let error = try #require(throws: InterprocessError.self) {
      _ = try SharedMemory.attachOrCreate(name, byteCount: 16)
    }
    #expect(error.code == .invalidSize)
    #expect(error.description.contains("is still empty"))
    try SharedMemory.unlink(name)
  }

  @Test("Of 64 processes that start at once exactly one creates, and none sees half of the memory")
  func race() async throws {
    let (processCount, roundCount, byteCount) = (64, 200, 8192)
    try await withHelpers(processCount) { helpers in
      for round in 1...roundCount {
        let name = uniqueName("race\(round)")
        // Late enough for all of them to be waiting at that moment.
        let start = now() + 5_000_000
        for helper in helpers { try await helper.send("race \(name) \(byteCount) \(start)") }
        var answers: [String] = []
        for helper in helpers { answers.append(try await helper.nextLine() ?? "died") }
        let creators = answers.filter { $0.hasPrefix("ok creator ") }
        try #require(creators.count == 1, "\(answers)")
        let processID = creators[0].dropFirst("ok creator ".count)
        #expect(answers.filter { $0 == "ok attached \(processID)" }.count == processCount - 1)
        try SharedMemory.unlink(name)
      }
    }
  }

  @Test("All share large memory that only one of the processes has room for")
  func noRoomForTwo() async throws {
    let commands = "race large \(12 << 20) 0"
    let script = """
      for i in 1 2 3 4 5 6 7 8; do
        echo "\(commands)" | "$0" > /dev/shm/answer$i &
      done
      wait
      cat /dev/shm/answer*
      """
    let outcome = try await runWithPrivateSharedMemory(
      "size=16m", "sh", ["-c", script, Places.helper])
    let answers = outcome.output.split(separator: "\n")
    #expect(answers.count == 8)
    #expect(answers.filter { $0.hasPrefix("ok creator ") }.count == 1)
    #expect(answers.filter { $0.hasPrefix("ok attached ") }.count == 7)
  }
}
