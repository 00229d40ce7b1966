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
internal import TestSupport

/// The content of every memory of the lifetimes campaign from its first moment on.
///
/// An attacher can tell by it that the memory is whole, and which memory it is.
struct CampaignMemory: Hashable {
  /// A number that is different for each memory that any process of the campaign creates.
  var instance: UInt64
  /// The size at creation.
  var byteCount: Int
  /// The index of the name that the memory was created for.
  var nameIndex: Int
  var isTemporary: Bool

  static let names = ["red", "green", "blue", "black"]
  /// The smallest size of all, which an attacher may require whatever memory it finds.
  static let minimumByteCount = pageByteCount
  /// The largest size at creation.
  static let maximumByteCount = 6 * pageByteCount
  /// The largest size that memory grows to.
  static let maximumGrownByteCount = 10 * pageByteCount
  static let pageByteCount = 4096
  static let workerCount = 6

  /// The offsets of words that change during the life of the memory.
  private static let intentOffset = 40
  private static let markOffset = 64
  private static let grownPagesOffset = markOffset + 8 * workerCount
  private static let magic: UInt64 = 0x69_70_63_74_65_73_74_31

  /// The progress of a process that removes the name, as logged in the memory.
  enum Intent: UInt64 {
    case none, begun, done
  }

  var name: String { Self.names[nameIndex] }

  var lifetime: SharedMemory.Lifetime { isTemporary ? .whileAttached : .untilUnlinked }

  private var description: UInt64 { UInt64(nameIndex) << 1 | (isTemporary ? 1 : 0) }

  /// The words that are written once, and their offsets: a header, a few words on each page, and
  /// the last word.
  private var constantWords: [(offset: Int, word: UInt64)] {
    let checksum = mix(instance ^ mix(UInt64(byteCount) ^ mix(description)))
    var words = [
      (0, Self.magic), (8, instance), (16, UInt64(byteCount)), (24, description), (32, checksum),
    ]
    for page in stride(from: 4096, to: byteCount - 32, by: 4096) {
      for offset in [page, page + 8, page + 16] {
        words.append((offset, mix(instance &+ UInt64(offset))))
      }
    }
    words.append((byteCount - 8, mix(instance)))
    return words
  }

  func fill(_ bytes: inout MutableRawSpan) {
    for (offset, word) in constantWords {
      bytes.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
    }
  }

  /// The mark that a worker leaves in the memory when it writes.
  func mark(of worker: Int) -> (offset: Int, word: UInt64) {
    (Self.markOffset + 8 * worker, mix(instance ^ UInt64(worker + 1)))
  }

  // MARK: - Growing

  /// The first byte of each page that the memory has gained by growing, and the word that a process
  /// may have written there; all other bytes of these pages are zero.
  func grownPages(upTo byteCount: Int) -> [(offset: Int, word: UInt64)] {
    let page = Self.pageByteCount
    let first = (self.byteCount + page - 1) / page * page
    return stride(from: first, through: byteCount - 8, by: page).map { offset in
      (offset, mix(instance &+ UInt64(offset)))
    }
  }

  /// Writes the word of a grown page, and notes it in a word that no other process writes: from
  /// then on the page must not lose the word.
  func writeGrownPage(
    by worker: Int, _ page: (offset: Int, word: UInt64), in memory: inout SharedMemory
  ) {
    memory.storeBytes(of: page.word, toByteOffset: page.offset, as: UInt64.self)
    let noteOffset = Self.grownPagesOffset + 8 * worker
    let noted = memory.load(fromByteOffset: noteOffset, as: UInt64.self)
    memory.storeBytes(
      of: noted | Self.note(of: page.offset), toByteOffset: noteOffset, as: UInt64.self)
  }

  private static func note(of pageOffset: Int) -> UInt64 { 1 << UInt64(pageOffset / pageByteCount) }

  // MARK: - Reading

  struct Problem: Error {
    var text: String
  }

