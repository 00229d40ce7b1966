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
import Subprocess
import TestSupport
import Testing

// Files that `save` writes or leaves as they are.
extension LoadSaveTests {
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
}
