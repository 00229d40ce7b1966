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

internal import SystemPackage

extension SharedMemory {
  /// Where pages come from, and what to say if there are too few.
  enum Room {
    /// Throws if that many bytes are not available; the error names the limit.
    ///
    /// Checked before the pages are taken. A request that is far too large would first take all
    /// that is left from every other process; and at the limit of a control group the kernel
    /// reports no error, but ends a process.
    ///
    /// - Parameters:
    ///   - byteCount: How many bytes are to be taken.
    ///   - isFileSystemAsked: Whether to check the file system even if it would report an error
    ///     itself and take nothing: for bytes that are taken in one step.
    static func check(
      _ byteCount: Int, for name: SegmentName?, in descriptor: borrowing Descriptor,
      alwaysAskingFileSystem isFileSystemAsked: Bool = false
    ) throws(InterprocessError) {
      if isFileSystemAsked || byteCount > Files.reservationStepByteCount,
        let room = try? Files.room(of: descriptor), byteCount > room.availableByteCount
      {
        throw full(byteCount, for: name, room, nil)
      }
      if let limit = MemoryLimit.forbidding(byteCount) {
        throw beyond(limit, byteCount, for: name, nil)
      }
    }

    /// The error for a call that failed for lack of room (`ENOSPC`, `ENOMEM`, `EDQUOT`).
    ///
    /// - Parameter takenByteCount: How many of those bytes the caller already has, and gives back.
    static func error(
      _ byteCount: Int, for name: SegmentName?, in descriptor: borrowing Descriptor, _ errno: Errno,
      taken takenByteCount: Int = 0
    ) -> InterprocessError {
      // The kernel's own accounting of memory reports ENOMEM, whatever room the file system has.
      if errno == .noMemory {
        let limit = MemoryLimit.tightest()
        if let limit, byteCount > limit.availableByteCount {
          return beyond(limit, byteCount, for: name, errno)
        }
        let available = limit?.availableByteCount ?? 0
        return InterprocessError(
          code: .outOfMemory(needed: byteCount, available: available), name: name?.value,
          message: """
            The system gives no memory for \(description(of: name)): \(byteCount) bytes are \
            needed, and it does not give out all of the \(available) that are free (see \
            `vm.overcommit_memory`).
            """,
          errno: errno)
      }
      return full(
        byteCount, for: name, try? Files.room(of: descriptor), errno, taken: takenByteCount)
    }

    /// The error for a file that could not be created for lack of room.
    static func error(
      _ byteCount: Int, for name: SegmentName?, _ errno: Errno
    ) -> InterprocessError {
      full(byteCount, for: name, try? Files.room(at: SegmentName.directory), errno)
    }

    // MARK: - Messages

    private static func full(
      _ byteCount: Int, for name: SegmentName?, _ room: Files.Room?, _ errno: Errno?,
      taken takenByteCount: Int = 0
    ) -> InterprocessError {
      let directory = SegmentName.directory
      var available = room?.availableByteCount ?? 0
      available += min(takenByteCount, .max - available)
      var message: String
      if let room, room.hasNoFileLeft, errno == .noSpace, let fileCount = room.fileCount {
        available = 0
        message = """
          No room in \(directory) for \(description(of: name)): all its \(fileCount) files \
          (inodes) are in use, however many bytes are free. Remove what is not in use, or mount \
          \(directory) with a greater `nr_inodes`.
          """
      } else if errno == .diskQuotaExceeded {
        message = """
          This user's quota in \(directory) has no room for \(description(of: name)): \
          \(byteCount) bytes are needed. Remove what is not in use, or raise the quota.
          """
      } else {
        message = """
          No room in \(directory) for \(description(of: name)): \(byteCount) bytes are needed and \
          \(available) are free. Remove what is not in use, or enlarge \(directory).
          """
        if room?.byteCount == 64 << 20 {
          message += """
             Its 64 MiB are what Docker gives a container: start it with `--shm-size=1g`, in \
            Compose with `shm_size: 1g`; in Kubernetes, mount an `emptyDir` volume of \
            `medium: Memory` there.
            """
        }
      }
      return InterprocessError(
        code: .outOfMemory(needed: byteCount, available: available), name: name?.value,
        message: message, errno: errno)
    }

    private static func beyond(
      _ limit: MemoryLimit, _ byteCount: Int, for name: SegmentName?, _ errno: Errno?
    ) -> InterprocessError {
      let room = "\(byteCount) bytes are needed and \(limit.availableByteCount) are free"
      let message =
        switch limit.source {
        case .controlGroup(let directory, let limitByteCount):
          """
          No room in the control group \(directory) for \(description(of: name)): \(room) below \
          its memory limit of \(limitByteCount) bytes. Raise that limit, or remove what is not in \
          use: shared memory counts for the group whose process touched it first.
          """
        case .machine:
          """
          No room in the memory of this machine for \(description(of: name)): \(room). Remove \
          what is not in use, or end other programs.
          """
        }
      return InterprocessError(
        code: .outOfMemory(needed: byteCount, available: limit.availableByteCount),
        name: name?.value, message: message, errno: errno)
    }

    /// The calls that take the pages of memory before any other process can see it.
    static let reservingCalls = "fallocate and pwrite64"

    static func description(of name: SegmentName?) -> String {
      if let name { "shared memory \"\(name.value)\"" } else { "shared memory" }
    }
  }

  // MARK: - Holes

  /// Takes the pages that the memory does not have yet; their bytes are zero.
  ///
  /// After a failure, the pages already taken stay: other processes may have written there.
  borrowing func reserve() throws(InterprocessError) {
    let missing = try checkRoomForMissing()
    let range = 0..<byteCount
    do throws(Errno) {
      do throws(Errno) {
        // Does not change the size, in case the file has been shrunk.
        try Files.takePages(of: range, in: mapping.descriptor)
      } catch {
        guard Files.isRefusal(ofReservation: error) else { throw error }
        // Writing zeros would overwrite what other processes write meanwhile.
        try MemoryMap.populate(mapping.range)
      }
    } catch {
      throw try reserving(error, missing: missing)
    }
  }

  /// Throws if there is no room for the pages that the memory does not have yet.
  ///
  /// - Returns: How many bytes are missing.
  borrowing func checkRoomForMissing() throws(InterprocessError) -> Int {
    let page = Files.pageByteCount
    let resident =
      (try? Files.status(of: mapping.descriptor).residentByteCount) ?? 0
    // An upper bound; pages past the end of the file are counted as well.
    let missing = (byteCount + page - 1) / page * page - resident
    if missing > 0 {
      try Room.check(
        missing, for: segmentName, in: mapping.descriptor, alwaysAskingFileSystem: true)
    }
    return missing
  }

  /// The error for a call that could not take the missing pages.
  borrowing func reserving(
    _ errno: Errno, missing: Int
  ) throws(InterprocessError) -> InterprocessError {
    // Bytes cut off the file have no pages.
    _ = try presentByteCount()
    return switch errno {
    case .notPermitted, .noFunction, .notSupported, .invalidArgument:
      .callRefused(segmentName, "fallocate and madvise (MADV_POPULATE_WRITE)", errno)
    case .noSpace, .noMemory, .diskQuotaExceeded:
      Room.error(
        max(missing, Files.pageByteCount), for: segmentName, in: mapping.descriptor, errno)
    default:
      .system(
        errno, name: segmentName?.value, action: "reserve \(Room.description(of: segmentName))")
    }
  }
}
