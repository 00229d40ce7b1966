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

internal import Interprocess
internal import TestSupport

/// A message of several words, each of which follows from the publisher and a number.
struct WordMessage {
  let sender: UInt32
  let number: UInt32

  init(sender: UInt32, number: UInt32) {
    self.sender = sender
    self.number = number
  }

  static let maximumCount = 40

  /// The number of words.
  var count: Int { 1 + Int(number &* 7 % UInt32(Self.maximumCount)) }

  private var first: UInt64 { UInt64(sender) << 32 | UInt64(number) }

  func write(to words: inout MutableSpan<UInt64>) {
    words[0] = first
    for index in 1..<words.count { words[index] = mix(first &+ UInt64(index)) }
  }

  /// The message in these words; `nil` if it is not whole.
  init?(_ words: Span<UInt64>) {
    sender = UInt32(truncatingIfNeeded: words[0] >> 32)
    number = UInt32(truncatingIfNeeded: words[0])
    for index in 1..<words.count where words[index] != mix(first &+ UInt64(index)) { return nil }
  }
}

/// What the messages of a campaign's topic consist of.
protocol CampaignElement: Shareable {
  /// The greatest number of elements of a message.
  static var maximumCount: Int { get }

  static func count(of message: WordMessage) -> Int
  static func write(_ message: WordMessage, to elements: inout MutableSpan<Self>)
  /// The message as one element, if all are.
  static func element(of message: WordMessage) -> Self?
  /// The message in these elements; `nil` if it is not whole.
  static func message(in elements: Span<Self>) -> WordMessage?
}

/// Messages in slots.
extension UInt64: CampaignElement {
  static var maximumCount: Int { WordMessage.maximumCount }

  static func count(of message: WordMessage) -> Int { message.count }

  static func write(_ message: WordMessage, to elements: inout MutableSpan<UInt64>) {
    message.write(to: &elements)
  }

  static func element(of message: WordMessage) -> UInt64? { nil }

  static func message(in elements: Span<UInt64>) -> WordMessage? {
    WordMessage(elements).flatMap { elements.count == $0.count ? $0 : nil }
  }
}

/// Messages in their entries, which they fill.
struct EntryWords: CampaignElement {
  var words = InlineArray<7, UInt64>(repeating: 0)

  static var maximumCount: Int { 1 }

  static func count(of message: WordMessage) -> Int { 1 }

  static func write(_ message: WordMessage, to elements: inout MutableSpan<EntryWords>) {
    elements[0] = element(of: message)!
  }

  static func element(of message: WordMessage) -> EntryWords? {
    var element = EntryWords()
    var words = element.words.mutableSpan
    message.write(to: &words)
    return element
  }

  static func message(in elements: Span<EntryWords>) -> WordMessage? {
    let element = elements[0]
    return elements.count == 1 ? WordMessage(element.words.span) : nil
  }
}
