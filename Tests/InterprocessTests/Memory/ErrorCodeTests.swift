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

import Interprocess
import SystemPackage
import Testing

@Suite("Codes of errors")
struct ErrorCodeTests {
  private typealias Code = InterprocessError.Code

  /// One code of each kind, with its printed form.
  private static let codes: [(Code, String)] = [
    (.alreadyExists, "alreadyExists"), (.notFound, "notFound"),
    (.permissionDenied, "permissionDenied"), (.foreignOwner, "foreignOwner"),
    (.perhapsInUse, "perhapsInUse"), (.invalidName, "invalidName"),
    (.invalidSize, "invalidSize"),
    (.outOfMemory(needed: 5, available: 3), "outOfMemory(needed: 5, available: 3)"),
    (.wrongKind(expected: "a", found: "b"), #"wrongKind(expected: "a", found: "b")"#),
    (.layoutMismatch(expected: "a", found: "b"), #"layoutMismatch(expected: "a", found: "b")"#),
    (.unsupportedVersion, "unsupportedVersion"), (.finished, "finished"),
    (.roleTaken, "roleTaken"), (.limitReached, "limitReached"), (.ownerDied, "ownerDied"),
    (.corrupted("torn"), #"corrupted("torn")"#),
    (.valueNotRepresentable, "valueNotRepresentable"), (.timedOut, "timedOut"),
    (.interrupted, "interrupted"), (.system(.noSpace), "system(\(Errno.noSpace))"),
  ]

  @Test("Each code is printed as it is written, and equals only itself")
  func identity() {
    for (index, (code, text)) in Self.codes.enumerated() {
      #expect("\(code)" == text)
      #expect(text.hasPrefix("\(code.kind)"))
      #expect(Self.codes.indices.filter { Self.codes[$0].0 == code } == [index])
      #expect(Self.codes.indices.filter { Self.codes[$0].0.kind == code.kind } == [index])
    }
    #expect(Code.system(.noSpace) != .system(.noMemory))
    #expect(Code.corrupted("torn") != .corrupted("cut off"))
  }

  @Test("A pattern without details matches its own kind, and one with details only those details")
  func patterns() {
    func word(_ code: Code) -> String {
      switch code {
      case .outOfMemory: "room"
      case .wrongKind: "kind"
      case .layoutMismatch: "layout"
      case .corrupted("torn"): "torn"
      case .corrupted: "bytes"
      case .system(.noSpace): "space"
      case .system: "system"
      case .timedOut: "time"
      default: "other"
      }
    }
    #expect(word(.outOfMemory(needed: 1, available: 0)) == "room")
    #expect(word(.wrongKind(expected: "a", found: "b")) == "kind")
    #expect(word(.layoutMismatch(expected: "a", found: "b")) == "layout")
    #expect(word(.corrupted("torn")) == "torn" && word(.corrupted("cut off")) == "bytes")
    #expect(word(.system(.noSpace)) == "space" && word(.system(.noMemory)) == "system")
    #expect(word(.timedOut) == "time" && word(.interrupted) == "other")
  }

  @Test("A code contains its details, and no others")
  func details() throws {
    let room = try #require(Code.outOfMemory(needed: 5, available: 3).room)
    #expect(room == (5, 3))
    for code: Code in [
      .wrongKind(expected: "a", found: "b"), .layoutMismatch(expected: "a", found: "b"),
    ] {
      let difference = try #require(code.difference)
      #expect(difference == ("a", "b"))
    }
    #expect(Code.corrupted("torn").reason == "torn")
    for (code, _) in Self.codes {
      #expect((code.room != nil) == (code.kind == .outOfMemory))
      #expect((code.difference != nil) == [.wrongKind, .layoutMismatch].contains(code.kind))
      #expect((code.reason != nil) == (code.kind == .corrupted))
    }
  }
}
