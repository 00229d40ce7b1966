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

import ArgumentParser
import Glibc
import Interprocess
import SystemPackage

struct Create: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create shared memory, filled with zeros.",
    discussion: """
      The memory stays until it is removed, or until the system restarts; with --hold, until this \
      command and all processes that attach to it meanwhile are done. Its pages are reserved at \
      once, so that this command fails if /dev/shm is full, rather than a later user of the memory.

        shm create MyMemory --bytes 1024
        shm create frames --bytes 64MiB --mode 0660
        shm create image --dtype float64 --shape 480x640

      With --dtype and --shape the memory is an array that numpy opens with \
      numpy.load("/dev/shm/image", mmap_mode="r+"), a few bytes larger than its elements.
      """)

  @Argument(help: "The name: 1 to 255 bytes without a slash.", transform: Name.init)
  var name: Name

  @Option(
    name: .customLong("bytes"), parsing: .unconditional,
    help: ArgumentHelp("The size, such as 4096, 64KiB or 1GiB.", valueName: "size"),
    transform: ByteCount.parse)
  var byteCount: Int?

  @Option(
    name: .customLong("dtype"),
    help: ArgumentHelp("Create an array of elements of this type.", valueName: "type"))
  var type: ElementType?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The number of elements in each dimension, such as 1000 or 480x640.",
      valueName: "shape"),
    transform: shm.shape)
  var shape: [Int]?

  @Option(
    name: .customLong("mode"), parsing: .unconditional,
    help: ArgumentHelp(
      "The permissions in octal: read is 4, write is 2; user, group, others. (default: 0600)",
      valueName: "mode"),
    transform: shm.permissions)
  var permissions: FilePermissions = .ownerReadWrite

  @Flag(
    help: """
      Take pages when they are first touched. If there is no room left then, the system ends the \
      process that touches the page.
      """)
  var onDemand = false

  @Option(
    help: """
      How large the pages are: with 'automatic', huge from 16 MiB on; with 'huge', from one huge \
      page on; each as far as the system gives huge pages.
      """)
  var pages: PageSize = .automatic

  @Flag(help: "Create temporary memory, and hold it until this command ends.")
  var hold = false

  func validate() throws {
    if (type == nil) != (shape == nil) {
      throw ValidationError("An array needs both --dtype and --shape.")
    }
    if (byteCount == nil) == (type == nil) {
      throw ValidationError("Give either --bytes, or --dtype and --shape.")
    }
    if pages == .huge && onDemand {
      throw ValidationError(
        "Huge pages are taken at once: give either --pages huge or --on-demand.")
    }
  }

  func run() throws {
    let end = hold ? EndSignal() : nil
    if let type, let shape {
      try createArray(of: type.element, shape: shape, holdingUntil: end)
    } else if let byteCount {
      let memory = try SharedMemory.create(
        name.text(to: "create"), byteCount: byteCount, options: options)
      try wait(for: end, holding: memory.name)
      memory.close()
    }
  }

  private func createArray<Value: Element>(
    of type: Value.Type, shape: [Int], holdingUntil end: EndSignal?
  ) throws {
    let array = try SharedArray<Value>.create(
      name.text(to: "create"), shape: shape, options: options)
    try wait(for: end, holding: array.name)
    array.close()
  }

  private var options: SegmentOptions {
    SegmentOptions(
      lifetime: hold ? .whileAttached : .untilUnlinked, permissions: permissions,
      reservation: onDemand ? .onDemand : .reserved, pages: pages.pages)
  }

  private func wait(for end: EndSignal?, holding name: String) throws {
    guard let end else { return }
    try Output.write { try $0.writeLine("Holding \"\(name.escaped)\". Ctrl-C ends it.") }
    end.wait()
  }
}

/// How large the pages of new memory are.
enum PageSize: String, CaseIterable, ExpressibleByArgument {
  case automatic, small, huge

  var pages: SharedMemory.Pages {
    switch self {
    case .automatic: .automatic
    case .small: .small
    case .huge: .huge
    }
  }
}

/// A signal that asks this process to end; the process waits for it instead of ending at once.
private struct EndSignal {
  private let signals: sigset_t

  /// Blocks these signals from now on.
  init() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    self.signals = signals
  }

  func wait() {
    var signals = signals
    var received: CInt = 0
    unsafe sigwait(&signals, &received)
  }
}
