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

// How a process finds out which others have a file open.
extension HiddenProcessTests {
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
