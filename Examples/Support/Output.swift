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

// SAFETY: `stdout` is a variable in C, which no program here ever changes.
@unsafe @preconcurrency internal import Glibc

/// Makes each line appear as soon as it is printed, even if the output is a pipe or a file.
public func printLinesAtOnce() {
  unsafe setvbuf(stdout, nil, _IOLBF, 0)
}

/// An error that ends a program with exit status 1; the text goes to standard error.
public struct Failure: Error, CustomStringConvertible {
  /// The text.
  public var description: String

  /// Creates an error with a text.
  public init(_ description: String) {
    self.description = description
  }
}
