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
import Interprocess
import Subprocess
import TestSupport
import Testing

/// Temporary memory that processes of CPython use, which hold no lease.
@Suite("Python and lifetimes", .timeLimit(.minutes(3)))
struct PythonLifetimeTests {
  @Test(
    "Stale memory that only Python has mapped is in use, until Python has ended",
    arguments: Python.all, [true, false])
  func mappedByPython(python: Python, pythonCloses: Bool) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { other in
        try await python.withSession(in: place) { session in
          let (status, _) = try await place.withChildProcess(Places.helper) { holder in
            try await holder.expect("create m 4096 temporary", "ok m")
            try await session.expect("attach m", "ok 4096")
            try holder.kill()
          }
          #expect(status == .signaled(9))
          let inode = try place.inode("m")

          try await other.expect("stale", "ok ")
          try await other.expect("sweep", "ok ")
          try await other.expect("create m 100", "error alreadyExists")
          try await other.expect("attachOrCreate m 100", "error alreadyExists")
          try await other.expect("attach m", "error notFound")
          #expect(try place.inode("m") == inode)
          try await session.expect("set 7 77", "ok ")
          try await session.expect("get 7", "ok 77")

          if pythonCloses {
            try await session.expect("close", "ok ")
            try await other.expect("stale", "ok m")
            try await other.expect("sweep", "ok m")
            try place.expectNames([])
          }
        }
        try await other.expect("sweep", pythonCloses ? "ok " : "ok m")
        try place.expectNames([])
      }
    }
  }

  @Test("Finding memory in use claims nothing, as a claim would keep the last handle from closing")
  func unclaimed() async throws {
    let python = try #require(Python.all.last)
    try await withPrivateSharedMemory { place in
      try await python.withSession(in: place) { session in
        try await place.leaveStale("m")
        try await session.expect("attach m", "ok 4096")
        try await place.withHelper { other in
          try await other.expect("dieAt removeClaimed", "ok ")
          try await other.expect("sweep", "ok ")
          try await other.expect("create m 100 temporary", "error alreadyExists")
          try await other.expect("attachOrCreate m 100", "error alreadyExists")
        }
        try place.expectNames(["m"])
      }
    }
  }

  @Test("A creator replaces stale memory as soon as Python has ended", arguments: Python.all)
  func replaced(python: Python) async throws {
    try await withPrivateSharedMemory { place in
      try await python.withSession(in: place) { session in
        try await place.leaveStale("m")
        try await session.expect("attach m", "ok 4096")
        try await place.withHelper { other in
          try await other.expect("create m 100 temporary", "error alreadyExists")
          try await session.expect("close", "ok ")
          try await other.expect("create m 100 temporary", "ok m")
          try await other.expect("get 0", "ok 0")
          try place.expectNames(["m"])
        }
      }
    }
  }

  @Test(
    "The last orderly close removes the name, and what Python has mapped stays",
    arguments: Python.all)
  func lastClose(python: Python) async throws {
    try await withPrivateSharedMemory { place in
      try await python.withSession(in: place) { session in
        try await place.withHelper { holder in
          try await holder.expect("create m 4096 temporary", "ok m")
          try await holder.expect("set 0 3", "ok ")
          try await session.expect("attach m", "ok 4096")
          try await holder.expect("close", "ok ")
          try place.expectNames([])

          // The name is free at once, for other memory.
          try await holder.expect("create m 4096 temporary", "ok m")
          try await session.expect("get 0", "ok 3")
          try await session.expect("set 4095 4", "ok ")
          try await session.expect("get 4095", "ok 4")
          try await holder.expect("get 4095", "ok 0")
          try await session.expect("close", "ok ")
          try place.expectNames(["m"])
        }
      }
      try place.expectNames([])
    }
  }

  @Test("Memory from Python is lasting, and no sweep touches it", arguments: Python.all)
  func madeByPython(python: Python) async throws {
    try await withPrivateSharedMemory { place in
      try await python.withSession(in: place) { session in
        try await session.expect("create m 4096", "ok 4096")
        try await session.expect("close", "ok ")
        try await place.withHelper { helper in
          try await helper.expect("sweep", "ok ")
          try await helper.expect("attach m", "ok 4096")
          try await helper.expect("close", "ok ")
          try place.expectNames(["m"])
        }
      }
      try place.expectNames(["m"])
    }
  }
}
