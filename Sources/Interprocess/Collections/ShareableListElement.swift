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

extension ShareableList {
  /// What an element of a list can be.
  ///
  /// Elements can be written as literals. They are equal if they have the same kind and the same
  /// value: `.int(1)` is not equal to `.double(1)`. Texts are compared as Swift compares strings,
  /// so both encodings of "é" are equal. In Python, 1 equals 1.0 and `True`.
  ///
  /// ```swift
  /// let elements: [ShareableList.Element] = [1, -2.5, "three", true, nil, [0xFF, 0x00, 0x01]]
  /// switch elements[0] {
  /// case .int(let value): print(value + 1)
  /// case .string(let text): print(text.uppercased())
  /// default: break
  /// }
  /// ```
  ///
  /// A literal outside the range of `Int64` does not compile; ``init(_:)`` refuses such a number.
  public enum Element: Sendable, Hashable {
    /// Python's `int`, of 64 bits.
    case int(Int64)
    /// Python's `float`.
    case double(Double)
    /// Python's `bool`.
    case bool(Bool)
    /// Python's `str`; it does not end in NUL.
    case string(String)
    /// Python's `bytes`; they do not end in 0.
    case bytes([UInt8])
    /// Python's `None`.
    case none

    /// Makes an element from an integer of any type.
    ///
    /// - Parameter value: The integer.
    /// - Throws: `valueNotRepresentable` if it is outside the range of `Int64`, the only integers
    ///   that Python's list accepts.
    public init(_ value: some BinaryInteger) throws(InterprocessError) {
      guard let value = Int64(exactly: value) else {
        throw InterprocessError(
          code: .valueNotRepresentable,
          message: "A list holds signed integers of 64 bits; \(value) is not one.")
      }
      self = .int(value)
    }
  }
}

// MARK: - Literals

extension ShareableList.Element: ExpressibleByIntegerLiteral {
  /// Makes an `int`.
  public init(integerLiteral value: Int64) { self = .int(value) }
}

extension ShareableList.Element: ExpressibleByFloatLiteral {
  /// Makes a `double`.
  public init(floatLiteral value: Double) { self = .double(value) }
}

extension ShareableList.Element: ExpressibleByBooleanLiteral {
  /// Makes a `bool`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension ShareableList.Element: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  /// Makes a `string`.
  public init(stringLiteral value: String) { self = .string(value) }
}

extension ShareableList.Element: ExpressibleByNilLiteral {
  /// Makes `none`.
  public init(nilLiteral: ()) { self = .none }
}

extension ShareableList.Element: ExpressibleByArrayLiteral {
  /// Makes `bytes`.
  public init(arrayLiteral bytes: UInt8...) { self = .bytes(bytes) }
}

// MARK: - Bytes

extension ShareableList.Element {
  /// Whether this is text or bytes, which may not fit into a slot.
  var isText: Bool {
    switch self {
    case .string, .bytes: true
    case .int, .double, .bool, .none: false
    }
  }

