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

// contender: name="Interprocess ShareableList" group=list

import Harness
import Interprocess

@main
struct List {
  static func main() throws {
    Harness.begin()
    Harness.pin()
    var list = try ShareableList.create(nil, [1, 2.5, "three", true, nil])
    try list.unlink()
    // The same number in a row as in Python.
    let count = 100
    func row(_ what: String) -> Case { Case("Interprocess ShareableList", test: "list", what) }

    for (index, kind) in ["int", "float", "str"].enumerated() {
      row("get \(kind)").measure(operationCount: count) {
        for _ in 0..<count {
          if case .none = try list[index] { fatalError("This element is something") }
        }
      }
    }
    row("set int").measure(operationCount: count) {
      for value in 0..<count { try list.set(.int(Int64(value)), at: 0) }
    }
    row("set float").measure(operationCount: count) {
      for value in 0..<count { try list.set(.double(Double(value)), at: 1) }
    }
    row("set str").measure(operationCount: count) {
      for value in 0..<count { try list.set(value.isMultiple(of: 2) ? "seven" : "three", at: 2) }
    }
  }
}
