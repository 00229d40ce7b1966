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

/// Plain data that means the same in every process that sees its bytes.
///
/// A shareable type holds no pointer and no reference, and every pattern of its bits is a valid
/// value, since another process may have written any. The integers, the floating-point numbers, and
/// vectors and inline arrays of shareable elements are shareable; a structure of such fields
/// becomes shareable by a declaration:
///
/// ```swift
/// struct Particle: Shareable {
///   var position: SIMD4<Float>
///   var mass: Double
///   var neighbours: InlineArray<4, Int32>
///   var isFixed: UInt8    // not Bool
/// }
/// ```
///
/// `Bool`, enumerations and optionals have bit patterns that are not values, and a pointer leads
/// nowhere in another process. The compiler cannot see that a structure has such a field. The types
/// that store elements, such as ``SharedArray``, check the fields when they are created or
/// attached, and stop the program with the path of the field and the type to use instead:
/// `Particle.isFixed is Bool; use UInt8`. The loads and stores of ``SharedMemory`` do not check, as
/// that would cost more than the access.
public protocol Shareable: BitwiseCopyable {}

/// A shareable number that can also be an element of a vector.
///
/// All fixed-width integers and floating-point numbers of the standard library that a vector can
/// contain conform; there is no need to declare it for other types.
public protocol ShareableScalar: Shareable, SIMDScalar, Hashable, Codable
where
  SIMD2Storage: BitwiseCopyable, SIMD4Storage: BitwiseCopyable, SIMD8Storage: BitwiseCopyable,
  SIMD16Storage: BitwiseCopyable, SIMD32Storage: BitwiseCopyable, SIMD64Storage: BitwiseCopyable
{}

extension Int8: ShareableScalar {}
extension Int16: ShareableScalar {}
extension Int32: ShareableScalar {}
extension Int64: ShareableScalar {}
extension Int: ShareableScalar {}
extension UInt8: ShareableScalar {}
extension UInt16: ShareableScalar {}
extension UInt32: ShareableScalar {}
extension UInt64: ShareableScalar {}
extension UInt: ShareableScalar {}
extension Float: ShareableScalar {}
extension Double: ShareableScalar {}
#if !(os(macOS) && arch(x86_64))
  extension Float16: ShareableScalar {}
#endif

extension Int128: Shareable {}
extension UInt128: Shareable {}

extension SIMD2: Shareable where Scalar: ShareableScalar {}
extension SIMD3: Shareable where Scalar: ShareableScalar {}
extension SIMD4: Shareable where Scalar: ShareableScalar {}
extension SIMD8: Shareable where Scalar: ShareableScalar {}
extension SIMD16: Shareable where Scalar: ShareableScalar {}
extension SIMD32: Shareable where Scalar: ShareableScalar {}
extension SIMD64: Shareable where Scalar: ShareableScalar {}

extension InlineArray: Shareable where Element: Shareable {}
