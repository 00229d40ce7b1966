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

import Foundation
import Subprocess
import TestSupport
import Testing

@testable import Interprocess

@Suite("The end of a process", .timeLimit(.minutes(2)))
struct EndOfProcessTests {
  // MARK: - Programs that close nothing

  @Test(
    "An orderly end removes the temporary names of globals, and their second names",
    arguments: ["main", "exit", "thread"])
  func orderly(ending: String) async throws {
    try await withPrivateSharedMemory { place in
      try await end(ending, in: place) {
        try expectAll(in: place)
      }
      try place.expectNames([])
    }
  }

  @Test(
    "Any other end leaves stale names",
    arguments: [
      ("_exit", TerminationStatus.exited(0)), ("abort", .signaled(SIGABRT)),
      ("signal", .signaled(SIGTERM)), ("exec", .exited(0)),
    ])
  func disorderly(ending: String, status: TerminationStatus) async throws {
    try await withPrivateSharedMemory { place in
      try await end(ending, in: place, status)
      try expectAll(in: place)
      try await place.withHelper { other in
        try await other.expect("left trial", "ok leaked memory mutex")
        try await other.expect("sweep", "ok leaked memory mutex")
      }
      try place.expectNames([])
    }
  }

  @Test("A name that others still hold survives the end of one process")
  func others() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        try await end("main", in: place) { try await other.expect("attach memory", "ok 4096") }
        #expect(try place.names().contains("memory"))
        try await other.expect("sweep", "ok ")
        try await other.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("Memory that a function given to `atexit` uses is given up as well")
  func handler() async throws {
    try await withPrivateSharedMemory { place in
      try await end("handler", in: place, says: "handled 4096")
      try place.expectNames([])
    }
  }

  @Test("A process ends in an orderly way while its threads create and close memory")
  func threads() async throws {
    try await withPrivateSharedMemory { place in
      for _ in 1...20 {
        try await end("threads", in: place)
        try place.expectNames([])
      }
    }
  }

  @Test("A child that exits takes no name from its parent", arguments: ["fork", "clone"])
  func child(ending: String) async throws {
    try await withPrivateSharedMemory { place in
      try await end(ending, in: place, first: "0") {
        try expectAll(in: place)
        try await place.withHelper { other in
          // The parent has kept its lease.
          try await other.expect("attach memory", "ok 4096")
          try await other.expect("close", "ok ")
          try await other.expect("stale", "ok ")
        }
      }
      try place.expectNames([])
    }
  }

