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

import Interprocess

// What `list` and `info` tell of a segment.
extension SegmentInfo {
  /// The processes that have it mapped, such as `1234 python3, 1240 swift`.
  var processesText: String {
    processes.map(\.text).joined(separator: ", ")
  }

  /// When its name goes, or that it should have gone.
  var lifetimeText: String {
    switch lifetime {
    case .untilUnlinked: "lasting"
    case .whileAttached: isStale ? "STALE" : "temporary"
    }
  }

  /// - Parameter content: What is known of the content, with the key `kind` first.
  func json(with content: [(key: String, value: JSON)]) -> JSON {
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
      ("handleCount", .integer(handleCount)),
      ("isStale", .boolean(isStale)),
      (
        "processes",
        .array(
          processes.map(\.json))
      ),
    ]
    return .object([("name", .string(name))] + content + members)
  }
}

extension SegmentInfo.Process {
  /// Its number and its program, such as `1234 python3`.
  var text: String { "\(processID) \(command.escaped)" }

  var json: JSON {
    .object([("processID", .integer(processID)), ("command", .string(command))])
  }
}
