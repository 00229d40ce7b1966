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

import Subprocess

extension Python {
  /// Starts this interpreter with a program that understands the helper's basic commands, and talks
  /// to it.
  ///
  /// The commands are `create NAME BYTES`, `attach NAME`, `get OFFSET`, `set OFFSET VALUE`,
  /// `getDouble OFFSET`, `setDouble OFFSET VALUE`, `close`, `unlink`, and `exec STATEMENT` with the
  /// block as `shm`. The interpreter's own clean-up of names is switched off, as a program that
  /// shares memory with others must do.
  ///
  /// - Parameter place: Where the interpreter sees a `/dev/shm` other than that of this process.
  package func withSession<Result: Sendable>(
    in place: PrivateSharedMemory? = nil, _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    let arguments = ["-u", "-c", Self.session]
    let (status, result) =
      if let place {
        try await place.withChildProcess(path, arguments, body)
      } else {
        try await withChildProcess(path, arguments, body)
      }
    guard status.isSuccess else {
      throw SessionFailure(interpreter: description, status: "\(status)")
    }
    return result
  }

  package struct SessionFailure: Error {
    var interpreter: String
    var status: String
  }

  private static let session = """
    import struct, sys
    from multiprocessing import resource_tracker, shared_memory

    def opened(**arguments):
        if sys.version_info >= (3, 13):
            return shared_memory.SharedMemory(track=False, **arguments)
        shm = shared_memory.SharedMemory(**arguments)
        resource_tracker.unregister(shm._name, "shared_memory")
        return shm

    def unlink(shm):
        if sys.version_info < (3, 13):
            resource_tracker.register(shm._name, "shared_memory")
        shm.unlink()

    def perform(words):
        global shm
        command, arguments = words[0], words[1:]
        if command == "create":
            shm = opened(name=arguments[0], create=True, size=int(arguments[1]))
            return shm.size
        if command == "attach":
            shm = opened(name=arguments[0])
            return shm.size
        if command == "get":
            return shm.buf[int(arguments[0])]
        if command == "set":
            shm.buf[int(arguments[0])] = int(arguments[1])
            return ""
        if command == "getDouble":
            return struct.unpack_from("d", shm.buf, int(arguments[0]))[0]
        if command == "setDouble":
            struct.pack_into("d", shm.buf, int(arguments[0]), float(arguments[1]))
            return ""
        if command == "close":
            shm.close()
            return ""
        if command == "unlink":
            unlink(shm)
            return ""
        if command == "exec":
            scope = {"shm": shm, "result": ""}
            exec(" ".join(arguments), scope)
            return scope["result"]
        raise NotImplementedError(command)

    codes = {FileExistsError: "alreadyExists", FileNotFoundError: "notFound"}
    for line in sys.stdin:
        try:
            print("ok", perform(line.split()))
        except Exception as error:
            print("error", codes.get(type(error), type(error).__name__))
    """
}
