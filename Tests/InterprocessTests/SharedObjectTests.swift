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
import SystemPackage
import TestSupport
import Testing

/// Promises that hold for every type of shared memory.
@Suite("Every type", .timeLimit(.minutes(2)))
struct SharedObjectTests {
  /// A promise, checked with one type.
  protocol Check: Sendable {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws
  }

  /// How a type is created.
  struct Factory<Object: SharedObject & ~Copyable>: Sendable {
    let create: @Sendable (String?, SegmentOptions) throws -> Object
    let attachOrCreate: @Sendable (String, SegmentOptions) throws -> Object
  }

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run: @Sendable (any Check) async throws -> Void

    init<Object: SharedObject & ~Copyable>(
      create: @escaping @Sendable (String?, SegmentOptions) throws -> Object,
      attachOrCreate: @escaping @Sendable (String, SegmentOptions) throws -> Object
    ) {
      testDescription = "\(Object.self)"
      run = { try await $0.run(Factory(create: create, attachOrCreate: attachOrCreate)) }
    }
  }

  static let kinds = [
    Kind(
      create: { try SharedMemory.create($0, byteCount: 8, options: $1) },
      attachOrCreate: { try SharedMemory.attachOrCreate($0, byteCount: 8, options: $1) }),
    Kind(
      create: { try SharedArray<Double>.create($0, count: 8, options: $1) },
      attachOrCreate: { try SharedArray<Double>.attachOrCreate($0, count: 8, options: $1) }),
    Kind(
      create: { try ShareableList.create($0, [1, "two"], options: $1) },
      attachOrCreate: { try ShareableList.attachOrCreate($0, [1, "two"], options: $1) }),
    Kind(
      create: { try SharedValue.create($0, initialValue: 8, options: $1) },
      attachOrCreate: { try SharedValue.attachOrCreate($0, initialValue: 8, options: $1) }),
    Kind(
      create: { try SharedAtomic.create($0, initialValue: 8, options: $1) },
      attachOrCreate: { try SharedAtomic.attachOrCreate($0, initialValue: 8, options: $1) }),
    Kind(
      create: { try SharedMutex.create($0, initialValue: 8, options: $1) },
      attachOrCreate: { try SharedMutex.attachOrCreate($0, initialValue: 8, options: $1) }),
    Kind(
      create: { try SharedReadWriteLock.create($0, initialValue: 8, options: $1) },
      attachOrCreate: { try SharedReadWriteLock.attachOrCreate($0, initialValue: 8, options: $1) }),
    Kind(
      create: { try SharedSemaphore.create($0, permitCount: 2, options: $1) },
      attachOrCreate: { try SharedSemaphore.attachOrCreate($0, permitCount: 2, options: $1) }),
    Kind(
      create: { try SharedEvent.create($0, options: $1) },
      attachOrCreate: { try SharedEvent.attachOrCreate($0, options: $1) }),
    Kind(
      create: { try SharedBarrier.create($0, partyCount: 2, options: $1) },
      attachOrCreate: { try SharedBarrier.attachOrCreate($0, partyCount: 2, options: $1) }),
    Kind(
      create: { try SharedQueue<Int>.create($0, capacity: 2, options: $1) },
      attachOrCreate: { try SharedQueue<Int>.attachOrCreate($0, capacity: 2, options: $1) }),
    Kind(
      create: {
        try SharedByteQueue.create($0, byteCapacity: 256, maximumByteCount: 64, options: $1)
      },
      attachOrCreate: {
        try SharedByteQueue.attachOrCreate($0, byteCapacity: 256, maximumByteCount: 64, options: $1)
      }),
    Kind(
      create: { try SharedTopic<Int>.create($0, options: $1) },
      attachOrCreate: { try SharedTopic<Int>.attachOrCreate($0, options: $1) }),
  ]

  // MARK: - Creating

  private struct Creation: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let name = uniqueName()
      defer { try? SharedMemory.unlink(name) }
      let object = try factory.create("/\(name)", SegmentOptions())
      let facts = (object.name, object.isCreator, object.isLinked, object.lifetime)
      #expect(facts == (name, true, true, .untilUnlinked))
      #expect(errorCode { _ = try factory.create(name, .whileAttached) } == .alreadyExists)
      #expect(errorCode { _ = try factory.create("a/b", .whileAttached) } == .invalidName)
      object.close()
      #expect(access(path(name), F_OK) == 0)
    }
  }

  @Test(
    "A creator has the name that it asked for, and no other process creates it a second time",
    arguments: kinds)
  func creation(kind: Kind) async throws { try await kind.run(Creation()) }

  private struct Options: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      for permissions: FilePermissions in [[.ownerReadWrite, .groupRead], .ownerReadWrite] {
        for reservation: SharedMemory.Reservation in [.onDemand, .reserved] {
          let options = SegmentOptions(
            lifetime: .whileAttached, permissions: permissions, reservation: reservation)
          let created = try factory.create(nil, options)
          try check(created, permissions)
          created.close()
          let name = uniqueName()
          let other = try factory.attachOrCreate(name, options)
          try check(other, permissions)
          other.close()
        }
      }
    }

    private func check<Object: SharedObject & ~Copyable>(
      _ object: borrowing Object, _ permissions: FilePermissions
    ) throws {
      let name = object.name
      let (isCreator, lifetime) = (object.isCreator, object.lifetime)
      #expect(isCreator && lifetime == .whileAttached)
      var status = stat()
      #expect(stat(path(name), &status) == 0)
      #expect(status.st_mode & 0o777 == permissions.rawValue)
    }
  }

  @Test("A creation obeys its options, with or without a name", arguments: kinds)
  func options(kind: Kind) async throws { try await kind.run(Options()) }

  private struct AttachingOrCreating: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let name = uniqueName()
      let first = try factory.attachOrCreate(name, .whileAttached)
      let second = try factory.attachOrCreate(name, SegmentOptions())
      let (isFirst, isSecond, lifetime) = (first.isCreator, second.isCreator, second.lifetime)
      #expect(isFirst && !isSecond && lifetime == .whileAttached)
    }
  }

  @Test("A caller that attaches or creates learns which of the two happened", arguments: kinds)
  func attachingOrCreating(kind: Kind) async throws { try await kind.run(AttachingOrCreating()) }

  private struct Prefaulting: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let object = try factory.create(nil, .whileAttached)
      let file = path(object.name)
      // Creating has touched pages; the kernel unmaps them again.
      for range in try MappedPages(of: file).ranges {
        madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
      }
      #expect(try MappedPages(of: file).residentByteCount == 0)
      try object.prefault()
      let pages = try MappedPages(of: file)
      object.close()
      #expect(pages.byteCount > 0 && pages.residentByteCount == pages.byteCount)
    }
  }

  @Test("All pages of an object are mapped on request", arguments: kinds)
  func prefaulting(kind: Kind) async throws { try await kind.run(Prefaulting()) }

  // MARK: - Attaching

  private struct Attaching: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let name = uniqueName()
      defer { try? SharedMemory.unlink(name) }
      let owner = SharedMemory.Owner.currentUser
      let short = Duration.milliseconds(10)
      func attach(_ timeout: Duration?) throws {
        _ = try Object.attach(name, owner: owner, waitingUpTo: timeout)
      }
      #expect(errorCode { try attach(nil) } == .notFound)
      #expect(errorCode { try attach(short) } == .timedOut)
      let late = await taskErrorCode {
        _ = try await Object.attach(name, owner: owner, waitingUpTo: short)
      }
      #expect(late == .timedOut)
      let object = try factory.create(name, .whileAttached)
      let attached = try await Object.attach(name, owner: owner, waitingUpTo: .seconds(30))
      let facts = (attached.name, attached.isCreator, attached.isLinked, attached.lifetime)
      #expect(facts == (name, false, true, .whileAttached))
      object.close()
      try attach(nil)
      attached.close()
      #expect(errorCode { try attach(nil) } == .notFound)
    }
  }

  @Test(
    "An attacher finds what was created, waits no longer than asked to, and keeps a name",
    arguments: kinds)
  func attaching(kind: Kind) async throws { try await kind.run(Attaching()) }

  private struct Foreign: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let name = uniqueName()
      defer { try? SharedMemory.unlink(name) }
      try Data("no segment of this library".utf8).write(to: URL(filePath: path(name)))
      let found = errorCode {
        _ = try Object.attach(name, owner: .currentUser, waitingUpTo: nil)
      }
      switch found {
      case .wrongKind?, .corrupted?, .layoutMismatch?: break
      case nil: #expect(Object.self == SharedMemory.self)
      default: Issue.record("\(String(describing: found))")
      }
    }
  }

  @Test("Foreign content is refused, except as plain memory", arguments: kinds)
  func foreign(kind: Kind) async throws { try await kind.run(Foreign()) }

  // MARK: - Names

  private struct Names: Check {
    func run<Object: SharedObject & ~Copyable>(_ factory: Factory<Object>) async throws {
      let name = uniqueName()
      defer { try? SharedMemory.unlink(name) }
      let object = try factory.create(name, SegmentOptions())
      try object.protectName()
      #expect(unlink(path(name)) == 0)
      let isLinked = object.isLinked
      #expect(!isLinked)
      let successor = try factory.create(name, .whileAttached)
      #expect(errorCode { try object.unlink() } == .notFound)
      #expect(errorCode { try object.relink() } == .alreadyExists)
      successor.close()
      try object.relink()
      let isLinkedAgain = object.isLinked
      #expect(isLinkedAgain)
      let attached = try Object.attach(name, owner: .currentUser, waitingUpTo: nil)
      try attached.unlink()
      #expect(errorCode { try object.unlink() } == .notFound)
      let areLinked = object.isLinked || attached.isLinked
      #expect(!areLinked)
      object.close()
      attached.close()
      let left = try FileManager.default.contentsOfDirectory(atPath: "/dev/shm")
      #expect(!left.contains { $0.contains(name) })
    }
  }

  @Test(
    "A protected name can be restored, and goes with all that belongs to it", arguments: kinds)
  func names(kind: Kind) async throws { try await kind.run(Names()) }
}
