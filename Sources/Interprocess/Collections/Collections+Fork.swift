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

extension SharedArray {
  /// Takes a lease of this process on the array, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public borrowing func takeLease() throws(InterprocessError) { try memory.takeLease() }
}

extension ShareableList {
  /// Takes a lease of this process on the list, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public borrowing func takeLease() throws(InterprocessError) { try memory.takeLease() }
}

extension SharedValue {
  /// Takes a lease of this process on the value, in a child that `fork` has made.
  ///
  /// Does, throws and costs what ``SharedMemory/takeLease()`` does.
  public func takeLease() throws(InterprocessError) { try slots.memory.takeLease() }
}
