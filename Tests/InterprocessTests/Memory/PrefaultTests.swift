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

@Suite("Prefaulting", .timeLimit(.minutes(2)))
struct PrefaultTests {
  /// Newer systems map pages in one call; older ones refuse that.
  static let refusals = ["", "madvise EINVAL", "madvise ENOSYS", "madvise EPERM"]

  @Test(
    "Prefaulting maps all pages of this process, and changes no byte", arguments: refusals,
    ["", "readOnly"])
  func mapped(refused: String, access: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { creator in
        try await creator.expect("create m 9000001 small", "ok m")
        try await creator.expect("set 9000000 5", "ok ")
        try await place.withHelper { helper in
          if !refused.isEmpty { try await helper.expect("deny \(refused)", "ok ") }
          try await helper.expect("attach m \(access)", "ok 9000001")
          var pages = try MappedPages(of: place.path("m"), in: helper.processID)
          #expect(pages.residentByteCount == 0)
          try await helper.expect("prefault", "ok ")
          pages = try MappedPages(of: place.path("m"), in: helper.processID)
          #expect(pages.byteCount == 9_003_008)
          #expect(pages.residentByteCount == 9_003_008)
          try await helper.expect("sum", "ok 5")
        }
      }
    }
  }

  @Test("Prefaulting takes the pages that the memory lacks", arguments: refusals, ["", "readOnly"])
  func holes(refused: String, access: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 9000001 onDemand", "ok m")
        try await helper.expect("set 4000000 5", "ok ")
        try await helper.expect("attach m \(access)", "ok 9000001")
        if !refused.isEmpty { try await helper.expect("deny \(refused)", "ok ") }
        #expect(try resident(place.path("m")) == 4096)
        try await helper.expect("prefault", "ok ")
        #expect(try resident(place.path("m")) == 9_003_008)
        try await helper.expect("sum", "ok 5")
      }
    }
  }

  @Test(
    "If there is no room for the pages, that is an error, and takes none", arguments: refusals,
    ["", "readOnly"])
  func noRoom(refused: String, access: String) async throws {
    try await withPrivateSharedMemory("size=1m") { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 2000000 onDemand", "ok m")
        try await helper.expect("set 5 5", "ok ")
        try await helper.expect("attach m \(access)", "ok 2000000")
        if !refused.isEmpty { try await helper.expect("deny \(refused)", "ok ") }
        try await helper.expect(
          "prefault", "error outOfMemory(needed: 1998848, available: 1044480)")
        #expect(try resident(place.path("m")) == 4096)
        try await helper.expect("get 5", "ok 5")
      }
    }
  }

  @Test(
    "If room runs out on the way, that is an error, and no signal",
    arguments: ["fstatfs ENOSYS", "fstatfs ENOSYS madvise ENOSYS"], ["", "readOnly"])
  func roomOnTheWay(refused: String, access: String) async throws {
    try await withPrivateSharedMemory("size=1m") { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 2000000 onDemand", "ok m")
        try await helper.expect("attach m \(access)", "ok 2000000")
        try await helper.expect("deny \(refused)", "ok ")
        let answer = try #require(try await helper.ask("prefault"))
        #expect(
          answer.hasPrefix("error outOfMemory(needed: 2002944, available: "), "\(answer)")
        try await helper.expect("get 5", "ok 0")
      }
    }
  }

  @Test("Memory that another process has shrunk is an error, and no signal", arguments: refusals)
  func shrunk(refused: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 9000001", "ok m")
        if !refused.isEmpty { try await helper.expect("deny \(refused)", "ok ") }
        #expect(truncate(place.path("m"), 5000) == 0)
        try await helper.expect("prefault", "error invalidSize")
      }
    }
  }

  private func resident(_ path: String) throws -> Int {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return Int(status.st_blocks) * 512
  }
}
