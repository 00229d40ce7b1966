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

extension ElementLayout {
  /// The same layout with types that numpy has: integers of 16 bytes, which it lacks, become bytes
  /// without a meaning.
  var numpyForm: ElementLayout {
    switch form {
    case .scalar(let scalar):
      guard scalar.isInteger, scalar.byteCount > 8 else { return self }
      return ElementLayout(
        .scalar(Scalar(kind: "V", byteCount: scalar.byteCount)), byteCount: byteCount)
    case .array(let count, let element):
      return ElementLayout(.array(count: count, element.numpyForm), byteCount: byteCount)
    case .record(let fields):
      let fields = fields.map {
        Field(name: $0.name, offset: $0.offset, layout: $0.layout.numpyForm)
      }
      return ElementLayout(.record(fields), byteCount: byteCount)
    }
  }

  /// Whether every number lies at the same offset, under the same name and with the same type.
  ///
  /// It makes no difference whether padding belongs to the end of a structure within another one or
  /// to what follows it: Swift may place the next field there, and numpy does not.
  func isInterchangeable(with other: ElementLayout) -> Bool {
    switch (form, other.form) {
    case (.scalar(let scalar), .scalar(let otherScalar)):
      return scalar == otherScalar
    case (.array, .array):
      let (shape, element) = flattened
      let (otherShape, otherElement) = other.flattened
      return shape == otherShape && element.byteCount == otherElement.byteCount
        && element.isInterchangeable(with: otherElement)
    case (.record(let fields), .record(let otherFields)):
      return fields.count == otherFields.count
        && zip(fields, otherFields).allSatisfy { field, otherField in
          // Swift compares text by its meaning, and numpy by its characters.
          field.name.unicodeScalars.elementsEqual(otherField.name.unicodeScalars)
            && field.offset == otherField.offset
            && field.layout.isInterchangeable(with: otherField.layout)
        }
    default:
      return false
    }
  }
}

extension ElementLayout.Scalar {
  fileprivate var isInteger: Bool { kind == "i" || kind == "u" }
}
