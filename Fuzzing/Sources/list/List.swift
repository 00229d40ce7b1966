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

import FuzzSupport
import Interprocess

private let segment = Segment("list")

/// Attaches to the input as a list, reads all of it, and changes it.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
  segment.replace(with: UnsafeRawBufferPointer(start: start, count: count))
  do {
    var list = try ShareableList.attach(segment.name)
    precondition(list.count <= count / 25, "The list has more elements than the input has room for")
    for index in 0..<list.count { _ = element(of: list, at: index) }
    for index in 0..<list.count { use(&list, index) }
  } catch {
    // An empty file has no size yet; any other input is not a list.
    switch error.code {
    case .invalidSize where count == 0: break
    case .corrupted where count > 0: break
    default: fatalError("\(error)")
    }
  }
  return 0
}

/// The element, or `nil` if it is corrupted.
private func element(
  of list: borrowing ShareableList, at index: Int
) -> ShareableList.Element? {
  do {
    return try list[index]
  } catch {
    guard case .corrupted = error.code else { fatalError("\(error)") }
    return nil
  }
}

/// Sets elements of several kinds; each has to be found afterwards, with its neighbour unchanged.
private func use(_ list: inout ShareableList, _ index: Int) {
  let capacity = list.capacity(at: index)
  let elements: [ShareableList.Element] = [
    .int(.min), .bytes(Array(repeating: 0xFF, count: capacity)), nil,
    .string(String(repeating: "x", count: capacity)), true, 0.5,
  ]
  let next = index + 1 < list.count ? element(of: list, at: index + 1) : nil
  for element in elements {
    do {
      try list.set(element, at: index)
      let found = try list[index]
      precondition(found == element, "\(element) was set, \(found) is there")
    } catch {
      fatalError("\(error)")
    }
  }
  guard index + 1 < list.count else { return }
  let after = element(of: list, at: index + 1)
  // NaN does not equal itself.
  precondition("\(next as Any)" == "\(after as Any)", "\(next as Any) became \(after as Any)")
}