  /// The size of a text or of bytes in memory; `nil` for other elements, which always have 8 bytes.
  private var textByteCount: Int? {
    switch self {
    case .string(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    case .int, .double, .bool, .none: nil
    }
  }

  private var endsInZero: Bool {
    switch self {
    case .string(let text): text.utf8.last == 0
    case .bytes(let bytes): bytes.last == 0
    case .int, .double, .bool, .none: false
    }
  }

  /// The capacity of a new slot for this element.
  ///
  /// - Throws: `valueNotRepresentable` if no slot can have that capacity.
  func newCapacity(
    extraCapacity: Int, at index: Int, name: String?
  ) throws(InterprocessError) -> Int {
    guard let byteCount = textByteCount else { return ListLayout.capacities.lowerBound }
    // Each is first compared on its own, so that the sum cannot overflow.
    let maximum = ListLayout.capacities.upperBound
    guard byteCount <= maximum, extraCapacity <= maximum,
      case let capacity = 8 * (byteCount / 8 + 1) + 8 * ((extraCapacity + 7) / 8),
      capacity <= maximum
    else {
      throw .notRepresentable(
        at: index, name: name,
        "\(byteCount) bytes and \(extraCapacity) more need a slot above the \(maximum) bytes that "
          + "a list can describe")
    }
    try check(capacity: capacity, at: index, name: name)
    return capacity
  }

  /// Checks that a slot can hold this element, so that every reader gets exactly this element.
  ///
  /// - Throws: `valueNotRepresentable` if it does not.
  func check(
    capacity: Int, at index: Int, name: @autoclosure () -> String?
  ) throws(InterprocessError) {
    guard let byteCount = textByteCount else { return }
    guard byteCount <= capacity else {
      throw .notRepresentable(
        at: index, name: name(),
        "\(byteCount) bytes do not fit into the \(capacity) bytes of its slot; ask for "
          + "`extraCapacity` at creation")
    }
    if endsInZero {
      throw .notRepresentable(
        at: index, name: name(),
        "it ends in NUL, which every reader cuts off; append a byte that is not zero")
    }
  }

  /// Writes this element into a slot that can hold it: the format, the code and the data.
  func store(into bytes: inout MutableRawSpan, at slot: ListLayout.Slot) {
    switch self {
    case .int(let value):
      bytes.store(.int, .value, at: slot)
      bytes.storeBytes(of: value, toByteOffset: slot.byteOffset, as: Int64.self)
    case .double(let value):
      bytes.store(.double, .value, at: slot)
      bytes.storeBytes(of: value, toByteOffset: slot.byteOffset, as: Double.self)
    case .bool(let value):
      bytes.store(.bool, .value, at: slot)
      // The last of 8 bytes.
      let stored = UInt64(value ? 1 : 0).bigEndian
      bytes.storeBytes(of: stored, toByteOffset: slot.byteOffset, as: UInt64.self)
    case .none:
      bytes.store(.null, .null, at: slot)
      bytes.storeBytes(of: 0, toByteOffset: slot.byteOffset, as: UInt64.self)
    case .string(let text):
      bytes.storeText(text, at: slot)
    case .bytes(let content):
      bytes.storeBytes(content, at: slot)
    }
  }
}

extension ListLayout {
  /// The layout of a new list.
  ///
  /// - Throws: `valueNotRepresentable` if an element cannot be in a list.
  init(
    for elements: [ShareableList.Element], extraCapacity: Int, name: String?
  ) throws(InterprocessError) {
    precondition(extraCapacity >= 0, "The extra capacity of a list is not negative")
    var capacities: [Int] = []
    capacities.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      capacities.append(
        try element.newCapacity(extraCapacity: extraCapacity, at: index, name: name))
    }
    self.init(capacities: capacities)
  }
}

extension MutableRawSpan {
  /// Writes the format and the code, which say how to read an element.
  ///
  /// CPython does not change the format of a text, even if it states a smaller size than that of
  /// the slot, as newer versions may write it; and it truncates what it writes to that size. Here,
  /// the format always states the size of the whole slot: nothing is truncated, and every version
  /// can read it.
  fileprivate mutating func store(_ format: ListFormat, _ code: ListCode, at slot: ListLayout.Slot)
  {
    storeBytes(of: format.stored, toByteOffset: slot.formatByteOffset, as: UInt64.self)
    storeBytes(of: code.rawValue, toByteOffset: slot.codeByteOffset, as: Int8.self)
  }

  @inline(never)
  fileprivate mutating func storeText(_ text: String, at slot: ListLayout.Slot) {
    store(.text(byteCount: slot.capacity), .string, at: slot)
    // SAFETY: the buffer is only read while it is lent.
    let isStored: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe storePadded($0, at: slot)
    }
    if isStored != nil { return }
    var text = text
    // SAFETY: as above.
    text.withUTF8 { unsafe storePadded($0, at: slot) }
  }

  @inline(never)
  fileprivate mutating func storeBytes(_ content: [UInt8], at slot: ListLayout.Slot) {
    store(.text(byteCount: slot.capacity), .bytes, at: slot)
    // SAFETY: the buffer is only read while it is lent.
    unsafe content.withUnsafeBufferPointer { unsafe storePadded($0, at: slot) }
  }

  /// Writes a text that fits, and zeros up to the end of the slot.
  fileprivate mutating func storePadded(
    _ text: UnsafeBufferPointer<UInt8>, at slot: ListLayout.Slot
  ) {
    // SAFETY: both slices check that they lie within the bytes, and the copy checks that it fits.
    unsafe withUnsafeMutableBytes { bytes in
      let destination = unsafe UnsafeMutableRawBufferPointer(
        rebasing: bytes[slot.byteOffset..<(slot.byteOffset + slot.capacity)])
      unsafe destination.copyBytes(from: text)
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: destination[text.count...])
      unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }
}

extension InterprocessError {
  /// - Parameter reason: Why, after a colon.
  fileprivate static func notRepresentable(
    at index: Int, name: String?, _ reason: String
  ) -> InterprocessError {
    let list = name.map { "the list \"\($0)\"" } ?? "a list"
    return InterprocessError(
      code: .valueNotRepresentable, name: name,
      message: "The value for element \(index) cannot be in \(list): \(reason).")
  }
}
