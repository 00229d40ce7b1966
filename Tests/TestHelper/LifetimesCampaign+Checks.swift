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
internal import SystemPackage
internal import TestSupport

// What workers hold, and what lies in `/dev/shm`.
extension LifetimesCampaign {
  /// What a worker holds.
  struct Holding {
    var content: CampaignMemory
    var intent: CampaignMemory.Intent
    var pageCount: Int
  }

  /// A file of the campaign.
  struct File {
    enum Place {
      case named, aside
      /// A second name of memory that has, or had, another name.
      case second
    }

    var fileName: String
    var content: CampaignMemory
    var place: Place
    var intent: CampaignMemory.Intent
    var inode: UInt64
    /// The current size.
    var byteCount: Int
    var pageCount: Int
  }

  /// Expects that memory went with a worker that ended in an orderly way, if no other process had
  /// it.
  mutating func expectGone(_ ended: [Holding], others: [Holding]) throws {
    let others = Set(others.map(\.content.instance))
    let instances = Set(
      ended.filter {
        $0.content.isTemporary && $0.intent == .none && !others.contains($0.content.instance)
      }.map(\.content.instance))
    if let left = try files().first(where: { instances.contains($0.content.instance) }) {
      fail("\(left) outlived its only holder, which has ended in good order")
    }
    report.goneAtExit += instances.count
  }

  func readHoldings(of worker: CampaignWorker) -> [Holding] {
    let line = worker.nextLine() ?? "nothing"
    let words = line.split(separator: " ")
    guard words.first == "holds" else { fail("Worker \(worker.index) says \(line)") }
    return words.dropFirst().map { word in
      let numbers = word.split(separator: ",").compactMap { UInt64($0) }
      guard numbers.count == 6, let intent = CampaignMemory.Intent(rawValue: numbers[4]) else {
        fail("Worker \(worker.index) says \(line)")
      }
      let content = CampaignMemory(
        instance: numbers[0], byteCount: Int(numbers[1]), nameIndex: Int(numbers[2]),
        isTemporary: numbers[3] == 1)
      return Holding(content: content, intent: intent, pageCount: Int(numbers[5]))
    }
  }

  /// Reads all files in `/dev/shm`, without the library.
  func files() throws -> [File] {
    try fileNames(in: "/dev/shm").map { fileName in
      let parts = fileName.split(separator: ".", omittingEmptySubsequences: false)
      // `.swift-removing.TOKEN.INODE.NAME` and `.swift-guard.TOKEN.INODE.NAME`
      let places: [Substring: File.Place] = ["swift-removing": .aside, "swift-guard": .second]
      let isHidden = parts.count == 5 && parts[0] == ""
      let place = isHidden ? places[parts[1]] ?? .named : .named
      let name = isHidden ? String(parts[4]) : fileName
      guard let nameIndex = CampaignMemory.names.firstIndex(of: name) else {
        fail("\(fileName) lies in /dev/shm")
      }
      let descriptor = try FileDescriptor.open(FilePath("/dev/shm/\(fileName)"), .readOnly)
      return try descriptor.closeAfter {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = try bytes.withUnsafeMutableBytes {
          try descriptor.read(fromAbsoluteOffset: 0, into: $0)
        }
        guard count == bytes.count else { fail("\(fileName) has only \(count) bytes") }
        let content: CampaignMemory
        do throws(CampaignMemory.Problem) {
          content = try CampaignMemory(
            bytes.span.bytes, nameIndex: nameIndex, isTemporary: status.st_mode & S_ISVTX != 0)
        } catch {
          fail("Wrong bytes in \(fileName): \(error.text)")
        }
        // A remover moves aside the name that it has claimed; here no other process removes a
        // claimed name.
        if isHidden && UInt64(parts[3]) != UInt64(status.st_ino) {
          fail("\(fileName) has the inode \(status.st_ino)")
        }
        return File(
          fileName: fileName, content: content, place: place,
          intent: CampaignMemory.intent(in: bytes.span.bytes), inode: UInt64(status.st_ino),
          byteCount: bytes.count,
          pageCount: Int(status.st_blocks) * 512 / CampaignMemory.pageByteCount)
      }
    }
  }

  func check(_ holdings: [Holding], against files: [File]) {
    for holding in holdings {
      let file = files.first {
        $0.content.instance == holding.content.instance && $0.place != .second
      }
      switch (holding.intent, file) {
      case (.none, let file?), (.begun, let file?):
        // A killed `unlink` may have moved the file aside.
        let isInPlace = file.place == .named || holding.intent == .begun
        guard file.content == holding.content && isInPlace else {
          fail("\(holding.content) is held, and lies at \(file)")
        }
      case (.none, nil):
        fail("The name of \(holding.content) has vanished, though a worker holds it")
      case (.begun, nil), (.done, nil):
        break
      case (.done, let file?):
        // A remover killed in the middle has left the file aside, and the next one found no name.
        guard file.place == .aside else { fail("\(file) was unlinked") }
      }
    }
  }

  /// Expects that exactly the pages and files that are named or held are in use.
  mutating func checkSpace(_ holdings: [Holding], files: [File]) throws {
    var all: [UInt64: (content: CampaignMemory, pageCount: Int)] = [:]
    let page = CampaignMemory.pageByteCount
    let known =
      holdings.map { ($0.content, $0.content.byteCount, $0.pageCount) }
      + files.map { ($0.content, $0.byteCount, $0.pageCount) }
    for (content, byteCount, pageCount) in known {
      let possible = (byteCount + page - 1) / page...CampaignMemory.maximumGrownByteCount / page
      guard possible.contains(pageCount),
        all.updateValue((content, pageCount), forKey: content.instance)?.pageCount ?? pageCount
          == pageCount
      else { fail("\(content) of \(byteCount) bytes has \(pageCount) pages") }
    }
    report.pagesBehindEnd += files.count { $0.pageCount > ($0.byteCount + page - 1) / page }
    let blockCount = all.values.reduce(0) { $0 + $1.pageCount }
    // A tmpfs counts each further name of a file as one more file.
    let linkCount = files.count - Set(files.map(\.inode)).count
    let expected = FreeSpace(
      blockCount: freeAtStart.blockCount - blockCount,
      fileCount: freeAtStart.fileCount - all.count - linkCount)
    // The mark of temporary memory takes up to 128 bytes, and a tmpfs counts 1024 for each file.
    let marks = (all.values.count(where: \.content.isTemporary) + 7) / 8
    func isExpected(_ free: FreeSpace) -> Bool {
      free.blockCount == expected.blockCount
        && (0...marks).contains(expected.fileCount - free.fileCount)
    }
    let free = try freeSpace(waitingUntil: isExpected)
    guard isExpected(free) else {
      fail("\(free) instead of \(expected) is left in /dev/shm")
    }
  }

  /// The free space, once it is as expected, or after a while.
  ///
  /// Another program that reads the mappings of a process in `/proc` keeps them for a moment, even
  /// if the process is killed meanwhile. A leak stays.
  func freeSpace(waitingUntil isExpected: (FreeSpace) -> Bool) throws -> FreeSpace {
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      let free = try FreeSpace.now()
      if isExpected(free) || .now > deadline { return free }
      usleep(1000)
    }
  }
}
