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

import Foundation
import Interprocess
import Subprocess
import TestSupport
import Testing

// Input that `load` takes or refuses.
extension LoadSaveTests {
  @Test("A named pipe, a file at standard input and a file without a size can be loaded")
  func otherInputs() async throws {
    try await withTemporaryDirectory { directory in
      let names = (0..<3).map { uniqueName("input\($0)") }
      defer { for name in names { try? SharedMemory.unlink(name) } }
      let script = """
        mkfifo "$4/fifo"; printf fifo > "$4/fifo" & "$SHM" load "$1" "$4/fifo" || exit
        printf 'skipped rest' > "$4/file"
        { dd bs=1 count=8 of=/dev/null status=none; "$SHM" load "$2" -; } < "$4/file" || exit
        "$SHM" load "$3" /proc/sys/kernel/ostype
        """
      let outcome = try await bash(script, names[0], names[1], names[2], directory)
      #expect(outcome == .success())
      #expect(try content(names[0]) == Array("fifo".utf8))
      #expect(try content(names[1]) == Array("rest".utf8))
      #expect(try content(names[2]) == Array("Linux\n".utf8))
    }
  }

  @Test(
    "Input that cannot be read leaves no memory behind",
    arguments: [
      (
        "/dev/null", "\"/dev/null\" is empty, but shared memory needs at least one byte."
      ),
      ("-", "standard input is empty, but shared memory needs at least one byte."),
      ("/nonexistent", "Cannot open \"/nonexistent\": No such file or directory."),
      ("/tmp", "Cannot read \"/tmp\": Is a directory."),
      // A file without a size whose beginning cannot be read, and which no process has mapped.
      ("/proc/self/mem", "Cannot read \"/proc/self/mem\": Input/output error."),
      ("a\nb\u{1B}", #"Cannot open "a\nb\x1b": No such file or directory."#),
    ])
  func unreadable(file: String, message: String) async throws {
    try await withName { name in
      let outcome = try await shm("load", name, file)
      #expect(outcome == .failure(message))
      #expect(!exists(name))
    }
  }

  /// The files of `/sys` claim 4096 bytes and have fewer: to the tool they shrink between the look
  /// at the size and the read.
  @Test("A file that becomes smaller is an error that leaves no memory behind")
  func shrinks() async throws {
    try await withName { name in
      let file = "/sys/kernel/mm/transparent_hugepage/enabled"
      let byteCount = try String(contentsOfFile: file, encoding: .utf8).utf8.count
      #expect(
        try await shm("load", name, file)
          == .failure(
            """
            "\(file)" became smaller while it was read: it has \(byteCount) bytes instead of 4096.
            """))
      #expect(!exists(name))
    }
  }

  @Test("Existing memory stays as it is", arguments: ["file", "-"])
  func taken(source: String) async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        _ = try SharedMemory.create(name, byteCount: 2)
        try Data([1, 2, 3]).write(to: URL(filePath: "\(directory)/file"))
        // Only a tool that reads its input gets any.
        let (file, input) = source == "-" ? ("-", "new") : ("\(directory)/file", "")
        #expect(
          try await shm(["load", name, file], input: input)
            == .failure(
              """
              Shared memory "\(name)" exists already, and is left as it is. Choose another name, or, if no process uses it, remove it first: \(Tool.command) remove NAME.
              """))
        #expect(try content(name) == [0, 0])
      }
    }
  }

  @Test("The name appears once everything has arrived, not before")
  func atomic() async throws {
    try await withName { name in
      let script = "exec 3>&1; tee /dev/fd/3 | \"$SHM\" load \"$1\" - 3>&-"
      let outcome = try await withChildProcess(
        "bash", ["-c", script, "bash", name], environment: Tool.environment
      ) { child in
        try await child.send("first")
        // The input came through `tee`, whose other output is the tool's input.
        #expect(try await child.nextLine() == "first")
        #expect(!exists(name))
        try await child.send("second")
        #expect(try await child.nextLine() == "second")
        #expect(!exists(name))
        try await child.finishInput()
        #expect(try await child.nextLine() == nil)
      }
      #expect(outcome.status == .exited(0))
      #expect(try content(name) == Array("first\nsecond\n".utf8))
    }
  }

  @Test("A process that sees the name of a loaded file sees all of it")
  func atomicFile() async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        // Large enough to take a while; all zeros but the last byte.
        let byteCount = 128 << 20
        let made = try await bash(
          "truncate -s \(byteCount - 1) \"$1/file\" && printf x >> \"$1/file\"", directory)
        #expect(made == .success())
        async let outcome = shm("load", name, "\(directory)/file")
        let memory = try await SharedMemory.attach(
          name, access: .readOnly, waitingUpTo: .seconds(60))
        #expect(memory.byteCount == byteCount)
        #expect(memory[byteCount - 1] == UInt8(ascii: "x"))
        #expect(try await outcome == .success())
      }
    }
  }

  @Test("An interrupt while reading ends the tool and leaves no memory behind")
  func interrupted() async throws {
    try await withName { name in
      let outcome = try await withChildProcess(Tool.path, ["load", name, "-"]) { child in
        // More than the pipe holds: once all of it is sent, the tool is reading.
        try await child.send(String(repeating: "x", count: 1 << 20))
        try child.send(signal: .interrupt)
        #expect(try await child.nextLine() == nil)
      }
      #expect(outcome.status == .signaled(SIGINT))
      #expect(!exists(name))
    }
  }

  @Test("Input that does not fit is an error that leaves nothing behind")
  func full() async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=64k",
      """
      head -c 65537 /dev/zero > /tmp/$1; "$SHM" load file /tmp/$1; echo $?; rm /tmp/$1
      yes | "$SHM" load pipe -; echo ${PIPESTATUS[1]}
      head -c 65536 /dev/zero | "$SHM" load whole -; echo $?
      ls /dev/shm
      """, uniqueName("large"))
    #expect(outcome.output == "1\n1\n0\nwhole\n")
    // This test does not depend on how much one read from a pipe returns.
    let errors = outcome.errors.replacing(/"pipe": [0-9]+ bytes/, with: "\"pipe\": N bytes")
    #expect(
      errors == """
        shm: No room in /dev/shm for shared memory "file": 65537 bytes are needed and 65536 are free. \
        Remove what is not in use, or enlarge /dev/shm.
        shm: No room in /dev/shm for shared memory "pipe": N bytes are needed and 65536 are free. \
        Remove what is not in use, or enlarge /dev/shm.

        """)
  }

  @Test("Input from a pipe is not collected in private memory")
  func streamed() async throws {
    try await withName { name in
      let python = try #require(Python.all.last)
      let script = """
        import os, resource, subprocess, sys
        source = subprocess.Popen(["head", "-c", str(256 << 20), "/dev/zero"], stdout=subprocess.PIPE)
        subprocess.check_call([os.environ["SHM"], "load", sys.argv[1], "-"], stdin=source.stdout)
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 128 << 10)
        """
      #expect(
        try await run(python.path, ["-c", script, name], environment: Tool.environment)
          == .success("True\n"))
      #expect(try await facts(name) == "\(256 << 20) \((256 << 20) / 512) 600")
    }
  }
}
