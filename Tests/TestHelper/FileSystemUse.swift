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

/// The free space in `/dev/shm`.
struct FreeSpace: Equatable {
  var blockCount: Int
  var fileCount: Int

  static func now() throws -> FreeSpace {
    let directory = try FileDescriptor.open(FilePath("/dev/shm"), .readOnly)
    return try directory.closeAfter {
      var status = statvfs()
      guard fstatvfs(directory.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
      return FreeSpace(blockCount: Int(status.f_bfree), fileCount: Int(status.f_ffree))
    }
  }
}

/// The descriptors and mappings of this process.
struct ProcessUse: Equatable {
  var descriptorCount: Int
  /// The number of mappings of files in `/dev/shm`.
  var sharedMappingCount: Int
  var mappingCount: Int

  static func now() -> ProcessUse {
    // This count always includes the descriptor that reads the directory.
    let descriptorCount = fileNames(in: "/proc/self/fd").count
    var use = ProcessUse(descriptorCount: descriptorCount, sharedMappingCount: 0, mappingCount: 0)
    guard let maps = fopen("/proc/self/maps", "re") else { fatalError("No /proc/self/maps") }
    defer { fclose(maps) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, maps) > 0 {
      use.mappingCount += 1
      if let line, strstr(line, " /dev/shm/") != nil { use.sharedMappingCount += 1 }
    }
    return use
  }
}

/// The names in a directory, without `.` and `..`, sorted.
func fileNames(in directory: String) -> [String] {
  guard let stream = opendir(directory) else { fatalError("Cannot read \(directory)") }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let bytes = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
    let name = String(cString: bytes)
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}
