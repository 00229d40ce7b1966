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
  /// The element at an index.
  ///
  /// Checks the bytes each time, because other processes may write anything. Corresponds to
  /// `list[index]` in Python. Bytes that a newer CPython has written with their exact length are
  /// read with that length.
  ///
  /// - Parameter index: From 0 up to, but not including, ``count``.
  /// - Throws: `corrupted` if the bytes are not an element, because their format and code do not
  ///   belong together or their text is not UTF-8. Another process may just be writing the element.
  /// - Precondition: The index is in range.
  /// - Complexity: O(1) for numbers, O(*n*) for a slot of *n* bytes, without blocking.
  public subscript(index: Int) -> Element {
    get throws(InterprocessError) {
      let slot = layout[index]
      do {
        return try StoredForm(of: slot, in: memory._range).element(in: memory._range)
      } catch {
        throw unreadable(index, error)
      }
    }
  }

  @inline(never)
  private func unreadable(_ index: Int, _ fault: ElementFault) -> InterprocessError {
    InterprocessError(
      code: .corrupted("element \(index): \(fault.reason)"), name: memory.name,
      message: """
        Element \(index) of the list "\(memory.name)" cannot be read: \(fault.reason). Set it \
        again, or guard the list with a lock if a process was just writing it.
        """)
  }

  /// Replaces an element, perhaps by one of another kind.
  ///
  /// Other processes that read it later see the new element, but not atomically; see the type's
  /// description. Corresponds to `list[index] = element` in Python, and writes the same bytes, but
  /// refuses what Python would truncate.
  ///
  /// - Parameters:
  ///   - element: The new element. Text and bytes may be as long as the slot.
  ///   - index: From 0 up to, but not including, ``count``.
  /// - Throws: `valueNotRepresentable` if a text or bytes are longer than ``capacity(at:)`` or end
  ///   in NUL; the list is then unchanged.
  /// - Precondition: The index is in range, and the list is attached for writing.
  /// - Complexity: O(1) for numbers, O(*n*) for text in a slot of *n* bytes, without blocking.
  public mutating func set(_ element: Element, at index: Int) throws(InterprocessError) {
    precondition(memory._range.isWritable, "This shared memory is attached read-only")
    let slot = layout[index]
    if element.isText { return try setText(element, in: slot, at: index) }
    var bytes = memory.mutableBytes
    element.store(into: &bytes, at: slot)
  }

  /// Replaces an element by text or bytes that may not fit.
  @inline(never)
  private mutating func setText(
    _ element: Element, in slot: ListLayout.Slot, at index: Int
  ) throws(InterprocessError) {
    try element.check(capacity: slot.capacity, at: index, name: memory.name)
    var bytes = memory.mutableBytes
    element.store(into: &bytes, at: slot)
  }

  /// The size of an element's slot in bytes, at least 8: how long a text in it may be in UTF-8.
  ///
  /// Python does not report this.
  ///
  /// - Parameter index: From 0 up to, but not including, ``count``.
  /// - Precondition: The index is in range.
  /// - Complexity: O(1), without blocking.
  public func capacity(at index: Int) -> Int {
    layout[index].capacity
  }

  /// The index of the first element that equals a value.
  ///
  /// Corresponds to `list.index(element)` in Python; see ``Element`` for when elements are equal.
  ///
  /// - Parameter element: The value to look for.
  /// - Returns: The index, or `nil` if there is no such element.
  /// - Throws: `corrupted` if an element before it cannot be read.
  /// - Complexity: O(*n*) for *n* elements, without blocking.
  public func firstIndex(of element: Element) throws(InterprocessError) -> Int? {
    for index in 0..<count where try self[index] == element { return index }
    return nil
  }

  /// All elements, each as it was when it was read.
  ///
  /// Use it to iterate over a list: `for element in try list.elements()`. Corresponds to
  /// `list(list)` in Python.
  ///
  /// - Returns: The elements, in order.
  /// - Throws: `corrupted` if one cannot be read.
  /// - Complexity: O(*n*) for *n* elements, without blocking.
  public func elements() throws(InterprocessError) -> [Element] {
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for index in 0..<count { elements.append(try self[index]) }
    return elements
  }
}

/// The data of an element, as described by its format and code; it fits into the slot.
enum StoredForm {
  case int(at: Int)
  case double(at: Int)
  case bool(at: Int)
  case string(at: Int, byteCount: Int)
  /// - Parameter isExact: Whether zeros at the end belong to the bytes.
  case bytes(at: Int, byteCount: Int, isExact: Bool)
  case null

