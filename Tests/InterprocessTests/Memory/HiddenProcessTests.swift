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

/// Users, each with a group of the same number, that no other process on this machine has: the
/// search for holders asks all processes.
private enum User {
  /// The owner of the memory.
  static let owner = 1_100_000_000 + 4 * Int(getpid())
  static let member = owner + 1
  static let stranger = owner + 2
}

/// Memory without handles that a process may still have, as its owner sees it.
@Suite(
  // All tests use the same users.
  "Who may have it", .timeLimit(.minutes(10)), .serialized,
  .enabled(if: geteuid() == 0, "Needs root, to be other users and to mount other /proc."))
struct HiddenProcessTests {
  /// The states of `/proc`.
  enum View: String, CaseIterable {
    case whole, noAccess, invisible, ptraceable, processesOnly, empty

    var setup: String {
      switch self {
      case .whole: "true"
      case .noAccess: "mount -t proc -o hidepid=1 proc /proc"
      case .invisible: "mount -t proc -o hidepid=2 proc /proc"
      case .ptraceable: "mount -t proc -o hidepid=4 proc /proc"
      case .processesOnly: "mount -t proc -o subset=pid proc /proc"
      case .empty: "mount -t tmpfs tmpfs /proc"
      }
    }
  }

  /// A Python process that has the memory mapped.
  enum Holder: String, CaseIterable {
    /// A process of the same user that others of that user may not look into.
    case undumpable
    /// A process of another user in the group.
    case member
    /// A process of the same user.
    case own

    var user: (id: Int, groups: [Int]) {
      self == .member ? (User.member, [User.owner]) : (User.owner, [])
    }

    var mode: String { self == .member ? "660" : "600" }
  }

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

  // MARK: - Asking the kernel

  @Test("A process that opens a file while another asks who has it open gets it, and harms neither")
  func asking() async throws {
    let python = try #require(Python.all.last)
    let program = """
      import os, select, sys
      print("ready", flush=True)
      count = 0
      while not select.select([0], [], [], 0)[0]:
          for flags in (os.O_RDWR, os.O_RDONLY):
              os.close(os.open("/dev/shm/m", flags))
              count += 1
      print(count > 0, flush=True)
      """
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "600")
      let (status, _) = try await place.withChildProcess(python.path, ["-c", program]) { child in
        #expect(try await child.nextLine() == "ready")
        try await place.withHelper { asker in
          for _ in 0..<60 {
            let answer = try await asker.ask("info m")
            #expect(answer?.hasPrefix("ok ") == true)
          }
        }
        try await child.expect("end", "True")
      }
      #expect(status == .exited(0))
      try await place.withHelper { try await $0.expect("sweep", "ok m") }
    }
  }

  @Test("Attaching waits for processes that ask")
  func attaching() async throws {
    let python = try #require(Python.all.last)
    // The kernel's lease on a file: a process that opens the file makes the kernel ask the holder
    // to give the lease up.
    let program = """
      import fcntl, os, signal, sys, time
      fd = os.open("/dev/shm/m", os.O_RDWR)
      def give_up(*_):
          time.sleep(0.02)
          fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
          print("asked", flush=True)
      signal.signal(signal.SIGIO, give_up)
      fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
      print("ready", flush=True)
      sys.stdin.readline()
      """
    try await withPrivateSharedMemory { place in
      try place.makeForeign("m")
      _ = try await place.withChildProcess(python.path, ["-c", program]) { child in
        #expect(try await child.nextLine() == "ready")
        try await place.withHelper { helper in
          try await helper.expect("attach m", "ok 4096")
        }
        #expect(try await child.nextLine() == "asked")
      }
    }
  }

  // MARK: - Other users

  @Test("Another user learns whose stale memory it is", arguments: ["600", "640", "660"])
  func otherUser(mode: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: mode)
      for user in [
        "\(User.stranger) \(User.stranger)", "\(User.member) \(User.member) \(User.owner)",
      ] {
        try await place.withUser(user) { other in
          try await other.expect("info m", "ok stale 0 [] []")
          try await other.expect(
            "explain create m 4096",
            """
            ok Shared memory "m" exists already. It is stale memory of user \(User.owner), on which \
            no handle is open. Only that user and root can remove it: with `shm sweep`, or `shm \
            remove`.
            """)
          for command in ["left trial", "left"] {
            try await other.expect(
              command,
              """
              ok  | foreignOwner m: Shared memory "m" was not swept. It is stale memory of user \
              \(User.owner), on which no handle is open. Only that user and root can remove it: with \
              `shm sweep`, or `shm remove`.
              """)
          }
        }
      }
      try await place.withUser { try await $0.expect("explain create m 4096", "ok m") }
    }
  }

  @Test("Live memory of another user is not called stale")
  func otherUserLive() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withUser { owner in
        try await owner.expect("create m 4096 temporary", "ok m")
        try await place.withUser("\(User.stranger) \(User.stranger)") { other in
          try await other.expect("info m", "ok used 1 [] []")
          let answer = try #require(try await other.ask("explain create m 4096"))
          #expect(!answer.contains("stale"), "\(answer)")
        }
        // The owner's processes may have the memory without holding a lease on it.
        try await place.leaveStale("n", mode: "600")
        try await place.withUser("\(User.stranger) \(User.stranger)") { other in
          let answer = try #require(try await other.ask("explain create n 4096"))
          #expect(answer.contains("It is perhaps stale memory of user \(User.owner)"), "\(answer)")
        }
      }
    }
  }

  @Test("The owner replaces and sweeps memory that a member of the group closed last")
  func closedByMember() async throws {
    try await withPrivateSharedMemory { place in
      for command in ["sweep", "explain create m 4096"] {
        try await place.withUser("\(User.member) \(User.member) \(User.owner)") { member in
          try await place.withUser { owner in
            try await owner.expect("create m 4096 temporary permissions=640", "ok m")
            try await member.expect("attach m readOnly anyone", "ok 4096")
          }
          try await member.expect("close", "ok ")
        }
        try place.expectNames(["m"])
        try await place.withUser { try await $0.expect(command, "ok m") }
      }
    }
  }

  @Test(
    "The owner's last close of a read-only handle removes the name, whatever the mode",
    arguments: ["400", "440", "600"])
  func closedByReader(mode: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withUser { reader in
        try await place.withUser { owner in
          try await owner.expect("create m 4096 temporary permissions=\(mode)", "ok m")
          try await reader.expect("attach m readOnly", "ok 4096")
          try await owner.expect("close", "ok ")
          // The mode stayed as narrow as it was.
          let attributes = try FileManager.default.attributesOfItem(atPath: place.path("m"))
          #expect(attributes[.posixPermissions] as? Int == Int(mode, radix: 8)! | 0o1000)
        }
        try place.expectNames(["m"])
        try await reader.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("A mode widened for a claim is restored if the memory is kept")
  func restored() async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      try await place.leaveStale("m", mode: "440")
      try await python.withSession(in: place) { child in
        try await child.hold("m", as: (User.owner, []), isDumpable: true)
        try await place.withUser { owner in
          try await owner.expect("sweep", "ok ")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: place.path("m"))
        #expect(attributes[.posixPermissions] as? Int == 0o1440)
      }
    }
  }

  // MARK: - File systems

  @Test("A file is found on the file system that it lies on, not on that of the directory")
  func boundFile() async throws {
    let setup = """
      mount -t tmpfs -o size=1m tmpfs /mnt && head -c 4096 /dev/zero > /mnt/m && touch /dev/shm/m \
      && mount --bind /mnt/m /dev/shm/m
      """
    try await withPrivateSharedMemory(setup: setup) { place in
      try await place.withHelper { helper in
        try await helper.expect("attach m", "ok 4096")
        try await helper.expect("info m", "ok used 1 [\(helper.processID)] []")
      }
    }
  }

  @Test("The same on an overlay, whose files have two devices")
  func overlay() async throws {
    let setup = """
      mount -t tmpfs tmpfs /mnt && mkdir /mnt/lower /mnt/both && mount -t tmpfs tmpfs /mnt/both && \
      mkdir -m 1777 /mnt/both/upper && mkdir /mnt/both/work && mount -t overlay -o \
      lowerdir=/mnt/lower,upperdir=/mnt/both/upper,workdir=/mnt/both/work overlay /dev/shm
      """
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory(setup: setup) { place in
      try await place.withUser { helper in
        try await helper.expect("create m 4096 temporary", "ok m")
        try await helper.expect("info m", "ok used 1 [\(helper.processID)] []")
      }
      try await place.leaveStale("m", mode: "600")
      try await python.withSession(in: place) { child in
        try await child.hold("m", as: (User.owner, []), isDumpable: true)
        try await place.withUser { owner in
          try await owner.expect("info m", "ok used 0 [\(child.processID)] []")
          try await owner.expect("sweep", "ok ")
        }
      }
      try await place.withUser { try await $0.expect("sweep", "ok m") }
    }
  }
}

