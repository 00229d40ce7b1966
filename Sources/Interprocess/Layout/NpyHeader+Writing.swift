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

extension NpyHeader {
  /// The header of an array, byte for byte as `numpy.save` writes it.
  ///
  /// - Parameters:
  ///   - layout: The layout of one element; the dimensions of an array are added to the shape.
  ///   - shape: How many such elements there are in each dimension.
  ///   - name: The name of the segment, for the error.
  /// - Throws: `invalidSize` if no array can have that shape, or if the description of the layout
  ///   is too long.
  static func make(
    of layout: ElementLayout, shape: [Int], name: String?
  ) throws(InterprocessError) -> (header: NpyHeader, bytes: [UInt8]) {
    func invalid(_ reason: String) -> InterprocessError {
      let array = name.map { "the array \"\($0)\"" } ?? "an array"
      return InterprocessError(
        code: .invalidSize, name: name, message: "Cannot create \(array): \(reason).")
    }
    let (trailing, flat) = layout.flattened
    let element = flat.numpyForm
    let fullShape = shape + trailing
    guard shape.allSatisfy({ $0 >= 0 }) else {
      throw invalid("no dimension can be negative, as in the shape \(shape)")
    }
    // The limit of earlier versions of numpy.
    guard fullShape.count <= 32 else {
      throw invalid("numpy has at most 32 dimensions, and \(fullShape.count) were requested")
    }
    let bytes = bytes(dtype: element.description, shape: fullShape)
    guard let dataByteCount = byteCount(of: fullShape.filter { $0 > 0 }, element),
      !bytes.count.addingReportingOverflow(dataByteCount).overflow
    else {
      throw invalid("no memory can hold elements in the shape \(shape)")
    }
    // The limit of the first version of the format.
    guard bytes.count <= UInt16.max else {
      throw invalid("its element type has too many fields to describe in a .npy file")
    }
    return (NpyHeader(shape: fullShape, layout: element, dataOffset: bytes.count), bytes)
  }

  private static func bytes(dtype: String, shape: [Int]) -> [UInt8] {
    var text =
      "{'descr': \(dtype), 'fortran_order': False, 'shape': \(ElementLayout.text(of: shape)), }"
    // Space for the first number to grow, as numpy leaves it.
    if let first = shape.first {
      text += String(repeating: " ", count: 21 - String(first).utf8.count)
    }
    let isLatin1 = text.unicodeScalars.allSatisfy { $0.value < 0x100 }
    let lengthByteCount = isLatin1 ? 2 : 4
    let textBytes =
      isLatin1 ? text.unicodeScalars.map { UInt8($0.value) } : Array(text.utf8)

    let length = textBytes.count + 1
    let unaligned = magic.count + 2 + lengthByteCount + length
    // At least one space, even if none is needed.
    let padding = 64 - unaligned % 64
    var bytes = magic + [isLatin1 ? 1 : 3, 0]
    for index in 0..<lengthByteCount {
      bytes.append(UInt8(truncatingIfNeeded: (length + padding) >> (8 * index)))
    }
    bytes += textBytes
    bytes += repeatElement(UInt8(ascii: " "), count: padding)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }
}
