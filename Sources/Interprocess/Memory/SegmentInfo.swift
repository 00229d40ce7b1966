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

public import SystemPackage

/// What lies under one name, as found by ``SharedMemory/segments()``.
///
/// ```swift
/// for segment in try SharedMemory.segments() where segment.processes.isEmpty {
///   print(segment.name, segment.byteCount, "mapped by nobody")
/// }
/// ```
public struct SegmentInfo: Sendable, Hashable {
  /// A process that has the segment mapped.
  public struct Process: Sendable, Hashable {
    /// The process ID (`pid`).
    public var processID: Int32
    /// The name of its program, as the system stores it: at most 15 bytes.
    public var command: String
  }

  /// The name; if it is not UTF-8, with replacement characters, and then not usable for attaching.
  ///
  /// Two names that are equal in Swift, such as an é of one scalar and one of two, may be the names
  /// of two segments: compare ``nameBytes``.
  public var name: String
  /// The bytes of the name, by which to compare names.
  public var nameBytes: [UInt8]
  /// The size in bytes.
  public var byteCount: Int
  /// The bytes that the system has taken for it; a multiple of the page size.
  public var residentByteCount: Int
  /// The user that owns it.
  public var userID: UInt32
  /// Who may read and write it.
  public var permissions: FilePermissions
  /// How long ago it was created.
  public var age: Duration
  /// When its name is removed.
  public var lifetime: SharedMemory.Lifetime
  /// How many handles of this library are open on it, in all processes of the machine; `nil` if the
  /// system does not list its locks, as in a container whose `/proc` shows processes only.
  ///
  /// CPython's blocks are not counted. The system lists its locks piece by piece, so the number may
  /// be wrong while other processes lock and unlock files.
  public var handleCount: Int?
  /// Whether it is temporary memory that no process has any more.
  ///
  /// The next creator of that name replaces such memory, and ``SharedMemory/sweep(reportingLeft:)``
  /// removes it. In a directory with the usual permissions, only its owner and root may do so:
  /// memory that another user was the last to close stays until one of them does.
  public var isStale: Bool
  /// Which processes may have it, if it is temporary memory without handles and that cannot be
  /// known.
  ///
  /// Such memory is not stale: it is left alone until that is known, or it is removed by name.
  public var possibleHolders: [PossibleHolder]
  /// The processes that have it mapped, in any language, in the order of their numbers; if there
  /// are none, and it is temporary memory without handles, the processes that have it open.
  ///
  /// Processes that this user may not look into are left out.
  public var processes: [Process]
}

extension SharedMemory {
  /// Lists every file in `/dev/shm`, whatever program created it.
  ///
  /// A segment that is created or removed meanwhile may be in the list or not. Does not wait for
  /// other processes. C and Python have nothing like it.
  ///
  /// - Returns: The segments, sorted by the bytes of their names.
  /// - Throws: `permissionDenied` or `system` if `/dev/shm` cannot be read. Information that cannot
  ///   be read in `/proc` is missing: ``SegmentInfo/handleCount``, ``SegmentInfo/processes``.
  /// - Complexity: Linear in the number of segments and in the number of all mappings of all
  ///   processes.
  public static func segments() throws(InterprocessError) -> [SegmentInfo] {
    try segmentsAndGaps().segments
  }

  /// The same as `segments()`, with a sentence for each thing that could not be examined.
  package static func segmentsAndGaps() throws(InterprocessError) -> (
    segments: [SegmentInfo], gaps: [String]
  ) {
    let directory = SegmentName.directory
    let names: [[UInt8]]
    do {
      names = try Files.names(in: directory)
    } catch {
      throw .listing(directory, error)
    }
    let look = ProcessLook()
    let segments = names.compactMap { SegmentInfo($0, in: directory, look: look) }
      .sorted { $0.nameBytes.lexicographicallyPrecedes($1.nameBytes) }
    return (segments, segments.isEmpty ? [] : look.gaps)
  }
}

extension SegmentInfo {
  /// Examines one entry; `nil` if it is not a regular file, or gone.
  init?(_ name: [UInt8], in directory: String, look: ProcessLook) {
    guard let descriptor = try? Files.openForStatus(name, in: directory),
      let status = try? Files.status(of: descriptor), status.kind == .regular
    else { return nil }
    let file = KernelFile(descriptor, status.identity, mounts: look.mounts)
    self.name = String(decoding: name, as: UTF8.self)
    nameBytes = name
    byteCount = status.byteCount
    residentByteCount = status.residentByteCount
    userID = status.userID
    permissions = FilePermissions(rawValue: status.mode & 0o777)
    age = WallClock.timeSince(status.creationTime(of: descriptor))
    lifetime = status.isTemporary ? .whileAttached : .untilUnlinked
    handleCount = look.locks?.count(of: file)
    processes = (look.table(file.device).entries[file] ?? []).map { Process($0) }
    isStale = false
    possibleHolders = []
    guard status.isTemporary else { return }

    let use: SegmentUse
    if let opened = try? Files.openToAsk(name, in: directory, identity: status.identity) {
      // Without `/proc`, the mark can only be read from a file that is open for reading.
      if let seen = try? Files.status(of: opened), !seen.isTemporary {
        lifetime = .untilUnlinked
        return
      }
      // Exact, unlike the count. A claim is no lease: its holder may die before it acts. If the
      // system refuses such locks, the count has to do.
      let isLeased = (try? Lease.isLeasedByOthers(on: opened)) ?? (handleCount != 0)
      if isLeased { return }
      use = SegmentUse(of: opened, status, look: look, patience: .milliseconds(5))
    } else {
      switch handleCount {
      case 0?: use = SegmentUse(unopened: status, file, look: look)
      case nil: use = .unknown([.hiddenProcesses])
      default: return
      }
    }
    switch use {
    case .unused: isStale = true
    case .used(let entries): processes = entries.map { Process($0) }
    case .unknown(let holders): possibleHolders = holders
    }
  }
}