  /// Reads the memory that a name of the campaign led to, and checks every word.
  init(_ bytes: RawSpan, nameIndex: Int, isTemporary: Bool) throws(Problem) {
    let byteCount = bytes.byteCount
    func word(_ offset: Int) -> UInt64 {
      bytes.unsafeLoad(fromByteOffset: offset, as: UInt64.self)
    }
    func expect(_ isRight: Bool, _ offset: Int, _ expected: UInt64) throws(Problem) {
      guard isRight else {
        let name = Self.names[nameIndex]
        throw Problem(
          text: """
            \(name) has \(byteCount) bytes, is \(isTemporary ? "temporary" : "lasting"), and holds \
            \(word(offset)) at \(offset) instead of \(expected)
            """)
      }
    }
    guard byteCount >= Self.minimumByteCount, byteCount % 8 == 0 else {
      throw Problem(text: "\(Self.names[nameIndex]) has \(byteCount) bytes")
    }
    self.init(
      instance: word(8), byteCount: Int(truncatingIfNeeded: word(16)), nameIndex: nameIndex,
      isTemporary: isTemporary)
    guard (Self.minimumByteCount...byteCount).contains(self.byteCount) else {
      throw Problem(text: "\(Self.names[nameIndex]) has \(byteCount) bytes of \(self.byteCount)")
    }
    for (offset, expected) in constantWords {
      try expect(word(offset) == expected, offset, expected)
    }
    for worker in 0..<Self.workerCount {
      let (offset, expected) = mark(of: worker)
      try expect([0, expected].contains(word(offset)), offset, expected)
    }
    // Read before the pages, whose words are written first.
    let noted = (0..<Self.workerCount).reduce(0) { $0 | word(Self.grownPagesOffset + 8 * $1) }
    var end = self.byteCount
    for (offset, expected) in grownPages(upTo: byteCount) {
      if let wrong = Self.firstNonZero(bytes, end..<offset) { try expect(false, wrong, 0) }
      let isNoted = noted & Self.note(of: offset) != 0
      try expect((isNoted ? [expected] : [0, expected]).contains(word(offset)), offset, expected)
      end = offset + 8
    }
    if let wrong = Self.firstNonZero(bytes, end..<byteCount) { try expect(false, wrong, 0) }
  }

  /// The offset of the first word that is not zero.
  private static func firstNonZero(_ bytes: RawSpan, _ range: Range<Int>) -> Int? {
    bytes.withUnsafeBytes { bytes in
      // Fast in the usual case that all is well: zeros equal themselves one byte on.
      let start = bytes.baseAddress! + range.lowerBound
      let isZero =
        range.isEmpty
        || bytes[range.lowerBound] == 0 && memcmp(start, start + 1, range.count - 1) == 0
      if isZero { return nil }
      return stride(from: range.lowerBound, to: range.upperBound, by: 8).first {
        bytes.load(fromByteOffset: $0, as: UInt64.self) != 0
      }
    }
  }

  init(
    instance: UInt64, byteCount: Int, nameIndex: Int, isTemporary: Bool
  ) {
    self.instance = instance
    self.byteCount = byteCount
    self.nameIndex = nameIndex
    self.isTemporary = isTemporary
  }

  /// Reads and checks the memory of a handle that a name led to.
  init(_ memory: borrowing SharedMemory, nameIndex: Int) throws(Problem) {
    let isTemporary = memory.lifetime == .whileAttached
    self = try memory.withBytes { bytes throws(Problem) in
      try CampaignMemory(bytes, nameIndex: nameIndex, isTemporary: isTemporary)
    }
  }

  static func intent(of memory: borrowing SharedMemory) -> Intent {
    memory.withBytes { intent(in: $0) }
  }

  static func intent(in bytes: RawSpan) -> Intent {
    let word = bytes.unsafeLoad(fromByteOffset: intentOffset, as: UInt64.self)
    guard let intent = Intent(rawValue: word) else { fatalError("The intent is \(word)") }
    return intent
  }

  static func setIntent(_ intent: Intent, of memory: inout SharedMemory) {
    memory.storeBytes(of: intent.rawValue, toByteOffset: intentOffset, as: UInt64.self)
  }
}

// MARK: - The log of the workers

/// The log of one worker, in memory that the conductor has also mapped, so that it survives the
/// worker.
struct WorkerLog {
  /// The counters.
  enum Count: Int, CaseIterable {
    case created, attached, foundNothing, nameTaken, written, protected, closed, unlinked, swept
    case replacedStale, removedAtClose, removedAtExit
    case grown, refreshed, wroteBehindEnd
    case visited, movedToChild, leaseTaken, nameLost
    case lockedForeign
  }

  private static let wordCount = 32
  static let byteCount = CampaignMemory.workerCount * wordCount * 8

  private let words: UnsafeMutablePointer<UInt64>

  /// - Parameter start: Where the file of all logs is mapped.
  init(_ start: UnsafeMutableRawPointer, worker: Int) {
    words = start.assumingMemoryBound(to: UInt64.self) + worker * Self.wordCount
  }

  /// The last step that the worker reached; `nil` between its operations.
  var step: Checkpoint? {
    get { words[0] == 0 ? nil : Checkpoint.all[Int(words[0]) - 1] }
    nonmutating set {
      words[0] = newValue.map { UInt64(Checkpoint.all.firstIndex(of: $0)!) + 1 } ?? 0
    }
  }

  subscript(count: Count) -> Int {
    get { Int(words[count.rawValue + 1]) }
    nonmutating set { words[count.rawValue + 1] = UInt64(newValue) }
  }

  /// Maps the file of all logs.
  static func map(_ fd: CInt) -> UnsafeMutableRawPointer {
    let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    guard let start, start != MAP_FAILED else { fatalError("Cannot map the log") }
    return start
  }
}

extension Checkpoint {
  /// All steps, of which a worker notes the place of the last one.
  static let all =
    ofMemory + ofValues + ofWaiting + ofHolding + ofSynchronization + ofMessaging
}
