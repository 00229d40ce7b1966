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

// Arrays that numpy can read but this library cannot.
extension NpyHeader {
  /// What keeps this library from using the elements; `nil` if nothing does.
  package var obstacle: Problem? {
    if isFortranOrder {
      return .unsupported(
        expected: "C order", found: "Fortran order",
        remedy: "Save it with `numpy.ascontiguousarray(array)`.")
    }
    if let scalar = layout.first(where: { $0.kind == "O" }) {
      return Self.unsupported(
        "Python objects (\(scalar.text))",
        "They make sense only in one process; convert them with `array.astype`.")
    }
    if let scalar = layout.first(where: { $0.isBigEndian }) {
      return .unsupported(
        expected: "little-endian numbers", found: "big-endian numbers (\(scalar.text))",
        remedy: "Save it with `array.astype(array.dtype.newbyteorder('<'))`.")
    }
    if layout.containsField(where: { $0.title != nil }) {
      return Self.unsupported("fields that have titles", "Give each field only a name.")
    }
    if layout.containsField(where: { $0.name.isEmpty }) {
      return Self.unsupported("fields that have no names", "Give each field a name.")
    }
    if layout.byteCount == 0 {
      return Self.unsupported("elements without bytes (\(dtype))", "Save it with another type.")
    }
    return nil
  }

  /// What keeps this library from showing the elements, if they are text.
  package var textObstacle: Problem? {
    guard case .scalar(let scalar) = layout.form, scalar.kind == "U" else { return nil }
    return Self.unsupported("text (\(dtype))", "Load it with `numpy.load`.")
  }

  static func unsupported(_ found: String, _ remedy: String) -> Problem {
    .unsupported(
      expected: "numbers, and structures and arrays of numbers", found: found, remedy: remedy)
  }
}

extension ElementLayout.Scalar {
  fileprivate var text: String {
    ElementLayout(.scalar(self), byteCount: byteCount).description
  }
}

extension ElementLayout {
  /// The first number, or other scalar, that matches.
  fileprivate func first(where isFound: (Scalar) -> Bool) -> Scalar? {
    switch form {
    case .scalar(let scalar):
      return isFound(scalar) ? scalar : nil
    case .array(_, let element):
      return element.first(where: isFound)
    case .record(let fields):
      for field in fields {
        if let scalar = field.layout.first(where: isFound) { return scalar }
      }
      return nil
    }
  }

  func contains(where isFound: (Scalar) -> Bool) -> Bool { first(where: isFound) != nil }

  fileprivate func containsField(where isFound: (Field) -> Bool) -> Bool {
    switch form {
    case .scalar: false
    case .array(_, let element): element.containsField(where: isFound)
    case .record(let fields):
      fields.contains { isFound($0) || $0.layout.containsField(where: isFound) }
    }
  }
}
