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

// The only way to get the fields of a structure with their offsets; `Mirror` is built on it.
@_spi(Reflection) internal import Swift

extension ElementLayout {
  /// Why a type cannot be shared.
  package struct Refusal: Error {
    /// What is wrong with which field, such as `Particle.isFixed is Bool; use UInt8`.
    package var message: String
  }

  /// The layout of consecutive elements of a type, each with its stride.
  ///
  /// - Precondition: The type and all its fields are shareable.
  package init<Element: Shareable>(of type: Element.Type) {
    do throws(Refusal) {
      self = try Self.layout(of: type, path: "\(type)", byteCount: MemoryLayout<Element>.stride)
    } catch {
      // A precondition would not show its message in a release build.
      fatalError("\(type) cannot be shared: \(error.message)")
    }
  }

  /// The layout of a type.
  ///
  /// - Parameters:
  ///   - path: Where the type was found, for the refusal.
  ///   - byteCount: How many bytes each value takes there, which is its stride in an array; `nil`
  ///     for its size alone, as in a structure, where the next field may begin before the stride
  ///     ends.
  static func layout<Value>(
    of type: Value.Type, path: String, byteCount: Int?
  ) throws(Refusal) -> ElementLayout {
    if let scalar = type as? any ScalarLayout.Type {
      return ElementLayout(.scalar(scalar.scalar), byteCount: MemoryLayout<Value>.size)
    }
    if let sequence = type as? any SequenceLayout.Type {
      return try sequence.layout(path: path, byteCount: byteCount)
    }
    let fields = try fields(of: type, path: path)
    guard MemoryLayout<Value>.size > 0 else { throw Refusal(message: "\(path) has no fields") }
    guard !fields.isEmpty else {
      throw Refusal(message: "the fields of \(path), which is \(type), are not known")
    }
    return ElementLayout(.record(fields), byteCount: byteCount ?? MemoryLayout<Value>.size)
  }

  private static func fields<Value>(
    of type: Value.Type, path: String
  ) throws(Refusal) -> [Field] {
    var fields: [Field] = []
    var refusal: Refusal?
    // SAFETY: the names are strings that live as long as the type does, and are copied here.
    _ = unsafe _forEachField(of: type) { name, offset, type, kind in
      do throws(Refusal) {
        // A name that is not a plain identifier has backticks, and its spaces are non-breaking.
        let name = String(
          unsafe String(cString: name).compactMap { character in
            switch character {
            case "`": nil
            case "\u{A0}": " "
            default: character
            }
          })
        // The fields of a tuple are called `.0`, `.1`, and in numpy `f0`, `f1`.
        let isNumbered = name.hasPrefix(".")
        let layout = try Self.layout(
          ofField: type, kind, path: isNumbered ? path + name : "\(path).\(name)")
        fields.append(
          Field(
            name: isNumbered ? "f" + name.dropFirst() : name, offset: offset, layout: layout))
        return true
      } catch {
        refusal = error
        return false
      }
    }
    if let refusal { throw refusal }
    return fields
  }

  private static func layout(
    ofField type: any Any.Type, _ kind: _MetadataKind, path: String
  ) throws(Refusal) -> ElementLayout {
    func open<Value>(_ type: Value.Type) throws(Refusal) -> ElementLayout {
      try layout(of: type, path: path, byteCount: nil)
    }
    if type == Bool.self { throw Refusal(message: "\(path) is Bool; use UInt8") }
    switch kind {
    case .struct where type is any Shareable.Type:
      return try open(type)
    case .struct:
      // A fault in one of its fields says more than the missing declaration.
      if !isPointer(type) { _ = try open(type) }
      throw Refusal(
        message: isPointer(type)
          ? "\(path) is \(type), which leads nowhere in another process; use an offset"
          : "\(path) is \(type), which does not conform to Shareable")
    case .tuple:
      return try open(type)
    case .enum:
      throw Refusal(message: "\(path) is the enumeration \(type); use an integer")
    case .optional:
      throw Refusal(message: "\(path) is \(type); use a value that stands for none")
    default:
      throw Refusal(message: "\(path) is \(type), which means nothing in another process")
    }
  }

  private static func isPointer(_ type: any Any.Type) -> Bool {
    // All pointers of the standard library conform to this protocol, except OpaquePointer.
    unsafe type is any _Pointer.Type || type == OpaquePointer.self
  }
}

// MARK: - The types without fields

/// A type that is a number.
private protocol ScalarLayout {
  static var scalar: ElementLayout.Scalar { get }
}

extension ScalarLayout where Self: FixedWidthInteger {
  static var scalar: ElementLayout.Scalar {
    ElementLayout.Scalar(kind: isSigned ? "i" : "u", byteCount: MemoryLayout<Self>.size)
  }
}

extension ScalarLayout where Self: BinaryFloatingPoint {
  static var scalar: ElementLayout.Scalar {
    ElementLayout.Scalar(kind: "f", byteCount: MemoryLayout<Self>.size)
  }
}

extension Int8: ScalarLayout {}
extension Int16: ScalarLayout {}
extension Int32: ScalarLayout {}
extension Int64: ScalarLayout {}
extension Int: ScalarLayout {}
extension Int128: ScalarLayout {}
extension UInt8: ScalarLayout {}
extension UInt16: ScalarLayout {}
extension UInt32: ScalarLayout {}
extension UInt64: ScalarLayout {}
extension UInt: ScalarLayout {}
extension UInt128: ScalarLayout {}
extension Float: ScalarLayout {}
extension Double: ScalarLayout {}
#if !(os(macOS) && arch(x86_64))
  extension Float16: ScalarLayout {}
#endif

/// A type that consists of consecutive elements.
private protocol SequenceLayout {
  static func layout(
    path: String, byteCount: Int?
  ) throws(ElementLayout.Refusal) -> ElementLayout
}

extension InlineArray: SequenceLayout {
  static func layout(
    path: String, byteCount: Int?
  ) throws(ElementLayout.Refusal) -> ElementLayout {
    guard count > 0 else { throw ElementLayout.Refusal(message: "\(path) has no elements") }
    let element = try ElementLayout.layout(
      of: Element.self, path: "\(path)[0]", byteCount: MemoryLayout<Element>.stride)
    return ElementLayout(.array(count: count, element), byteCount: MemoryLayout<Self>.size)
  }
}

extension SIMD where Self: SequenceLayout {
  static func layout(
    path: String, byteCount: Int?
  ) throws(ElementLayout.Refusal) -> ElementLayout {
    let scalar = try ElementLayout.layout(
      of: Scalar.self, path: path, byteCount: MemoryLayout<Scalar>.stride)
    let count = Self.scalarCount
    let lanes = ElementLayout(
      .array(count: count, scalar), byteCount: count * MemoryLayout<Scalar>.stride)
    guard let byteCount, byteCount > lanes.byteCount else { return lanes }
    // A vector of three has room for four. An array cannot have padding, but a record can.
    let field = ElementLayout.Field(name: "lanes", offset: 0, layout: lanes)
    return ElementLayout(.record([field]), byteCount: byteCount)
  }
}

extension SIMD2: SequenceLayout {}
extension SIMD3: SequenceLayout {}
extension SIMD4: SequenceLayout {}
extension SIMD8: SequenceLayout {}
extension SIMD16: SequenceLayout {}
extension SIMD32: SequenceLayout {}
extension SIMD64: SequenceLayout {}
