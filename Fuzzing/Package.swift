// swift-tools-version: 6.2

import PackageDescription

/// The things that are parsed, with a fuzz target for each.
///
/// A target is a folder of that name in `Sources`, and one in `Corpus` with inputs to begin with.
/// `scripts/fuzz` builds and runs them.
let targets = ["list", "message", "npy", "value"]

let package = Package(
  name: "Fuzzing",
  dependencies: [
    .package(name: "swift-interprocess", path: "..")
  ],
  targets: [.target(name: "FuzzSupport")]
    + targets.map { name in
      .executableTarget(
        name: name,
        dependencies: [
          "FuzzSupport", .product(name: "Interprocess", package: "swift-interprocess"),
        ],
        // The fuzzer has the main function.
        swiftSettings: [.unsafeFlags(["-parse-as-library"])]
      )
    },
  swiftLanguageModes: [.v6]
)
