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

/// The name of a user, or the number if the user has no name.
func userName(_ userID: UInt32) -> String {
  var buffer = [CChar](repeating: 0, count: 1024)
  while true {
    var record = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    let status = unsafe getpwuid_r(userID, &record, &buffer, buffer.count, &found)
    if status == ERANGE && buffer.count < 1 << 20 {
      buffer = [CChar](repeating: 0, count: buffer.count * 2)
      continue
    }
    guard status == 0, unsafe found != nil, let start = unsafe record.pw_name else {
      return String(userID)
    }
    // SAFETY: the name ends in NUL and lies in `buffer`, which neither moves nor changes here.
    let name = unsafe String(cString: start)
    return withExtendedLifetime(buffer) { name.escaped }
  }
}
