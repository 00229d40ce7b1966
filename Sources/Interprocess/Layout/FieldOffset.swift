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

/// Where a field lies in a structure of the C header, which is the one place that fixes it.
///
/// An optimised build replaces it by the number.
@inline(__always)
func fieldOffset<Structure, Field>(_ field: KeyPath<Structure, Field>) -> Int {
  guard let offset = MemoryLayout<Structure>.offset(of: field) else {
    preconditionFailure("A field of a C structure is stored")
  }
  return offset
}