  /// Reads the format and the code, each once.
  init(of slot: ListLayout.Slot, in range: MappedRange) throws(ElementFault) {
    let stored = range.loadUnaligned(at: slot.formatByteOffset, as: UInt64.self)
    let code = range.loadUnaligned(at: slot.codeByteOffset, as: Int8.self)
    let offset = slot.byteOffset
    switch (ListFormat(stored: stored), ListCode(rawValue: code)) {
    case (.int, .value): self = .int(at: offset)
    case (.double, .value): self = .double(at: offset)
    case (.bool, .value): self = .bool(at: offset)
    case (.null, .null): self = .null
    case (.text(let byteCount), .string):
      guard byteCount <= slot.capacity else { throw .tooLong }
      // Every version of CPython drops the zeros at the end of a text, whatever its size.
      self = .string(at: offset, byteCount: byteCount)
    case (.text(let byteCount), .bytes):
      guard byteCount <= slot.capacity else { throw .tooLong }
      // CPython up to 3.13 states the size of the whole slot and fills it with zeros. The coming
      // format states the exact size of bytes.
      self = .bytes(at: offset, byteCount: byteCount, isExact: byteCount < slot.capacity)
    case (nil, _): throw .unknownFormat
    case (_, nil): throw .unknownCode
    default: throw .contradiction
    }
  }

  /// Reads the data, once.
  func element(in range: MappedRange) throws(ElementFault) -> ShareableList.Element {
    switch self {
    case .int(let offset): return .int(range.loadUnaligned(at: offset, as: Int64.self))
    case .double(let offset): return .double(range.loadUnaligned(at: offset, as: Double.self))
    case .bool(let offset): return .bool(range.loadUnaligned(at: offset + 7, as: UInt8.self) != 0)
    case .null: return .none
    case .bytes(let offset, let byteCount, let isExact):
      return .bytes(range.bytes(at: offset, byteCount: byteCount, keepingZeros: isExact))
    case .string(let offset, let byteCount):
      guard let text = range.text(at: offset, byteCount: byteCount) else { throw .notUTF8 }
      return .string(text)
    }
  }
}

/// Why an element cannot be read.
enum ElementFault: Error {
  case unknownFormat
  case unknownCode
  case contradiction
  case tooLong
  case notUTF8

  /// What is wrong, to follow a colon.
  var reason: String {
    switch self {
    case .unknownFormat: "its format is not one that a list has"
    case .unknownCode: "its code is not one that a list has"
    case .contradiction: "its format and its code contradict each other"
    case .tooLong: "its format states more bytes than its slot has"
    case .notUTF8: "its text is not UTF-8"
    }
  }
}

extension MappedRange {
  /// A copy of bytes, perhaps without the zeros at the end.
  @inline(never)
  fileprivate func bytes(at offset: Int, byteCount: Int, keepingZeros: Bool) -> [UInt8] {
    // SAFETY: `pointer` checks that the bytes are mapped, the copy has room for them, and `count`
    // of its bytes are initialised.
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { copy, count in
      let source = unsafe UnsafeRawBufferPointer(
        start: pointer(at: offset, byteCount: byteCount), count: byteCount)
      unsafe UnsafeMutableRawBufferPointer(copy).copyMemory(from: source)
      count = byteCount
      while !keepingZeros, count > 0, unsafe copy[count - 1] == 0 { count -= 1 }
    }
  }

  /// The text in UTF-8 that ends before the zeros; `nil` if it is not UTF-8.
  fileprivate func text(at offset: Int, byteCount: Int) -> String? {
    if byteCount == 8 {
      let word = loadUnaligned(at: offset, as: UInt64.self).littleEndian
      if word & 0x8080_8080_8080_8080 == 0 { return Self.asciiText(word) }
    }
    return copiedText(at: offset, byteCount: byteCount)
  }

  @inline(never)
  private func copiedText(at offset: Int, byteCount: Int) -> String? {
    // The text is copied before it is checked, because other processes may change it at any time.
    // SAFETY: `pointer` checks that the bytes are mapped, the copy has room for them, and all of
    // its bytes are initialised then.
    return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) { copy in
      let source = unsafe UnsafeRawBufferPointer(
        start: pointer(at: offset, byteCount: byteCount), count: byteCount)
      unsafe copy.copyMemory(from: source)
      var count = byteCount
      while count > 0, unsafe copy[count - 1] == 0 { count -= 1 }
      let text = unsafe Span<UInt8>(
        _unsafeBytes: UnsafeRawBufferPointer(rebasing: copy[..<count]))
      guard let text = try? UTF8Span(validating: text) else { return nil }
      return String(copying: text)
    }
  }

  /// The characters of a word, the first one in its lowest byte.
  ///
  /// This way, a text in the smallest slot costs no allocation, and takes half the time of one that
  /// is copied.
  private static func asciiText(_ word: UInt64) -> String {
    // SAFETY: there is room for 8 bytes, and all of them are initialised.
    unsafe String(unsafeUninitializedCapacity: 8) { text in
      unsafe UnsafeMutableRawBufferPointer(text).storeBytes(
        of: word.littleEndian, as: UInt64.self)
      return 8 - word.leadingZeroBitCount / 8
    }
  }
}
