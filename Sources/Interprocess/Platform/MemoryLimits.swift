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

internal import Glibc
internal import SystemPackage
internal import Synchronization

/// How much memory this process may still take: within the limits of its control groups, and of the
/// machine.
///
/// A page beyond such a limit causes no error. The kernel ends a process to free pages, most likely
/// the one that asks. So the limits must be checked first.
///
/// Everything here is read from files that a container may hide or fake. Missing or invalid values
/// limit nothing, and cause no error.
package struct MemoryLimit: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// The control group with its files in this directory, and its limit in bytes.
    case controlGroup(directory: String, byteCount: Int)
    /// All memory of the machine.
    case machine
  }

  package var source: Source
  /// How many bytes may be taken for files in memory.
  package var availableByteCount: Int

  /// - Parameter headroom: The bytes below the limit.
  private init(source: Source, headroom: Int) {
    self.source = source
    // Pages need page tables and an index, together less than a hundredth. And processors take
    // memory from a group in advance.
    availableByteCount = max(0, headroom - max(1 << 20, headroom / 64))
  }

  /// The limit with the least room left; `nil` if none is known.
  ///
  /// - Parameter root: The directory that contains `proc`, for tests.
  package static func tightest(root: String = "") -> MemoryLimit? {
    let (available, freeSwap) = machine(root: root)
    var limits = controlGroups(root: root, freeSwap: freeSwap)
    if let available {
      limits.append(MemoryLimit(source: .machine, headroom: available.addingClamped(freeSwap)))
    }
    return limits.min { $0.availableByteCount < $1.availableByteCount }
  }

  // MARK: - Few checks for many small pieces

  // A check reads about ten files, which takes several times as long as creating a small segment.
  // So each check also grants a number of bytes that may be taken within the next second without
  // another check: few compared with what is left, so that even several processes that do this do
  // not reach the limit.
  private static let allowance = Atomic<Int>(0)
  private static let expiry = Atomic<Int>(0)

  /// The limit that forbids taking that many bytes; `nil` if none does.
  ///
  /// Checks every time for more than `Files.reservationStepByteCount`, and otherwise from time to
  /// time.
  static func forbidding(_ byteCount: Int) -> MemoryLimit? {
    let now = seconds()
    if byteCount <= Files.reservationStepByteCount, now < expiry.load(ordering: .relaxed),
      allowance.subtract(byteCount, ordering: .relaxed).newValue >= 0
    {
      return nil
    }
    let limit = tightest()
    if let limit, byteCount > limit.availableByteCount { return limit }
    let left = limit.map { $0.availableByteCount - byteCount } ?? .max
    allowance.store(min(Files.reservationStepByteCount, left / 16), ordering: .relaxed)
    expiry.store(now + 2, ordering: .relaxed)
    return nil
  }

  /// Whole seconds of a clock that cannot be set.
  private static func seconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return time.tv_sec
  }

  // MARK: - The machine

  /// The bytes available without swapping, as the kernel estimates, and the free swap.
  private static func machine(root: String) -> (available: Int?, freeSwap: Int) {
    let fields = Fields(text(of: "\(root)/proc/meminfo"), unit: 1024)
    return (fields["MemAvailable:"], fields["SwapFree:"] ?? 0)
  }

  // MARK: - Control groups

  /// The names of the files in a version of control groups.
  private struct Version {
    /// The type of its file system.
    var fileSystem: String
    var limit: String
    var usage: String
    /// The limit and the usage of swap: together with memory in version 1, alone in version 2.
    var swapLimit: String
    var swapUsage: String
    var countsSwapWithMemory: Bool
    /// What can be reclaimed from the page cache: the parts not used by files in memory.
    var cache: [String]
  }

  private static let version1 = Version(
    fileSystem: "cgroup", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
    swapLimit: "memory.memsw.limit_in_bytes", swapUsage: "memory.memsw.usage_in_bytes",
    countsSwapWithMemory: true, cache: ["total_inactive_file", "total_active_file"])

  private static let version2 = Version(
    fileSystem: "cgroup2", limit: "memory.max", usage: "memory.current",
    swapLimit: "memory.swap.max", swapUsage: "memory.swap.current", countsSwapWithMemory: false,
    cache: ["inactive_file", "active_file", "slab_reclaimable"])

  private static func controlGroups(root: String, freeSwap: Int) -> [MemoryLimit] {
    var limits: [MemoryLimit] = []
    let mounts = text(of: "\(root)/proc/self/mountinfo").split(separator: "\n")
    for group in text(of: "\(root)/proc/self/cgroup").split(separator: "\n") {
      // A line is a number, controllers, and a path, such as "4:memory:/a"; "0::/a" in version 2.
      let parts = group.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let version: Version
      if parts[0] == "0" && parts[1].isEmpty {
        version = version2
      } else if parts[1].split(separator: ",").contains("memory") {
        version = version1
      } else {
        continue
      }
      guard let mount = mounts.lazy.compactMap({ Mount($0, version.fileSystem) }).first else {
        continue
      }
      for directory in mount.directories(from: parts[2]) {
        if let limit = limit(of: directory, version, root: root, freeSwap: freeSwap) {
          limits.append(limit)
        }
      }
    }
    return limits
  }

  /// A mount of control groups with memory limits.
  private struct Mount {
    /// The group that is mounted at `point`.
    var root: Substring
    var point: Substring

    init?(_ line: Substring, _ fileSystem: String) {
      // "35 31 0:32 /root /point rw - cgroup cgroup rw,memory"; any number of words may precede the
      // hyphen.
      let words = line.split(separator: " ")
      guard let end = words.firstIndex(of: "-"), end >= 5, words.count > end + 3,
        words[end + 1] == fileSystem,
        fileSystem == "cgroup2" || words[end + 3].split(separator: ",").contains("memory")
      else { return nil }
      (root, point) = (words[3], words[4])
    }

    /// The directories of a group and of all visible groups around it.
    func directories(from group: Substring) -> [String] {
      // The names of groups mounted elsewhere lead nowhere here. Then the mount itself is the best
      // guess; in a container, it is usually the container's own group.
      var names = group.split(separator: "/")[...]
      let rootNames = root.split(separator: "/")
      names = names.starts(with: rootNames) ? names.dropFirst(rootNames.count) : []
      if names.contains("..") || names.count > 64 { names = [] }
      return (0...names.count).reversed().map { count in
        names.prefix(count).reduce(String(point)) { "\($0)/\($1)" }
      }
    }
  }

  private static func limit(
    of directory: String, _ version: Version, root: String, freeSwap: Int
  ) -> MemoryLimit? {
    func number(_ name: String) -> Int? { Self.number(in: text(of: "\(root)\(directory)/\(name)")) }

    guard let usage = number(version.usage) else { return nil }
    let statistics = Fields(text(of: "\(root)\(directory)/memory.stat"), unit: 1)
    // The second number includes groups around this one that cannot be seen from here.
    guard
      let limit = [number(version.limit), statistics["hierarchical_memory_limit"]]
        .compactMap({ $0 }).min(),
      // Version 1 writes "no limit" as a number at least this large.
      limit < 1 << 60
    else { return nil }

    let cache = version.cache.reduce(0) { $0.addingClamped(statistics[$1] ?? 0) }
    let used = max(0, usage - cache)
    var headroom = max(0, limit - used)
    let swapLimit = number(version.swapLimit) ?? .max
    let swapUsage = number(version.swapUsage) ?? 0
    if version.countsSwapWithMemory {
      headroom = min(
        headroom.addingClamped(freeSwap), max(0, swapLimit - max(0, swapUsage - cache)))
    } else {
      headroom = headroom.addingClamped(min(freeSwap, max(0, swapLimit - swapUsage)))
    }
    return MemoryLimit(
      source: .controlGroup(directory: directory, byteCount: limit), headroom: headroom)
  }

  // MARK: - Files

  /// The text of a file; empty if it cannot be read.
  private static func text(of path: String) -> Substring {
    guard let bytes = try? Files.contents(of: path, atMost: 4 << 20) else { return "" }
    return Substring(decoding: bytes, as: UTF8.self)
  }

  /// The number that makes up a whole text, except for the end of the line.
  private static func number(in text: Substring) -> Int? {
    text.split(separator: "\n").first.flatMap { UInt64($0) }.map { Int(clamping: $0) }
  }

  /// Lines that each have a name and a number.
  private struct Fields {
    private let lines: [Substring]
    private let unit: Int

    init(_ text: Substring, unit: Int) {
      lines = text.split(separator: "\n")
      self.unit = unit
    }

    subscript(_ name: String) -> Int? {
      for line in lines {
        let words = line.split(separator: " ")
        guard words.count >= 2, words[0] == name, let number = UInt64(words[1]) else { continue }
        let (value, overflow) = Int(clamping: number).multipliedReportingOverflow(by: unit)
        return overflow ? .max : value
      }
      return nil
    }
  }
}

extension Int {
  /// The sum of two numbers that are not negative, at most `Int.max`.
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