extension ChildProcess {
  /// Makes an interpreter attach to memory and become a user.
  fileprivate func hold(
    _ name: String, as user: (id: Int, groups: [Int]), isDumpable: Bool
  ) async throws {
    try await expect("attach \(name)", "ok 4096")
    // As that user the interpreter may not find its modules.
    let ctypes = "exec __import__('ctypes')"
    try await expect(ctypes, "ok ")
    let os = "exec __import__('os')"
    try await expect("\(os).setgroups(\(user.groups))", "ok ")
    try await expect("\(os).setgid(\(user.id))", "ok ")
    try await expect("\(os).setuid(\(user.id))", "ok ")
    try await expect("\(ctypes).CDLL(None).prctl(4, \(isDumpable ? 1 : 0), 0, 0, 0)", "ok ")
  }
}

extension PrivateSharedMemory {
  /// Starts a helper of a user.
  ///
  /// - Parameters:
  ///   - user: The user, its group and further groups.
  ///   - asksKernel: Whether the kernel tells the helper who has a file open.
  fileprivate func withUser<Result: Sendable>(
    _ user: String = "\(User.owner) \(User.owner)", asksKernel: Bool = true,
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    try await withHelper { helper in
      if !asksKernel { try await helper.expect("refuseFileLeases", "ok 0") }
      try await helper.expect("become \(user)", "ok 0 0 0 0")
      return try await body(helper)
    }
  }

  /// Leaves temporary memory of the owner behind by killing its only holder.
  fileprivate func leaveStale(_ name: String, mode: String) async throws {
    try await withUser { helper in
      try await helper.expect(
        "create \(name) 4096 temporary permissions=\(mode)", "ok \(name)")
      try helper.kill()
    }
    #expect(try names().contains(name))
  }

  /// Mounts another `/proc`, which the programs started afterwards see.
  fileprivate func mount(_ view: HiddenProcessTests.View) async throws {
    let (status, _) = try await withChildProcess("sh", ["-c", view.setup]) { _ in }
    #expect(status == .exited(0))
  }
}
