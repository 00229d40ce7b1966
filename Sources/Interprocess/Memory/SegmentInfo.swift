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
  public var name: String
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
  /// How many handles of this library are open on it, in all processes of the machine.
  ///
  /// CPython's blocks are not among them. The system tells its locks piece by piece, so that the
  /// number may be wrong while other processes lock and unlock files.
  public var handleCount: Int
  /// Whether it is temporary memory that nobody has any more: the next creator of that name
  /// replaces it, and ``SharedMemory/sweep()`` removes it.
  public var isStale: Bool
  /// The processes that have it mapped, in any language, in the order of their numbers.
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
  /// - Returns: The segments, sorted by name.
  /// - Throws: `permissionDenied` or `system` if `/dev/shm` or `/proc` cannot be read.
  /// - Complexity: Linear in the number of segments and in the number of all mappings of all
  ///   processes.
  public static func segments() throws(InterprocessError) -> [SegmentInfo] {
    let directory = SegmentName.directory
    do {
      let device = try Files.status(at: directory).identity.device
      let processes = try ProcessTable(device: device)
      let leases = try LockTable(device: device, byte: Lease.byteOffset)
      return try Files.names(in: directory)
        .compactMap { SegmentInfo($0, in: directory, processes: processes, leases: leases) }
        .sorted { $0.name < $1.name }
    } catch {
      throw .listing(directory, error)
    }
  }
}

extension SegmentInfo {
  /// The name that a sweep tells when it removes this; `nil` for a hidden name that it does not tell.
  package var sweptName: String? {
    guard let segmentName = SegmentName(fileName: Array(name.utf8)),
      let hidden = HiddenName(segmentName)
    else { return name }
    return hidden.purpose == .removing ? hidden.original?.value ?? name : nil
  }

  /// Looks at one file; `nil` if it is none, or gone.
  fileprivate init?(
    _ name: [UInt8], in directory: String, processes: ProcessTable, leases: LockTable
  ) {
    guard let descriptor = try? Files.openForStatus(name, in: directory),
      let status = try? Files.status(of: descriptor), status.kind == .regular
    else { return nil }
    self.name = String(decoding: name, as: UTF8.self)
    byteCount = status.byteCount
    residentByteCount = status.residentByteCount
    userID = status.userID
    permissions = FilePermissions(rawValue: status.mode & 0o777)
    age = WallClock.timeSince(status.creationTime(of: descriptor))
    lifetime = status.isTemporary ? .whileAttached : .untilUnlinked
    handleCount = leases.count(of: status.identity)
    isStale = status.isTemporary && handleCount == 0 && !processes.mayBeMapped(status)
    self.processes = (processes.entries[status.identity] ?? [])
      .map { Process(processID: $0.processID, command: $0.command) }
  }
}
