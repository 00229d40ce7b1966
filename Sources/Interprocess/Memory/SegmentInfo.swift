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

/// What lies under one name, as ``SharedMemory/segments()`` found it.
///
/// ```swift
/// for segment in try SharedMemory.segments() where segment.processes.isEmpty {
///   print(segment.name, segment.byteCount, "mapped by nobody")
/// }
/// ```
public struct SegmentInfo: Sendable, Hashable {
  /// A process that has the segment mapped.
  public struct Process: Sendable, Hashable {
    /// The number of the process (`pid`).
    public var processID: Int32
    /// The name of its program, as the system keeps it: at most 15 bytes.
    public var command: String
  }

  /// The name; with replacement characters if it is not UTF-8, and then no name to attach to.
  ///
  /// Two names that Swift compares as equal, such as an é of one scalar and one of two, are the
  /// names of two segments: compare ``nameBytes``.
  public var name: String
  /// The bytes of the name, which are what names are compared by.
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
  /// When its name goes.
  public var lifetime: SharedMemory.Lifetime
  /// How many handles of this library are open on it, in all processes of the machine; `nil` where
  /// the system does not tell its locks, as in a container whose `/proc` shows processes only.
  ///
  /// CPython's blocks are not among them. The system tells its locks piece by piece, so that the
  /// number may be wrong while other processes lock and unlock files.
  public var handleCount: Int?
  /// Whether it is temporary memory that nobody has any more: the next creator of that name
  /// replaces it, and ``SharedMemory/sweep(reportingLeft:)`` removes it.
  ///
  /// Only its owner and root may do so where the directory is as usual, so that memory which
  /// another user has closed last stays until one of them does.
  public var isStale: Bool
  /// Who may have it, where it is temporary memory without handles and that cannot be known.
  ///
  /// Such memory is not stale: it is left alone until one knows, or somebody removes it by name.
  public var possibleHolders: [PossibleHolder]
  /// The processes that have it mapped, in any language, in the order of their numbers; if there
  /// are none, and it is temporary memory without handles, those that have it open.
  ///
  /// Those that this user may not look into are left out.
  public var processes: [Process]
}

extension SharedMemory {
  /// Lists what lies in `/dev/shm`: every file, whoever made it.
  ///
  /// A segment that comes or goes meanwhile may be in the list or not. Does not wait for other
  /// processes. There is nothing like it in C or Python.
  ///
  /// - Returns: The segments, sorted by the bytes of their names.
  /// - Throws: `permissionDenied` or `system` if `/dev/shm` cannot be read. What cannot be read in
  ///   `/proc` is missing in the list: ``SegmentInfo/handleCount``, ``SegmentInfo/processes``.
  /// - Complexity: Linear in the number of segments and in the number of all mappings of all
  ///   processes.
  public static func segments() throws(InterprocessError) -> [SegmentInfo] {
    try segmentsAndGaps().segments
  }

  /// As `segments()`, with a sentence for each thing that could not be looked at.
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
  /// Looks at one file; `nil` if it is none, or gone.
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
      // Without `/proc`, only a file that is open for reading tells its mark.
      if let seen = try? Files.status(of: opened), !seen.isTemporary {
        lifetime = .untilUnlinked
        return
      }
      // Exact, unlike the count. A claim is no lease: its holder may be dead before it acts. Where
      // the system refuses such locks, the count has to do.
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
