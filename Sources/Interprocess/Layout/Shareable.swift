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

/// Plain data that makes sense to every process that sees its bytes.
///
/// A shareable type holds no pointer and no reference, and every pattern of its bits is a valid
/// value, since another process may have written any. The integers and the floating-point numbers
/// are shareable.
///
/// Do not declare it for `Bool`, enumerations and optionals, which have bit patterns that are no
/// values, and not for anything with a pointer in it, which leads nowhere in another process.
public protocol Shareable: BitwiseCopyable {}

extension Int8: Shareable {}
extension Int16: Shareable {}
extension Int32: Shareable {}
extension Int64: Shareable {}
extension Int: Shareable {}
extension UInt8: Shareable {}
extension UInt16: Shareable {}
extension UInt32: Shareable {}
extension UInt64: Shareable {}
extension UInt: Shareable {}
extension Float: Shareable {}
extension Double: Shareable {}
