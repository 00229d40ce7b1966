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

import CInterprocess
import Foundation
import Testing

@testable import Interprocess

@Suite("Article of the layout")
struct LayoutArticleTests {
  /// Where each row of a table of the article lies, by the heading or the words above the table.
  ///
  /// The offsets of fields of the C header, and its sizes where a table goes on behind a structure.
  private static let tables: [(above: String, offsets: [Int])] = [
    (
      "### Header",
      [
        fieldOffset(\ipc_segment_header.magic), fieldOffset(\ipc_segment_header.version),
        fieldOffset(\ipc_segment_header.kind), fieldOffset(\ipc_segment_header.byte_order),
        fieldOffset(\ipc_segment_header.word_byte_count),
        fieldOffset(\ipc_segment_header.byte_count), fieldOffset(\ipc_segment_header.capacity),
        fieldOffset(\ipc_segment_header.element_size),
        fieldOffset(\ipc_segment_header.element_stride),
        fieldOffset(\ipc_segment_header.element_alignment),
        fieldOffset(\ipc_segment_header.fingerprint),
        fieldOffset(\ipc_segment_header.content_offset),
        fieldOffset(\ipc_segment_header.description_byte_count),
        fieldOffset(\ipc_segment_header.reserved), MemoryLayout<ipc_segment_header>.size,
      ]
    ),
    (
      "Shared value",
      [
        fieldOffset(\ipc_value.version), fieldOffset(\ipc_value.slot_stride),
        fieldOffset(\ipc_value.gate), fieldOffset(\ipc_value.fence_request),
        MemoryLayout<ipc_value>.size,
        Int(IPC_CONTENT_ALIGNMENT),
      ]
    ),
    (
      "Shared mutex",
      [
        fieldOffset(\ipc_mutex.word), fieldOffset(\ipc_mutex.change_count),
        fieldOffset(\ipc_mutex.reserved), MemoryLayout<ipc_mutex>.size,
      ]
    ),
    (
      "Shared read-write lock",
      [
        fieldOffset(\ipc_read_write_lock.word), fieldOffset(\ipc_read_write_lock.gate),
        fieldOffset(\ipc_read_write_lock.reserved), MemoryLayout<ipc_read_write_lock>.size,
        MemoryLayout<ipc_read_write_lock>.size,
      ]
    ),
    (
      "Shared semaphore",
      [
        fieldOffset(\ipc_semaphore.gate), fieldOffset(\ipc_semaphore.reserved),
        MemoryLayout<ipc_semaphore>.size,
      ]
    ),
    (
      "Shared barrier",
      [
        fieldOffset(\ipc_barrier.word), fieldOffset(\ipc_barrier.gate),
        MemoryLayout<ipc_barrier>.size,
      ]
    ),
    (
      "Shared atomic",
      [
        fieldOffset(\ipc_integer.value), fieldOffset(\ipc_integer.gate),
        fieldOffset(\ipc_integer.reserved),
      ]
    ),
    (
      "Shared queue:",
      [
        fieldOffset(\ipc_queue.senders), fieldOffset(\ipc_queue.receivers),
        fieldOffset(\ipc_queue.is_finished), fieldOffset(\ipc_queue.reserved),
        fieldOffset(\ipc_queue.sending), fieldOffset(\ipc_queue.receiving),
        fieldOffset(\ipc_queue.count),
      ]
    ),
    (
      "Each side:",
      [
        fieldOffset(\ipc_queue_side.word), fieldOffset(\ipc_queue_side.change_count),
        fieldOffset(\ipc_queue_side.position), fieldOffset(\ipc_queue_side.limit),
        fieldOffset(\ipc_queue_side.sleep_count), fieldOffset(\ipc_queue_side.woken_count),
        fieldOffset(\ipc_queue_side.message_count), fieldOffset(\ipc_queue_side.reserved),
        fieldOffset(\ipc_queue_side.gate), fieldOffset(\ipc_queue_side.fence_request),
        fieldOffset(\ipc_queue_side.also_reserved),
      ]
    ),
    (
      "Shared queue of bytes",
      [fieldOffset(\ipc_byte_queue.maximum_byte_count), fieldOffset(\ipc_byte_queue.head)]
    ),
    (
      "Shared topic",
      [
        fieldOffset(\ipc_topic.publishers), fieldOffset(\ipc_topic.is_in_entries),
        fieldOffset(\ipc_topic.is_finished), fieldOffset(\ipc_topic.also_reserved),
        fieldOffset(\ipc_topic.maximum_element_count),
        fieldOffset(\ipc_topic.maximum_subscriber_count),
        fieldOffset(\ipc_topic.maximum_sample_count), fieldOffset(\ipc_topic.reserved_too),
        fieldOffset(\ipc_topic.publishing), fieldOffset(\ipc_topic.subscribing),
        fieldOffset(\ipc_topic.received_total), fieldOffset(\ipc_topic.missed_total),
        fieldOffset(\ipc_topic.arrivals), fieldOffset(\ipc_topic.reserved_last),
        MemoryLayout<ipc_topic>.size,
      ]
    ),
    (
      "Each subscriber:",
      [
        fieldOffset(\ipc_subscriber.number), fieldOffset(\ipc_subscriber.reserved),
        fieldOffset(\ipc_subscriber.position), fieldOffset(\ipc_subscriber.received_count),
        fieldOffset(\ipc_subscriber.missed_count), MemoryLayout<ipc_subscriber>.size,
      ]
    ),
  ]

  @Test("The tables of the article give the offsets of the C header")
  func article() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let text = try String(
      contentsOf: root.appending(path: "Sources/Interprocess/Interprocess.docc/Layout.md"),
      encoding: .utf8)
    for (above, offsets) in Self.tables {
      let lines = text.split(separator: "\n")
      let heading = try #require(lines.firstIndex { $0.contains(above) }, "\(above) is missing")
      let first = try #require(
        lines[heading...].firstIndex { $0.hasPrefix("|---") }, "No table follows \(above)")
      let rows = lines[(first + 1)...].prefix { $0.hasPrefix("|") }
      // The first number of a row; rows that begin with words follow from the others.
      let found = rows.compactMap { $0.firstMatch(of: /^\| (\d+)/).flatMap { Int($0.1) } }
      #expect(found == offsets, "\(above)")
    }
  }
}
