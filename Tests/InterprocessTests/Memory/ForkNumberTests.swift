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

import CInterprocess
import Foundation
import Interprocess
import Subprocess
import TestSupport
import Testing

// Descriptor numbers that the program has closed, and handlers that it has registered.
extension ForkTests {
  @Test("A number that the program has given to another file is left alone")
  func foreignNumber() async throws {
    try await withForeignFile { path in
      try await withPrivateSharedMemory { place in
        try await place.withHelper { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          try await parent.expect("closeNumbers", "ok 0")
          let answer = try #require(try await parent.ask("occupyNumbers \(path)"))
          try await fork(parent)
          try await expectSameBytes(parent)
          try await parent.expect("child takeLease", "ok ok ")
          // Commands that would enlarge, name, pass on or lock the file.
          for command in ["grow 16384", "makeDescriptor", "protect"] {
            #expect(try await parent.ask(command)?.hasPrefix("error system") == true)
          }
          try await expectSameBytes(parent)
          let file = try #require(FileNumber(at: path))
          #expect(
            try FileUse(of: file, in: parent.processID).descriptors.allSatisfy { !$0.isLeased })
          // The lease lives with the mapping.
          try await place.withHelper { other in
            try await other.expect("attach m", "ok 8192")
            try await other.expect("close", "ok ")
          }
          try await parent.expect("close", "ok ")
          try await parent.expect("child close", "ok ok ")
          #expect(try await parent.ask("countForeign") == answer)
          #expect(try await parent.ask("child countForeign") == "ok \(answer)")
          #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == 0)
        }
      }
    }
  }

  @Test("A child that reuses a closed number for another file keeps that file untouched")
  func foreignNumberInChild() async throws {
    try await withForeignFile { path in
      try await withPrivateSharedMemory { place in
        try await place.withHelper { parent in
          try await parent.expect("create m 8192 temporary", "ok m")
          let child = try await fork(parent)
          try await parent.expect("child closeNumbers", "ok ok 0")
          let answer = try #require(try await parent.ask("child occupyNumbers \(path)"))
          try await parent.expect("child takeLease", "ok ok ")
          try await expectSameBytes(parent)
          let file = try #require(FileNumber(at: path))
          #expect(try FileUse(of: file, in: child).descriptors.allSatisfy { !$0.isLeased })
          let memory = try #require(FileNumber(at: place.path("m")))
          let use = try FileUse(of: memory, in: child)
          #expect(use == FileUse(descriptors: [.init()], mappings: ["rw-s"]))
          try await parent.expect("close", "ok ")
          try place.expectNames(["m"])
          try await parent.expect("child close", "ok ok ")
          try place.expectNames([])
          #expect(try await parent.ask("child countForeign") == answer)
        }
      }
    }
  }

  @Test("A handle whose number was closed takes nothing from one that got the same number")
  func sameNumberAgain() async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { helper in
        try await helper.expect("create m 8192 temporary", "ok m")
        try await helper.expect("closeNumbers", "ok 0")
        // The first handle closes once the second one exists.
        try await helper.expect("attach m", "ok 8192")
        let file = try #require(FileNumber(at: place.path("m")))
        let use = try FileUse(of: file, in: helper.processID)
        #expect(use == FileUse(descriptors: [.init()], mappings: ["rw-s"]))
        try place.expectNames(["m"])
        try await place.withHelper { other in
          try await other.expect("attach m", "ok 8192")
          try await other.expect("close", "ok ")
        }
        try await helper.expect("close", "ok ")
        try place.expectNames([])
      }
    }
  }

  @Test("A file whose number is gone is opened again only if that can lose no lock")
  func opensAgain() throws {
    let name = uniqueName()
    let memory = try SharedMemory.create(name, byteCount: 4096)
    defer { try? memory.unlink() }
    let fd = open(path(name), O_RDWR | O_CLOEXEC)
    ipc_fork_lock()
    let file = try #require(ipc_file_note(fd, 1))
    let start = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    ipc_file_note_mapping(file, start, 4096)
    ipc_fork_unlock()
    ipc_file_note_path(file, path(name))
    defer { ipc_file_close(file) }

    #expect(ipc_file_number_for_lock(file, 0) == fd)
    close(fd)
    // As long as no lock has been taken, none can be lost.
    let second = ipc_file_number_for_lock(file, 1)
    #expect(FileNumber(of: second) == FileNumber(at: path(name)))
    close(second)
    // Then the mapping holds a lock.
    #expect(ipc_file_number_for_lock(file, 0) == -1)
    munmap(start, 4096)
    ipc_fork_lock()
    ipc_file_note_mapping(file, nil, 0)
    ipc_fork_unlock()
    #expect(FileNumber(of: ipc_file_number_for_lock(file, 0)) == FileNumber(at: path(name)))
  }

  @Test(
    "Handlers around a fork can use the library, whether registered before it or after",
    arguments: ["early", "late"])
  func handlers(registered: String) async throws {
    try await withPrivateSharedMemory { place in
      try await place.withHelper { parent in
        try await parent.expect("create m 8192 temporary", "ok m")
        try await parent.expect("handlers \(registered)", "ok ")
        let child = try await fork(parent)
        let id = parent.processID
        try await expectSameBytes(parent)
        try await parent.expect("handled", "ok before\(id)=5 parent\(id)=5")
        try await parent.expect("child handled", "ok ok before\(id)=5 child\(child)=5")

        func use(_ name: String, _ processID: pid_t) throws -> [FileUse.Descriptor] {
          try FileUse(of: #require(FileNumber(at: place.path(name))), in: processID).descriptors
        }
        // Each lease is with the process that took it, once.
        #expect(try use("before\(id)", id) == [.init()])
        #expect(try use("before\(id)", child) == [.init(isLeased: false)])
        #expect(try use("parent\(id)", id) == [.init()])
        #expect(try use("child\(child)", child) == [.init()])
        #expect(try use("m", child) == [.init(isLeased: false)])

        #expect(try await parent.ask("child fork")?.hasPrefix("ok ok ") == true)
        try await parent.expect("child child get 5001", "ok ok ok 3")
      }
    }
  }
}

/// Makes an empty file that has nothing to do with the library.
private func withForeignFile(_ body: (String) async throws -> Void) async throws {
  let path = FileManager.default.temporaryDirectory.appending(path: uniqueName()).path()
  try #require(FileManager.default.createFile(atPath: path, contents: nil))
  defer { try? FileManager.default.removeItem(atPath: path) }
  try await body(path)
}
