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

/// Which processes have which files mapped, according to `/proc`, and which processes it hides.
struct ProcessTable: Sendable {
  struct Entry: Sendable, Hashable {
    var processID: Int32
    var command: String
  }

  /// A process that this user may not look into, or that could not be read for another reason.
  struct HiddenProcess: Sendable {
    var entry: Entry
    var credentials: Credentials
    /// The map of its user namespace, for which its capabilities count, if it has any that matter.
    fileprivate var userMap: [UInt8]?
    fileprivate var groupMap: [UInt8]?
  }

  /// Why there may be processes of which the table knows nothing at all.
  enum Gap: Sendable, Hashable {
    /// There is no `/proc` here, or it does not belong to this process's namespace.
    case missing
    /// It could not be read.
    case failed(Errno)
    /// It leaves out processes of other users (`hidepid`).
    case hidden
  }

  /// The processes that have a file of the device mapped, by file; in the order of their numbers.
  private(set) var entries: [KernelFile: [Entry]] = [:]
  private(set) var hiddenProcesses: [HiddenProcess] = []
  private(set) var gap: Gap?

  /// Looks through all processes once.
  ///
  /// A process that ends meanwhile is left out. A process that cannot be looked into for any other
  /// reason counts as hidden.
  ///
  /// - Parameters:
  ///   - device: Only files of this device are recorded.
  ///   - mounts: What is known of `/proc`.
  /// - Complexity: Linear in the number of all mappings of all processes.
  init(device: String, mounts: MountTable) {
    let names: [[UInt8]]
    do {
      names = try Files.names(in: "/proc")
    } catch {
      gap = error == .noSuchFileOrDirectory ? .missing : .failed(error)
      return
    }
    let processIDs = names.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.sorted()
    // A `/proc` of a namespace to which this process does not belong has no such link.
    if processIDs.isEmpty || (try? Files.statusOfTarget(at: "/proc/self")) == nil {
      gap = .missing
    } else if mounts.hidesProcesses || processIDs[0] != 1 {
      gap = .hidden
    }
    for processID in processIDs { look(at: processID, device: device) }
  }

