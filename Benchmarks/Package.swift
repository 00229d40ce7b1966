// swift-tools-version: 6.2

import Foundation
import PackageDescription

// Each Swift file in `Contenders` is a program of its own. `swift build` keeps what it read here as
// long as this file stays the same: after adding one, build with `--manifest-cache none`, as
// `scripts/benchmark` does.
let folder = "Contenders"
let files = try! FileManager.default
  .contentsOfDirectory(atPath: "\(Context.packageDirectory)/\(folder)").sorted()

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "swift-interprocess", path: "..")
  ],
  targets: [
    .target(name: "CHarness", path: "Harness/C", exclude: ["blob.idl"]),
    .target(
      name: "Harness",
      dependencies: [
        "CHarness", .product(name: "Interprocess", package: "swift-interprocess"),
      ],
      path: "Harness/Swift"),
    // Not a contender: `scripts/inlining` reads its machine code.
    .target(
      name: "Probes",
      dependencies: [.product(name: "Interprocess", package: "swift-interprocess")],
      path: "Probes"),
  ]
    + files.filter { $0.hasSuffix(".swift") }.map { file in
      .executableTarget(
        name: String(file.dropLast(".swift".count)),
        dependencies: [
          "Harness", .product(name: "Interprocess", package: "swift-interprocess"),
        ],
        path: folder,
        exclude: files.filter { $0 != file },
        sources: [file]
      )
    },
  swiftLanguageModes: [.v6]
)
