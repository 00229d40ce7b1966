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

@Suite("Loading and saving", .timeLimit(.minutes(10)))
struct LoadSaveTests {
  static let sizes = [1, 4096, 4097, 10 << 20]

  @Test("A file comes back byte for byte", arguments: sizes)
  func files(byteCount: Int) async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        let bytes = noise(byteCount)
        try Data(bytes).write(to: URL(filePath: "\(directory)/in"))
        #expect(try await shm("load", name, "\(directory)/in") == .success())
        #expect(try content(name) == bytes)
        #expect(try await shm("save", name, "\(directory)/out") == .success())
        #expect(try [UInt8](Data(contentsOf: URL(filePath: "\(directory)/out"))) == bytes)
        let blockCount = (byteCount + 4095) / 4096 * 8
        #expect(try await facts(name) == "\(byteCount) \(blockCount) 600")
      }
    }
  }

  @Test("A pipe comes back byte for byte", arguments: sizes)
  func pipes(byteCount: Int) async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        let bytes = noise(byteCount, seed: 2)
        try Data(bytes).write(to: URL(filePath: "\(directory)/in"))
        let outcome = try await bash(
          """
          cat "$2/in" | "$SHM" load "$1" - && "$SHM" save "$1" - | cat > "$2/out"
          """, name, directory)
        #expect(outcome == .success())
        #expect(try content(name) == bytes)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: "\(directory)/out"))) == bytes)
      }
    }
  }

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

  @Test("An existing file is replaced, and no file is open to more users than the memory")
  func replaced() async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        _ = try SharedMemory.create(name, byteCount: 3)
        let outcome = try await bash(
          """
          shopt -s nullglob dotglob; umask 022; cd "$2"
          for mode in 600 640 666 444; do
            chmod $mode "/dev/shm/$1"
            printf 'much longer' > old; chmod 664 old; printf 1 > narrow; chmod 600 narrow
            ln -s old link
            for file in new link narrow; do "$SHM" save "$1" $file || exit; done
            test -L link && rm link && stat -c '%s %a' * && rm *
          done
          """, name, directory)
        #expect(
          outcome
            == .success(
              """
              3 600
              3 600
              3 600
              3 600
              3 640
              3 640
              3 600
              3 644
              3 664
              3 400
              3 444
              3 444

              """))
      }
    }
  }

  @Test(
    "A target that cannot be written is an error",
    arguments: [
      ("/dev/full", "Cannot write to \"/dev/full\": No space left on device."),
      ("/tmp", "Cannot open \"/tmp\": Is a directory."),
      ("/nonexistent/file", "Cannot open \"/nonexistent/file\": No such file or directory."),
      ("/dev/shm/NAME", "\"/dev/shm/NAME\" is shared memory \"NAME\" itself."),
    ])
  func unwritable(file: String, message: String) async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 1) { bytes in
        bytes.storeBytes(of: 7, as: UInt8.self)
      }
      #expect(
        try await shm("save", name, file.replacing("NAME", with: name))
          == .failure(message.replacing("NAME", with: name)))
      #expect(try content(name) == [7])
    }
  }

  @Test("A save that fails leaves the file as it was, and nothing beside it")
  func failedSave() async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        try SharedMemory.create(name, byteCount: 1 << 20).close()
        // At most one block of 1024 bytes in any file.
        let outcome = try await bash(
          """
          cd "$2"; printf kept > file; ulimit -f 1
          "$SHM" save "$1" file; "$SHM" save "$1" new; cat file; ls -A
          """, name, directory)
        #expect(outcome.output == "keptfile\n")
        #expect(
          outcome.errors == """
            shm: Cannot write to "file": File too large.
            shm: Cannot write to "new": File too large.

            """)
      }
    }
  }

  @Test(
    "A save that is killed while it copies leaves the file as it was, and nothing beside it",
    arguments: ["new", "kept"])
  func killedSave(content: String) async throws {
    let killer = """
      import os, subprocess, sys
      shm, content = sys.argv[1:]
      # Many small pieces, which take a while to copy.
      with open("/dev/shm/m", "wb") as file:
          for offset in range(0, 128 << 20, 8192):
              file.seek(offset)
              file.write(b"x")
      def files(process_id):
          try:
              directory = f"/proc/{process_id}/fd/"
              return [os.readlink(directory + number) for number in os.listdir(directory)]
          except OSError:
              return []
      kill_count = 0
      for _ in range(10):
          if content == "kept":
              with open("/mnt/file", "w") as file: file.write(content)
          process = subprocess.Popen([shm, "save", "m", "/mnt/file"])
          while process.poll() is None:
              if any(file.startswith("/mnt/") for file in files(process.pid)): break
          process.kill()
          if process.wait() == 0:
              os.unlink("/mnt/file")
              continue
          kill_count += 1
          found = {name: open("/mnt/" + name).read() for name in os.listdir("/mnt")}
          assert found == ({"file": content} if content == "kept" else {}), found.keys()
      print(kill_count > 0)
      """
    let python = try #require(Python.all.last)
    let outcome = try await runWithOwnSharedMemory(
      "size=256m", #"mount -t tmpfs tmpfs /mnt; "$1" -c "$2" "$SHM" "$3""#, python.path, killer,
      content)
    #expect(outcome == .success("True\n"))
  }

  @Test(
    "A save does the same where no file can be made without a name, or be named later",
    arguments: [
      "tmpfile EOPNOTSUPP", "tmpfile EISDIR", "tmpfile EPERM", "linkat EPERM", "linkat ENOSYS",
    ])
  func refusedSave(calls: String) async throws {
    let outcome = try await runWithOwnSharedMemory(
      "size=1m",
      #"""
      mount -t tmpfs -o size=64k tmpfs /mnt; cd /mnt; umask 027
      "$SHM" create m --bytes 3 --mode 0666; "$SHM" write m 97 98 99
      yes | head -c 100000 | "$SHM" load large -
      printf 'much longer' > old; chmod 604 old
      save() { "$1" deny $2 -- "$SHM" save "${@:3}"; echo " $?"; }
      save "$1" "$2" m new; save "$1" "$2" m old; save "$1" "$2" large old 2>&1
      stat -c '%n %s %a' $(ls -A); cat new old
      """#, Places.helper, calls)
    #expect(
      outcome
        == .success(
          """
           0
           0
          shm: Cannot write to "old": No space left on device.
           1
          new 3 640
          old 3 604
          abcabc
          """))
  }

  @Test("A broken link is replaced")
  func danglingLink() async throws {
    try await withTemporaryDirectory { directory in
      try await withName { name in
        try SharedMemory.create(name, byteCount: 3).close()
        let outcome = try await bash(
          """
          cd "$2"; ln -s nowhere link; "$SHM" save "$1" link; stat -c '%n %s %F' $(ls -A)
          """, name, directory)
        #expect(outcome == .success("link 3 regular file\n"))
      }
    }
  }

  @Test("A file beside shared memory would be shared memory, and is refused")
  func besideMemory() async throws {
    try await withName { name in
      try await withName("other") { other in
        try SharedMemory.create(name, byteCount: 1).close()
        try await withName("new") { new in
          try SharedMemory.create(other, byteCount: 5).close()
          for file in [other, new] {
            let outcome = try await shm("save", name, "/dev/shm/\(file)")
            #expect(outcome.status == .exited(1))
            #expect(outcome.errors.contains("would be shared memory, not a file"))
          }
          #expect(try content(other).count == 5)
          #expect(!exists(new))
        }
      }
    }
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

  @Test("A full standard output is an error")
  func fullOutput() async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 1)
      #expect(
        try await bash("exec \"$SHM\" save \"$1\" - > /dev/full", name)
          == .failure("Cannot write to standard output: No space left on device."))
    }
  }

  @Test("A missing name leaves the file as it is")
  func missing() async throws {
    try await withTemporaryDirectory { directory in
      let name = uniqueName("missing")
      let outcome = try await bash(
        "printf kept > \"$2/file\"; \"$SHM\" save \"$1\" \"$2/file\"; cat \"$2/file\"", name,
        directory)
      #expect(
        outcome
          == ProcessOutcome(
            status: .exited(0), output: "kept",
            errors:
              "shm: No shared memory named \"\(name)\"; `\(Tool.command) list` shows all there is.\n"
          ))
    }
  }

  @Test("Memory that shrinks while it is saved is an error")
  func savedShrinks() async throws {
    try await withName { name in
      _ = try SharedMemory.create(name, byteCount: 4 << 20)
      let outcome = try await bash(
        """
        "$SHM" save "$1" - | { head -c 1 > /dev/null; truncate -s 4096 "/dev/shm/$1"; cat > /dev/null; }
        exit ${PIPESTATUS[0]}
        """, name)
      #expect(
        outcome
          == .failure(
            "Shared memory \"\(name)\" became smaller while it was looked at. Look again."))
    }
  }

  // MARK: - Progress

  /// Input that takes more than a second: the second part comes long after the first was read.
  private static let slowly = "{ head -c 1048576 /dev/zero; sleep 3; head -c 1048576 /dev/zero; }"

  @Test("A terminal shows the progress of a long load, and is clean at its end")
  func progress() async throws {
    try await withName { name in
      let outcome = try await run(
        "script", ["-qec", "\(Self.slowly) | \"$SHM\" load \(name) -", "/dev/null"],
        environment: Tool.environment)
      #expect(outcome.status == .exited(0))
      #expect(outcome.output.wholeMatch(of: /(\r[12] MiB read\x1B\[K)+\r\x1B\[K/) != nil)
      #expect(try content(name).count == 2 << 20)
    }
  }

  @Test("A short load shows nothing on a terminal")
  func noProgress() async throws {
    try await withName { name in
      let outcome = try await run(
        "script", ["-qec", "head -c 9 /dev/zero | \"$SHM\" load \(name) -", "/dev/null"],
        environment: Tool.environment)
      #expect(outcome == .success())
      #expect(try content(name).count == 9)
    }
  }

  @Test("Without a terminal nothing is shown")
  func noTerminal() async throws {
    try await withName { name in
      let outcome = try await bash("\(Self.slowly) | \"$SHM\" load \"$1\" -", name)
      #expect(outcome == .success())
      #expect(try content(name).count == 2 << 20)
    }
  }
}
