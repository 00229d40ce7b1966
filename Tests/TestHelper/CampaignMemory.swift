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

/// The content that every memory of the lifetimes campaign has from its first moment on, so that
/// whoever attaches can tell that it is whole, and which one it is.
struct CampaignMemory: Hashable {
  /// Different for each memory that any process of the campaign creates.
  var instance: UInt64
  var byteCount: Int
  /// Which of the campaign's names it was made for.
  var nameIndex: Int
  var isTemporary: Bool

  static let names = ["red", "green", "blue", "black"]
  /// The least size of all, so that an attacher may ask for as much and find it whatever is there.
  static let minimumByteCount = 4096
  static let maximumByteCount = 6 * 4096
  static let workerCount = 6

  /// The words that change during the life of the memory.
  private static let intentOffset = 40
  private static let markOffset = 64
  private static let magic: UInt64 = 0x69_70_63_74_65_73_74_31

  /// What a process has logged in the memory about removing its name.
  enum Intent: UInt64 {
    case none, begun, done
  }

  var name: String { Self.names[nameIndex] }

  var lifetime: SharedMemory.Lifetime { isTemporary ? .whileAttached : .untilUnlinked }

  private var description: UInt64 { UInt64(nameIndex) << 1 | (isTemporary ? 1 : 0) }

  /// The words that are written once, and their offsets: a header, a few words on each page, and
  /// the last one.
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

  // MARK: - Reading

  struct Problem: Error {
    var text: String
  }

  /// Reads the memory that a name of the campaign led to, and checks every word.
  init(
    nameIndex: Int, byteCount: Int, isTemporary: Bool, load: (Int) -> UInt64
  ) throws(Problem) {
    func expect(_ offset: Int, _ found: UInt64, _ expected: UInt64) throws(Problem) {
      guard found == expected else {
        let name = Self.names[nameIndex]
        throw Problem(
          text: """
            \(name) has \(byteCount) bytes, is \(isTemporary ? "temporary" : "lasting"), and holds \
            \(found) at \(offset) instead of \(expected)
            """)
      }
    }
    guard byteCount >= Self.minimumByteCount else {
      throw Problem(text: "\(Self.names[nameIndex]) has \(byteCount) bytes")
    }
    self.init(
      instance: load(8), byteCount: byteCount, nameIndex: nameIndex, isTemporary: isTemporary)
    for (offset, word) in constantWords { try expect(offset, load(offset), word) }
    for worker in 0..<Self.workerCount {
      let (offset, word) = mark(of: worker)
      let found = load(offset)
      if found != 0 { try expect(offset, found, word) }
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

  /// Reads and checks the memory of a handle that was got by a name.
  init(_ memory: borrowing SharedMemory, nameIndex: Int) throws(Problem) {
    guard memory.byteCount >= Self.minimumByteCount else {
      throw Problem(text: "\(Self.names[nameIndex]) has \(memory.byteCount) bytes")
    }
    var words: [Int: UInt64] = [:]
    let byteCount = memory.byteCount
    let probe = CampaignMemory(
      instance: 0, byteCount: byteCount, nameIndex: nameIndex, isTemporary: false)
    let offsets =
      probe.constantWords.map(\.offset) + (0..<Self.workerCount).map { probe.mark(of: $0).offset }
    for offset in offsets { words[offset] = memory.load(fromByteOffset: offset, as: UInt64.self) }
    try self.init(
      nameIndex: nameIndex, byteCount: byteCount, isTemporary: memory.lifetime == .whileAttached
    ) { words[$0]! }
  }

  static func intent(of memory: borrowing SharedMemory) -> Intent {
    let word = memory.load(fromByteOffset: intentOffset, as: UInt64.self)
    guard let intent = Intent(rawValue: word) else { fatalError("The intent is \(word)") }
    return intent
  }

  static func setIntent(_ intent: Intent, of memory: inout SharedMemory) {
    memory.storeBytes(of: intent.rawValue, toByteOffset: intentOffset, as: UInt64.self)
  }
}

// MARK: - What the workers log

/// What one worker does, in memory that the conductor has mapped as well, so that it is known when
/// the worker has been killed.
struct WorkerLog {
  /// What is counted.
  enum Count: Int, CaseIterable {
    case created, attached, foundNothing, nameTaken, written, protected, closed, unlinked, swept
    case replacedStale, removedAtClose
  }

  private static let wordCount = 32
  static let byteCount = CampaignMemory.workerCount * wordCount * 8

  private let words: UnsafeMutablePointer<UInt64>

  /// - Parameter start: Where the file of all logs is mapped.
  init(_ start: UnsafeMutableRawPointer, worker: Int) {
    words = start.assumingMemoryBound(to: UInt64.self) + worker * Self.wordCount
  }

  /// The last step that the worker came to; `nil` between its operations.
  var step: Checkpoint? {
    get { words[0] == 0 ? nil : Checkpoint.allCases[Int(words[0]) - 1] }
    nonmutating set {
      words[0] = newValue.map { UInt64(Checkpoint.allCases.firstIndex(of: $0)!) + 1 } ?? 0
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
