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

/// What `/proc` reports about processes and locks, read once, when it is first needed.
final class ProcessLook {
  private(set) lazy var mounts = MountTable()
  /// The leases on files; `nil` if the system does not list them.
  private(set) lazy var locks = try? LockTable(byte: Lease.byteOffset)
  private var tables: [String: ProcessTable] = [:]

  /// The processes that have files of a device mapped.
  func table(_ device: String) -> ProcessTable {
    if let table = tables[device] { return table }
    let table = ProcessTable(device: device, mounts: mounts)
    tables[device] = table
    return table
  }

  /// A sentence for each thing that could not be examined, for people.
  var gaps: [String] {
    let processes: String? =
      switch tables.values.lazy.compactMap(\.gap).first {
      case .hidden?: "/proc does not show all processes here (hidepid): some may be missing."
      case .missing?: "There is no /proc of this process here, so no processes are shown."
      case .failed(let errno)?: "Not all of /proc can be read (\(errno)): processes may be missing."
      case nil: nil
      }
    let handles =
      locks == nil ? "/proc/locks cannot be read, so handles are not counted." : nil
    return [processes, handles].compactMap { $0 }
  }
}
