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
internal import SystemPackage

/// A child made by `fork`, as its parent sees it.
struct ForkedChild {
  var processID: pid_t
  var fd: CInt

  /// The child's answer to a command, or how the child ended if it gave none.
  func ask(_ command: String) -> String {
    let socket = FileDescriptor(rawValue: fd)
    guard (try? socket.writeAll((command + "\n").utf8)) != nil else { return "deaf" }
    var answer: [UInt8] = []
    while answer.last != UInt8(ascii: "\n") {
      var byte: UInt8 = 0
      guard read(fd, &byte, 1) == 1 else {
        var status: CInt = 0
        waitpid(processID, &status, 0)
        return "ended \(status)"
      }
      answer.append(byte)
    }
    return String(decoding: answer.dropLast(), as: UTF8.self)
  }
}
