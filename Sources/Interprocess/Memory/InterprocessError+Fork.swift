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

extension InterprocessError {
  /// The error for using a copy of something that belongs to the parent process.
  ///
  /// - Parameter part: What it is called.
  static func ofParent(_ part: String, of name: String) -> InterprocessError {
    InterprocessError(
      code: .roleTaken, name: name,
      message: """
        This \(part) of "\(name)" belongs to the parent of this process, which has only a copy of \
        it. Take one here, after the fork.
        """)
  }
}