  private mutating func look(at processID: Int32, device: String) {
    let directory = "/proc/\(processID)"
    do {
      let identities = try Self.mappedFiles(of: directory, device: device)
      if identities.isEmpty { return }
      // A missing name is no reason to leave out the process.
      let comm = (try? Files.contents(of: "\(directory)/comm")) ?? []
      let command = String(decoding: comm.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      for identity in identities {
        entries[identity, default: []].append(Entry(processID: processID, command: command))
      }
    } catch {
      if error.saysGone { return }
      do {
        let text = try Files.contents(of: "\(directory)/status")
        guard let status = ProcessStatus(text) else {
          gap = gap ?? .hidden
          return
        }
        // A process that has ended or that belongs to the kernel has nothing mapped.
        if status.hasMemory || status.threadCount > 1 { hide(processID, status) }
      } catch {
        if error.saysGone { return }
        let isForbidden = error == .permissionDenied || error == .notPermitted
        gap = gap ?? (isForbidden ? .hidden : .failed(error))
      }
    }
  }

  private mutating func hide(_ processID: Int32, _ status: ProcessStatus) {
    var process = HiddenProcess(
      entry: Entry(processID: processID, command: status.command),
      credentials: status.credentials)
    if status.credentials.ignoresModes {
      process.userMap = try? Files.contents(of: "/proc/\(processID)/uid_map")
      process.groupMap = try? Files.contents(of: "/proc/\(processID)/gid_map")
    }
    hiddenProcesses.append(process)
  }

  // MARK: - Queries

  /// The hidden processes that may have a file open: because their users and groups match its mode,
  /// or because of a capability.
  ///
  /// Not counted are files that a process got from another one, or opened as another user or while
  /// the file had another mode. Root is not counted either: it may open any file, and on every
  /// machine some process of root cannot be looked into, so that nothing would ever count as
  /// unused.
  func suspects(_ file: Files.Status, hasAccessList: Bool) -> [HiddenProcess] {
    let maps = (
      users: try? Files.contents(of: "/proc/self/uid_map"),
      groups: try? Files.contents(of: "/proc/self/gid_map")
    )
    return hiddenProcesses.filter { process in
      let credentials = process.credentials
      if credentials.effectiveUserID == 0 { return false }
      if credentials.canOpen(file, hasAccessList: hasAccessList) { return true }
      guard credentials.ignoresModes else { return false }
      // In a separate user namespace, a process has all capabilities, and they count for the users
      // and groups that the namespace maps.
      guard let userMap = process.userMap, let groupMap = process.groupMap else { return true }
      return NamespaceMap.knows(file.userID, in: userMap, ownText: maps.users ?? [])
        && NamespaceMap.knows(file.groupID, in: groupMap, ownText: maps.groups ?? [])
    }
  }

  /// The processes that have a file open, mapped or not, among those that may be looked into.
  ///
  /// - Complexity: Linear in the number of descriptors that all processes have open.
  static func openers(of file: FileIdentity) -> [Entry] {
    let processIDs = ((try? Files.names(in: "/proc")) ?? [])
      .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
      .sorted()
    return processIDs.compactMap { processID in
      let directory = "/proc/\(processID)/fd"
      let hasFile = ((try? Files.names(in: directory)) ?? []).contains { number in
        let path = "\(directory)/\(String(decoding: number, as: UTF8.self))"
        return (try? Files.statusOfTarget(at: path))?.identity == file
      }
      guard hasFile, processID != getpid() else { return nil }
      let comm = (try? Files.contents(of: "/proc/\(processID)/comm")) ?? []
      return Entry(
        processID: processID,
        command: String(decoding: comm.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
  }

  // MARK: - Mappings

  /// The files of `device` that a process has mapped.
  ///
  /// - Parameter directory: The directory of the process in `/proc`.
  private static func mappedFiles(
    of directory: String, device: String
  ) throws(Errno) -> Set<KernelFile> {
    let maps = try Files.contents(of: "\(directory)/maps")
    if !maps.isEmpty { return mappedFiles(in: maps + [0], device: device) }
    // A kernel thread; or a process whose first thread has ended, while others still have the
    // memory.
    for thread in try Files.names(in: "\(directory)/task") {
      let path = "\(directory)/task/\(String(decoding: thread, as: UTF8.self))/maps"
      do {
        let maps = try Files.contents(of: path)
        if !maps.isEmpty { return mappedFiles(in: maps + [0], device: device) }
      } catch {
        if !error.saysGone { throw error }
      }
    }
    return []
  }

  /// The files of `device` in the text of a `/proc/PID/maps`, ended by a NUL, whose lines are
  /// `address-range permissions offset major:minor inode path`, with the device in hexadecimal.
  static func mappedFiles(in maps: [UInt8], device: String) -> Set<KernelFile> {
    let newline = UInt8(ascii: "\n")
    var identities: Set<KernelFile> = []
    // Most lines are for other devices, or for none; only those that contain the device are parsed.
    var position = 0
    while let match = firstOffset(of: " \(device) ", in: maps, from: position) {
      let start = maps[..<match].lastIndex(of: newline).map { $0 + 1 } ?? 0
      let end = maps[match...].firstIndex(of: newline) ?? maps.endIndex
      position = end
      // The path may contain the same characters, so the position of the field is checked.
      let fields = maps[start..<end].split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count >= 5, fields[3].elementsEqual(device.utf8),
        let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
      else { continue }
      identities.insert(KernelFile(device: device, inode: inode))
    }
    return identities
  }

  /// The offset of a text in bytes that end with a NUL.
  private static func firstOffset(of text: String, in bytes: [UInt8], from offset: Int) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress, offset < buffer.count else { return nil }
      // SAFETY: the caller has put a NUL at the end, and `strstr` does not read past it.
      let begin = unsafe (start + offset).assumingMemoryBound(to: CChar.self)
      return unsafe strstr(begin, text).map { unsafe UnsafeRawPointer($0) - start }
    }
  }
}

extension Errno {
  /// Whether the error means that a process has ended, rather than that it may not be looked into.
  fileprivate var saysGone: Bool { self == .noSuchFileOrDirectory || self == .noSuchProcess }
}
