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

internal import Interprocess

// What the campaign has seen.
extension LifetimesCampaign {
  /// The counts of the conductor.
  struct Report {
    var kills = 0
    var killsAtStep: [Checkpoint: Int] = [:]
    var exits = 0
    /// Memory whose last holder ended in an orderly way while all others were paused.
    var goneAtExit = 0
    /// Memory found without a holder that still had its name.
    var stale = 0
    /// The part of these that had been moved aside for removal.
    var aside = 0
    var sweptByConductor = 0
    var replacedByConductor = 0
    /// Memory that a process held and that had its name, summed over all rounds.
    var heldAndNamed = 0
    /// Memory that a process held after an `unlink`.
    var heldAndUnlinked = 0
    /// Lasting memory without a holder that a sweep left alone.
    var lastingLeftAlone = 0
    /// Second names, summed over all rounds.
    var secondNames = 0
    /// Memory with pages behind its end, left by a grower that was killed.
    var pagesBehindEnd = 0
    /// Stale memory that was left alone and lasting memory that was attached to, under a lock of a
    /// foreign program; and memory in use that was attached to under such a lock.
    var staleUnderLock = 0
    var lastingUnderLock = 0
    var usedUnderLock = 0
  }

  func summarize() throws {
    var counts: [(String, Int)] = [
      ("kills", report.kills), ("exits", report.exits), ("gone at exit", report.goneAtExit),
      ("left stale", report.stale), ("left aside", report.aside),
      ("swept", report.sweptByConductor), ("replaced", report.replacedByConductor),
      ("held and named", report.heldAndNamed), ("held and unlinked", report.heldAndUnlinked),
      ("lasting left alone", report.lastingLeftAlone), ("second names", report.secondNames),
      ("pages behind an end", report.pagesBehindEnd),
      ("stale under a lock", report.staleUnderLock),
      ("lasting under a lock", report.lastingUnderLock),
      ("used under a lock", report.usedUnderLock),
    ]
    for count in WorkerLog.Count.allCases {
      counts.append(("workers \(count)", logs.reduce(0) { $0 + $1[count] }))
    }
    for step in Checkpoint.ofMemory {
      counts.append(("killed at \(step)", report.killsAtStep[step] ?? 0))
    }
    let summary = counts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    Helper.answer("seed \(seed): \(summary)")
    // A campaign proves nothing about a case that never happened. In a short one that may be.
    if killCount >= 1000, let missing = counts.first(where: { $0.1 == 0 }) {
      fail("\(missing.0): none")
    }
  }
}
