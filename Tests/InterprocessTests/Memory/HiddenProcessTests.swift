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

/// Memory without handles that a process may still have, as its owner sees it.
@Suite(
  // All tests use the same users.
  "Who may have it", .timeLimit(.minutes(10)), .serialized,
  .enabled(if: geteuid() == 0, "Needs root, to be other users and to mount other /proc."))
struct HiddenProcessTests {
  // MARK: - Unused memory

  @Test(
    "The owner replaces and sweeps stale memory of any mode, whichever users run processes",
    arguments: ["600", "640", "660", "604", "666", "400", "440", "000"])
  func replaced(mode: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        try await other.expect("become \(User.member) \(User.member)", "ok 0 0 0 0")
        try await place.leaveStale("m", mode: mode)
        try await place.withUser { owner in
          try await owner.expect("info m", "ok stale 0 [] []")
          try await owner.expect("explain create m 4096", "ok m")
          try await owner.expect("unlink", "ok ")
        }
        try await place.leaveStale("m", mode: mode)
        try await place.withUser { owner in
          try await owner.expect("stale", "ok m")
          try await owner.expect("sweep", "ok m")
        }
        try place.expectNames([])
      }
    }
  }

  @Test(
    "Where the kernel does not say who has a file open, users count who may open it",
    arguments: [
      ("640", "", true), ("660", "", true), ("600", "\(User.owner)", true),
      ("640", "\(User.owner)", false), ("660", "\(User.owner)", false),
    ])
  func permitted(mode: String, groups: String, isReplaced: Bool) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        try await other.expect("become \(User.member) \(User.member) \(groups)", "ok 0 0 0 0")
        try await place.leaveStale("m", mode: mode)
        try await place.withUser(asksKernel: false) { owner in
          if isReplaced {
            try await owner.expect("info m", "ok stale 0 [] []")
            try await owner.expect("explain create m 4096", "ok m")
            return
          }
          let holder = "process \(other.processID) (interprocess-te) of user \(User.member)"
          try await owner.expect("info m", "ok unknown 0 [] [\(holder)]")
          try await owner.expect(
            "explain create m 4096",
            """
            ok Shared memory "m" exists already. No process is seen to have it, but this process \
            cannot know whether \(holder) does. Remove it if you know that none does.
            """)
          for command in ["left trial", "left"] {
            try await owner.expect(
              command,
              """
              ok  | perhapsInUse m: Shared memory "m" was not swept. No process is seen to have it, but \
              this process cannot know whether \(holder) does. Remove it if you know that none \
              does.
              """)
          }
          try place.expectNames(["m"])
          try other.kill()
          while processState(other.processID) != nil, processState(other.processID) != "Z" {
            try await Task.sleep(for: .milliseconds(1))
          }
          try await owner.expect("sweep", "ok m")
        }
      }
    }
  }

  @Test("If every user may open a file, every user may have it")
  func permittedToAll() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withUser("\(User.member) \(User.member)") { _ in
        try await place.leaveStale("m", mode: "604")
        try await place.withUser(asksKernel: false) { owner in
          // The answer also names processes of any other user of this machine.
          #expect(try await owner.ask("info m")?.hasPrefix("ok unknown 0 [] [process ") == true)
          try await owner.expect("create m 4096", "error alreadyExists")
          try await owner.expect("sweep", "ok ")
        }
        try place.expectNames(["m"])
      }
    }
  }

  // MARK: - Memory in use

  @Test(
    "Memory that Python has mapped is left to it, whatever /proc shows",
    arguments: View.allCases, Holder.allCases)
  func mapped(view: View, holder: Holder) async throws {
    let python = try #require(Python.all.last)
    for asksKernel in [true, false] {
      try await withPrivateSharedMemory { place in
        try await place.leaveStale("m", mode: holder.mode)
        let processID = try await python.withSession(in: place) { child in
          try await child.hold("m", as: holder.user, isDumpable: holder != .undumpable)
          try await place.mount(view)
          try await place.withUser(asksKernel: asksKernel) { owner in
            let info = try #require(try await owner.ask("info m"))
            if holder == .own && view != .empty {
              #expect(info.hasPrefix("ok used "), "\(asksKernel)")
              #expect(info.contains(" [\(child.processID)] []"))
            } else {
              #expect(info.hasPrefix("ok unknown "), "\(info) \(asksKernel)")
            }
            let answer = try #require(try await owner.ask("explain create m 4096"))
            #expect(answer.hasPrefix("ok Shared memory \"m\" exists already. "))
            let isNamed =
              holder == .own ? view != .empty : view == .whole || view == .processesOnly
            #expect(answer.contains("process \(child.processID) (") == isNamed, "\(answer)")
            // Memory that is seen in use is not stale, so that nothing is left.
            let code = info.hasPrefix("ok unknown ") ? "| perhapsInUse m: " : ""
            for command in ["left trial", "left"] {
              let left = try #require(try await owner.ask(command))
              #expect(code.isEmpty ? left == "ok " : left.hasPrefix("ok  \(code)"), "\(left)")
            }
            try place.expectNames(["m"])
          }
          return child.processID
        }
        #expect(processState(processID) == nil)
        // Now no process has the memory, which only the kernel knows in some of these cases.
        try await place.withUser { owner in
          try await owner.expect("sweep", "ok m")
        }
      }
    }
  }

  @Test("Memory in a PID namespace that does not show the process is left to it as well")
  func processNamespace() async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "600")
      try await python.withSession(in: place) { child in
        try await child.hold("m", as: (User.owner, []), isDumpable: true)
        let arguments = ["--pid", "--fork", "--mount-proc", Places.helper]
        _ = try await place.withChildProcess("unshare", arguments) { owner in
          try await owner.expect("become \(User.owner) \(User.owner)", "ok 0 0 0 0")
          try await owner.expect("sweep", "ok ")
          let answer = try #require(try await owner.ask("explain create m 4096"))
          #expect(answer.contains("a process has it open"), "\(answer)")
        }
        try place.expectNames(["m"])
      }
    }
  }

  @Test("A process whose first thread has ended still has what it has mapped")
  func endedThread() async throws {
    let python = try #require(Python.all.last)
    let program = """
      import ctypes, mmap, os, sys, threading
      os.setgid(\(User.owner)); os.setuid(\(User.owner))
      ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
      memory = mmap.mmap(os.open("/dev/shm/m", os.O_RDWR), 0)
      def stay():
          while open("/proc/self/stat").read().split(") ")[1][0] != "Z": pass
          os.write(1, b"ended\\n")
          os.read(0, 1)
          os._exit(0)
      threading.Thread(target=stay).start()
      ctypes.CDLL(None).pthread_exit(None)
      """
    try await withPrivateSharedMemory { place in
      for asksKernel in [true, false] {
        try await place.leaveStale("m", mode: "600")
        _ = try await place.withChildProcess(python.path, ["-c", program]) { child in
          #expect(try await child.nextLine() == "ended")
          try await place.withUser(asksKernel: asksKernel) { owner in
            try await owner.expect("info m", "ok used 0 [\(child.processID)] []")
            try await owner.expect("sweep", "ok ")
          }
        }
        try place.expectNames(["m"])
        try place.remove("m")
      }
    }
  }

  @Test("A file that is open and not mapped is left to the process that has it open")
  func open() async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "600")
      let script = "exec 3</dev/shm/m; echo open; read x"
      _ = try await place.withChildProcess("sh", ["-c", script]) { child in
        #expect(try await child.nextLine() == "open")
        try await place.withHelper { root in
          try await root.expect("info m", "ok used 0 [\(child.processID)] []")
          try await root.expect("sweep", "ok ")
          let answer = try #require(try await root.ask("explain create m 4096"))
          #expect(answer.contains("process \(child.processID) (sh) has it"), "\(answer)")
        }
      }
      try await place.withHelper { try await $0.expect("sweep", "ok m") }
    }
  }

  @Test("A check that fails for lack of descriptors removes nothing", arguments: [true, false])
  func withoutDescriptors(asksKernel: Bool) async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "600")
      try await python.withSession(in: place) { child in
        try await child.hold("m", as: (User.owner, []), isDumpable: true)
        for limit in 3...9 {
          try await place.withUser(asksKernel: asksKernel) { owner in
            try await owner.expect("limitDescriptors \(limit)", "ok 0")
            let answer = try #require(try await owner.ask("create m 4096"))
            #expect(answer.hasPrefix("error "), "\(answer)")
            let swept = try #require(try await owner.ask("sweep"))
            #expect(swept == "ok " || swept.hasPrefix("error system"), "\(swept)")
          }
        }
        try place.expectNames(["m"])
      }
    }
  }
}
