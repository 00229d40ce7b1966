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

import Glibc
import Interprocess

// What `list` and `info` tell of a segment.
extension SegmentInfo {
  /// The processes that have it mapped, such as `1234 python3, 1240 swift`, or that may have it,
  /// such as `perhaps 812 ssh-agent`.
  var processesText: String {
    (processes.map(\.text) + possibleHolders.map { "perhaps \($0.text)" }).joined(separator: ", ")
  }

  /// How many handles are open on it; `?` if that cannot be known.
  var handlesText: String { handleCount.map { String($0) } ?? "?" }

  /// For stale memory of another user, who can remove it.
  var removalRows: [[String]] {
    guard isStale, geteuid() != 0, geteuid() != userID else { return [] }
    return [["removal", "only \(userName(userID)) and root can remove it, with `shm sweep`"]]
  }

  /// When its name goes, or that it should have gone.
  var lifetimeText: String {
    switch lifetime {
    case .untilUnlinked: "lasting"
    case .whileAttached: isStale ? "STALE" : possibleHolders.isEmpty ? "temporary" : "STALE?"
    }
  }

  /// - Parameters:
  ///   - content: What is known of the content, with the key `kind` first.
  ///   - error: Why no more is known of it.
  func json(
    with content: [(key: String, value: JSON)], _ error: InterprocessError? = nil
  ) -> JSON {
    // Milliseconds are as exact as an age that is already past can be of use.
    let (seconds, attoseconds) = age.components
    let milliseconds = Double(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    let members: [(key: String, value: JSON)] = [
      ("byteCount", .integer(byteCount)),
      ("residentByteCount", .integer(residentByteCount)),
      ("userID", .integer(userID)),
      ("mode", .string(permissions.modeText)),
      ("ageSeconds", .number(milliseconds / 1000)),
      ("lifetime", .string(lifetime == .untilUnlinked ? "untilUnlinked" : "whileAttached")),
      ("handleCount", handleCount.map { .integer($0) } ?? .null),
      ("isStale", .boolean(isStale)),
      (
        "processes",
        .array(
          processes.map(\.json))
      ),
    ]
    let doubts: [(key: String, value: JSON)] =
      possibleHolders.isEmpty
      ? [] : [("possibleHolders", .array(possibleHolders.map { .string($0.description) }))]
    // What the name is as an argument, where that is not the name itself.
    let spelling = nameBytes.escapedName
    let argument: [(key: String, value: JSON)] =
      spelling.utf8.elementsEqual(name.utf8) ? [] : [("argument", .string(spelling))]
    let problem: [(key: String, value: JSON)] =
      error.map { [("error", .string($0.message))] } ?? []
    return .object([("name", .string(name))] + argument + content + members + doubts + problem)
  }
}

extension SegmentInfo.PossibleHolder {
  var text: String {
    switch self {
    case .process(let process, let userID): "\(process.text) of \(userName(userID))"
    case .hiddenProcesses: "hidden processes"
    case .unseenOpener: "a process elsewhere"
    }
  }
}

extension SegmentInfo.Process {
  /// Its number and its program, such as `1234 python3`.
  var text: String { "\(processID) \(command.escaped)" }

  var json: JSON {
    .object([("processID", .integer(processID)), ("command", .string(command))])
  }
}
