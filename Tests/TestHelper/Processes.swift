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

/// Starts this program with other arguments.
func spawnSelf(_ arguments: [String]) throws(Errno) -> pid_t {
  var pointers = ([CommandLine.arguments[0]] + arguments).map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  var process: pid_t = 0
  let error = posix_spawn(&process, "/proc/self/exe", nil, nil, &pointers, environ)
  guard error == 0 else { throw Errno(rawValue: error) }
  return process
}

/// Waits until a child has ended, and returns its status as `waitpid` does.
func waitForExit(_ process: pid_t) -> CInt {
  var status: CInt = -1
  while waitpid(process, &status, 0) == -1 && errno == EINTR {}
  return status
}