  @Test("A child that has taken a lease ends as fast as any process")
  func childWithLease() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 4096 temporary", "ok m")
        let begin = ContinuousClock.now
        for _ in 1...20 {
          let answer = try #require(try await parent.ask("fork"))
          let processID = try #require(pid_t(answer.dropFirst("ok ".count)))
          try await parent.expect("child takeLease", "ok ok ")
          _ = try await parent.ask("child exit")
          while let state = processState(processID), state != "Z" {
            try await Task.sleep(for: .milliseconds(1))
          }
        }
        // An ending process waits up to a second for other threads that are inside a call; this
        // process has no such thread.
        #expect(.now - begin < .seconds(15))
      }
      try place.expectNames([])
    }
  }

  @Test("Memory that a child has created goes when it exits")
  func childsOwn() async throws {
    try await withPrivateSharedMemory { place in
      try await end("child", in: place, first: "0") {
        try expectAll(in: place)
      }
      try place.expectNames([])
    }
  }

  @Test("If a process ends inside a scope, all of its blocks go, even those that others have")
  func manager() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        let (status, _) = try await place.withChildProcess(Places.helper) { manager in
          let answer = try #require(try await manager.ask("manage 3 exit"))
          let names = answer.split(separator: " ").dropFirst().map { String($0) }.sorted()
          try place.expectNames(names)
          try await other.expect("attach \(names[0])", "ok 4096")
          #expect(try await manager.ask("go") == nil)
        }
        #expect(status == .exited(0))
        try place.expectNames([])
        try await other.expect("set 0 1", "ok ")
        try await other.expect("get 0", "ok 1")
      }
    }
  }

  // MARK: - Beside other processes

  /// The way in which a handle is given up.
  enum Way: String, CaseIterable {
    case close, exit
  }

  @Test(
    "A sweep that comes between the drop and the claim leaves no name",
    arguments: Way.allCases, ["readWrite", "readOnly"])
  func sweepBeforeClaim(way: Way, access: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { sweeper in
        let (status, _) = try await place.withChildProcess(Places.helper) { last in
          try await last.expect("create m 4096 temporary", "ok m")
          if access == "readOnly" { try await last.expect("attach m readOnly", "ok 4096") }
          try await last.expect("stopAt closeDropped", "ok ")
          try await last.expectStop(way.rawValue, at: .closeDropped)
          // The closing process still has the file open.
          try await sweeper.expect("sweep", "ok ")
          try last.send(signal: .resume)
          if way == .close { try await last.expectNext("ok ") }
        }
        #expect(status == .exited(0))
        try place.expectNames([])
      }
    }
  }

  /// The claim of a process that found the memory unused a moment before.
  private static let claim = ForeignLock(
    .exclusive, start: Lease.byteOffset, count: 1, isOfDescription: true)

  @Test(
    "A close waits for a process that has claimed the name for a moment", arguments: Way.allCases)
  func claimedMeanwhile(way: Way) async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { last in
        try await last.expect("create m 4096 temporary", "ok m")
        try await last.expect("stopAt closeDropped", "ok ")
        try await last.expectStop(way.rawValue, at: .closeDropped)
        try await python.withLock(Self.claim, on: "/dev/shm/m", in: place) { claimer in
          try last.send(signal: .resume)
          // Long enough for a claim to be refused.
          try await Task.sleep(for: .milliseconds(5))
          #expect(try await claimer.ask("") == "unlocked")
          if way == .close { try await last.expectNext("ok ") }
        }
      }
      #expect(status == .exited(0))
      try place.expectNames([])
    }
  }

  @Test(
    "A close does not wait forever for a process that was stopped after claiming the name",
    arguments: Way.allCases)
  func claimedForLong(way: Way) async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { last in
        try await last.expect("create m 4096 temporary", "ok m")
        try await last.expect("stopAt closeDropped", "ok ")
        try await last.expectStop(way.rawValue, at: .closeDropped)
        try await python.withLock(Self.claim, on: "/dev/shm/m", in: place) { _ in
          try last.send(signal: .resume)
          if way == .close {
            try await last.expectNext("ok ")
          } else {
            #expect(try await last.nextLine() == nil)
          }
          try place.expectNames(["m"])
        }
      }
      #expect(status == .exited(0))
      try await place.withHelper { try await $0.expect("sweep", "ok m") }
      try place.expectNames([])
    }
  }

  @Test(
    "A process killed while it gives up its names leaves only what a sweep removes",
    arguments: [Checkpoint.closeDropped, .closeClaimed, .removeSeen, .removeMoved])
  func killed(step: Checkpoint) async throws {
    try await withPrivateSharedMemory { place in
      let (status, _) = try await place.withChildProcess(Places.helper) { last in
        try await last.expect("create m 4096 temporary", "ok m")
        try await last.expect("dieAt \(step.description)", "ok ")
        #expect(try await last.ask("exit") == nil)
      }
      #expect(status == .signaled(9))
      #expect(try place.names().count == 1)
      try await place.withHelper { try await $0.expect("sweep", "ok m") }
      try place.expectNames([])
    }
  }

  // MARK: - Support

  /// Expects the names of a program that ends, including the one second name.
  private func expectAll(
    in place: PrivateSharedMemory, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let names = try place.names()
    #expect(
      names.filter { !$0.hasPrefix(".") } == ["leaked", "memory", "mutex"],
      sourceLocation: sourceLocation)
    #expect(names.count == 4, sourceLocation: sourceLocation)
  }

  /// Makes a program end.
  ///
  /// - Parameters:
  ///   - first: The program's output before it holds its memory.
  ///   - last: The program's output while it ends.
  ///   - body: Runs before the end.
  private func end(
    _ ending: String, in place: PrivateSharedMemory, _ expected: TerminationStatus = .exited(0),
    first: String? = nil, says last: String? = nil, _ body: () async throws -> Void = {}
  ) async throws {
    let (status, _) = try await place.withChildProcess(
      "env", ["SWIFT_BACKTRACE=enable=no", Places.helper, "ending", ending]
    ) { child in
      if let first { #expect(try await child.nextLine() == first) }
      #expect(try await child.nextLine() == "held")
      try await body()
      try await child.send("end")
      #expect(try await child.nextLine() == last)
      if last != nil { #expect(try await child.nextLine() == nil) }
    }
    #expect(status == expected)
  }
}
