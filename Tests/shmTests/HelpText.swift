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

import Testing

/// What the tool says of a command.
struct HelpText: Sendable, CustomTestStringConvertible {
  var command: [String]
  var text: String

  var testDescription: String { command.first ?? "shm" }

  static let all = [
    HelpText(
      command: [],
      text: #"""
        OVERVIEW: Create, show, change and remove shared memory.

        Shared memory is a named block of bytes that several processes see at once. It
        lies in /dev/shm. This tool, Swift's Interprocess library, Python's
        multiprocessing.shared_memory and shm_open in C all see the same memory.

        SIZE, and every number of bytes, is a whole number, alone or followed by KiB,
        MiB, GiB or TiB: 4096, 64KiB, 10MiB.

        A name consists of bytes. The tool shows \\ for a backslash, \n, \r and \t,
        \xNN for a byte and \u{N} for a character that cannot be shown. Write names in
        the same way: write \\ for a backslash.

        The exit status is 0 if the command succeeded, 1 if something failed, and 64 if
        the command line was wrong.

        USAGE: shm <subcommand>

        OPTIONS:
          -h, --help              Show help information.

        SUBCOMMANDS:
          demo                    Show two processes that share memory.
          create                  Create shared memory, filled with zeros.
          list                    List all shared memory.
          info                    Show what is known about one shared memory.
          read                    Print values from shared memory.
          write                   Write values into shared memory.
          dump                    Show the bytes of shared memory in hexadecimal and
                                  ASCII.
          load                    Create shared memory from a file or from standard
                                  input.
          save                    Copy shared memory into a file or to standard output.
          remove                  Remove shared memory by name.
          sweep                   Remove temporary memory that no process has any more.

          See 'shm help <subcommand>' for detailed help.

        """#),
    HelpText(
      command: ["demo"],
      text: #"""
        OVERVIEW: Show two processes that share memory.

        Starts two processes, twice: once for bytes, once for floating-point numbers.
        Process 1 creates the memory and writes the first value; process 2 attaches to
        it by its name and writes the other three. Each line shows what a process sees.
        Then both close the memory, and process 1 removes its name.

          shm demo

        USAGE: shm demo

        OPTIONS:
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["create"],
      text: #"""
        OVERVIEW: Create shared memory, filled with zeros.

        The memory stays until it is removed, or until the system restarts; with
        --hold, until this command and all processes that attach to it meanwhile are
        done. Its pages are reserved at once, so that this command fails if /dev/shm is
        full, rather than a later user of the memory.

          shm create MyMemory --bytes 1024
          shm create frames --bytes 64MiB --mode 0660
          shm create image --dtype float64 --shape 480x640

        With --dtype and --shape the memory is an array that numpy opens with
        numpy.load("/dev/shm/image", mmap_mode="r+"), a few bytes larger than its
        elements.

        USAGE: shm create <name> [--bytes <size>] [--dtype <type>] [--shape <shape>] [--mode <mode>] [--on-demand] [--pages <pages>] [--hold]

        ARGUMENTS:
          <name>                  The name: 1 to 255 bytes without a slash.

        OPTIONS:
          --bytes <size>          The size, such as 4096, 64KiB or 1GiB.
          --dtype <type>          Create an array of elements of this type. (values:
                                  uint8, int8, int16, uint16, int32, uint32, int64,
                                  uint64, float16, float32, float64)
          --shape <shape>         The number of elements in each dimension, such as
                                  1000 or 480x640.
          --mode <mode>           The permissions in octal: read is 4, write is 2;
                                  user, group, others. (default: 0600)
          --on-demand             Take pages when they are first touched. If there is
                                  no room left then, the system ends the process that
                                  touches the page.
          --pages <pages>         How large the pages are: with 'automatic', huge from
                                  16 MiB on; with 'huge', from one huge page on; each
                                  as far as the system gives huge pages. (values:
                                  automatic, small, huge; default: automatic)
          --hold                  Create temporary memory, and hold it until this
                                  command ends.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["list"],
      text: #"""
        OVERVIEW: List all shared memory.

        Shows each segment in /dev/shm: the name, the kind, the size, the bytes taken
        from the system's memory, the owner, the permissions, the age, the lifetime,
        the number of open handles of Swift programs, and the processes that have it
        mapped.

        Lasting memory stays until it is removed; temporary memory goes with its last
        handle. It is STALE if no process has it any more; its owner and root can
        remove it with `shm sweep`. It is STALE? if that cannot be known; the processes
        that may have it are then shown. Other processes that this user may not look
        into are not shown.

        The kind is array, list, value, mutex, read-write-lock, semaphore, event,
        barrier, atomic, queue, byte-queue, topic, or bytes for any other memory, and ?
        if the memory could not be read. A size is shown in a unit if it is a whole
        number of them, otherwise in bytes: 64KiB, 1500. Names are shown as the other
        commands accept them.

          shm list
          shm list --json

        USAGE: shm list [--json]

        OPTIONS:
          --json                  Print a JSON array with an object for each segment,
                                  sizes in bytes.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["info"],
      text: #"""
        OVERVIEW: Show what is known about one shared memory.

        Shows what `shm list` shows, for one name, without attaching to it, and what
        the memory contains: of an array, its type and shape; of a list, its items; of
        a value, its type, and the number of values stored so far; of a mutex, the type
        of its value, and the process that holds the lock, or that its holder died,
        until another process repairs the value; of a read-write lock, the type of its
        value, the process that writes, or that its writer died, the processes that
        read, and how many readers died, whose places go to the next readers; of a
        semaphore, how many permits are free, the processes that hold the others, and
        how many permits were orphaned by processes that died, and go to the next
        waiters; of an event, whether it is set, and how often it was set or pulsed; of
        a barrier, how many parties have arrived, why it is broken if it is, and the
        processes that are its parties; of an atomic, its type and its value; of a
        queue, the type of its messages, how many wait, whether it is finished, and how
        many were sent and received; of a byte queue, its size, how many messages wait,
        whether it is finished, and how many were sent and received; of a topic, the
        type of its elements, its memory, how many subscribers there are, and how many
        messages were published, received and missed. A holder that this user may not
        see is shown as ?.

          shm info MyMemory
          shm info MyMemory --json

        USAGE: shm info <name> [--json]

        ARGUMENTS:
          <name>                  The name of the shared memory.

        OPTIONS:
          --json                  Print a JSON object, sizes in bytes.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["read"],
      text: #"""
        OVERVIEW: Print values from shared memory.

        Prints an array by its type: the elements of the last dimension on one line,
        and each structure on a line of its own. Prints a list with one item on each
        line, and any other memory as bytes, on one line. With --as or --offset, prints
        the values of one type that lie in the memory, whatever its kind. Without
        --count, prints as many whole values as there are. Offsets need not be aligned.

          shm read MyMemory --count 4
          shm read MyMemory --as float64 --offset 8 --count 1
          shm read image

        USAGE: shm read <name> [--any-owner] [--as <type>] [--offset <bytes>] [--count <n>]

        ARGUMENTS:
          <name>                  The name of the shared memory.

        OPTIONS:
          --any-owner             Also accept memory that belongs to neither this user
                                  nor root.
          --as <type>             The type of the values; uint8 if no type is known.
                                  (values: uint8, int8, int16, uint16, int32, uint32,
                                  int64, uint64, float16, float32, float64)
          --offset <bytes>        Where the first value begins.
          --count <n>             How many values; all if not given.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["write"],
      text: #"""
        OVERVIEW: Write values into shared memory.

        Writes the values one behind the other. If one of them is wrong, or if there is
        no room for all of them, none is written. Offsets need not be aligned. An array
        takes values of its own type, from its first element on; with --offset it takes
        any values behind its header. The command does not write into lists, locks,
        queues and the like, as their users rely on the bytes there.

          shm write MyMemory 1 2 3 4
          shm write MyMemory --as float64 --offset 8 -2.5 1e6

        USAGE: shm write <name> [--any-owner] [--as <type>] [--offset <bytes>] <value> ...

        ARGUMENTS:
          <name>                  The name of the shared memory.
          <value>                 The values.

        OPTIONS:
          --any-owner             Also accept memory that belongs to neither this user
                                  nor root.
          --as <type>             The type of the values; by default that of an array,
                                  else uint8. (values: uint8, int8, int16, uint16,
                                  int32, uint32, int64, uint64, float16, float32,
                                  float64)
          --offset <bytes>        Where the first value begins; by default at the first
                                  element of an array, else at 0.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["dump"],
      text: #"""
        OVERVIEW: Show the bytes of shared memory in hexadecimal and ASCII.

        Prints what `hexdump -C` prints: the offset, 16 bytes, the same in ASCII; a *
        for lines that repeat the one before; and the offset of the end. Bytes that
        were never written are zeros; dumping them takes no memory from the system.

          shm dump MyMemory
          shm dump MyMemory --offset 1KiB --count 64

        USAGE: shm dump <name> [--any-owner] [--offset <bytes>] [--count <bytes>]

        ARGUMENTS:
          <name>                  The name of the shared memory.

        OPTIONS:
          --any-owner             Also accept memory that belongs to neither this user
                                  nor root.
          --offset <bytes>        Where to begin.
          --count <bytes>         How many bytes; all if not given.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["load"],
      text: #"""
        OVERVIEW: Create shared memory from a file or from standard input.

        The memory gets its name when it is complete, so that no process attaches to a
        part of it. Existing memory of that name is left as it is, and the command
        fails.

          shm load MyMemory frame.raw
          gunzip < frame.raw.gz | shm load MyMemory -

        USAGE: shm load <name> <file>

        ARGUMENTS:
          <name>                  The name: 1 to 255 bytes without a slash.
          <file>                  The file, or - for standard input.

        OPTIONS:
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["save"],
      text: #"""
        OVERVIEW: Copy shared memory into a file or to standard output.

        Replaces an existing file when the copy is complete, and leaves it as it is if
        that fails. A new file gets the permissions of the memory, less those that the
        umask removes; an existing file keeps those of its permissions that the memory
        has, too. Bytes that were never written take no room in the file. The memory is
        unchanged; the copy may or may not contain what other processes write
        meanwhile.

          shm save MyMemory frame.raw
          shm save MyMemory - | gzip > frame.raw.gz

        USAGE: shm save <name> [--any-owner] <file>

        ARGUMENTS:
          <name>                  The name of the shared memory.
          <file>                  The file, or - for standard output.

        OPTIONS:
          --any-owner             Also accept memory that belongs to neither this user
                                  nor root.
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["remove"],
      text: #"""
        OVERVIEW: Remove shared memory by name.

        Processes that have attached to the memory keep it; the system frees it when
        the last of them is done. If a name cannot be removed, the command still
        removes the others.

          shm remove MyMemory
          shm remove frames-1 frames-2

        USAGE: shm remove <name> ...

        ARGUMENTS:
          <name>                  The names.

        OPTIONS:
          -h, --help              Show help information.


        """#),
    HelpText(
      command: ["sweep"],
      text: #"""
        OVERVIEW: Remove temporary memory that no process has any more.

        Temporary memory goes with the last process that has it. If all of its
        processes are killed, its name stays, and `shm list` shows it as STALE. A sweep
        never removes memory that any process still has, nor memory that stays until it
        is removed by name. Prints the names that it removes.

        Reports on standard error each segment that stays although it is stale, or may
        be stale, with the reason. The exit status is 1 if a segment could not be
        removed because something failed or another program has locked it. It is 0 if
        the segments that stay may be in use, or belong to other users.

          shm sweep --dry-run
          shm sweep

        USAGE: shm sweep [--dry-run]

        OPTIONS:
          --dry-run               Only print the names that would be removed, and
                                  report what would stay.
          -h, --help              Show help information.


        """#),
  ]
}
