// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "swift-interprocess",
  products: [
    .library(name: "Interprocess", targets: ["Interprocess"]),
    .executable(name: "shm", targets: ["shm"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Only the tests use it, so that nobody who depends on the library gets it.
    .package(
      url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .target(name: "CInterprocess"),
    .target(
      name: "Interprocess",
      dependencies: [
        "CInterprocess",
        .product(name: "SystemPackage", package: "swift-system"),
      ]
    ),
    .executableTarget(
      name: "shm",
      dependencies: [
        "CInterprocess",
        "Interprocess",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]
    ),

    // MARK: Examples
    .target(
      name: "ExampleSupport",
      dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Examples/Support"
    ),
    example("process1_uint8"),
    example("process2_uint8"),
    example("process1_float64"),
    example("process2_float64"),
    example("numpy_image"),
    example("numpy_records"),
    example("counter"),
    example("camera"),
    example("worker-pool"),
    example("encoded-messages"),

    // MARK: Tests
    .target(
      name: "TestSupport",
      dependencies: [
        "CInterprocess",
        "Interprocess",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestSupport"
    ),
    .target(name: "TestFork", path: "Tests/TestFork"),
    .executableTarget(
      name: "interprocess-test-helper",
      dependencies: [
        "CInterprocess",
        "Interprocess",
        "TestFork",
        "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestHelper"
    ),
    .testTarget(
      name: "InterprocessTests",
      dependencies: [
        "CInterprocess",
        "Interprocess",
        "TestFork",
        "TestSupport",
        "interprocess-test-helper",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]
    ),
    .testTarget(name: "ModelTests", dependencies: ["TestSupport"]),
    .testTarget(
      name: "ExampleTests",
      dependencies: [
        "Interprocess",
        "TestSupport",
        "process1_uint8",
        "process2_uint8",
        "process1_float64",
        "process2_float64",
        "numpy_image",
        "numpy_records",
        "counter",
        "camera",
        "worker-pool",
        "encoded-messages",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]
    ),
    .testTarget(
      name: "shmTests",
      dependencies: [
        "Interprocess",
        "TestSupport",
        "interprocess-test-helper",
        "shm",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]
    ),
  ],
  swiftLanguageModes: [.v6]
)

/// A program in a folder of `Examples`.
func example(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: [
      "ExampleSupport",
      "Interprocess",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    path: "Examples/\(name)"
  )
}

for target in package.targets where target.type != .plugin {
  var settings = target.swiftSettings ?? []
  if target.path?.hasPrefix("Tests/") != true && target.type != .test {
    // The tests call the C library all over; marking each call would show nothing.
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0458-strict-memory-safety.md
    settings.append(.strictMemorySafety())
  }
  settings += [
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0446-non-escapable.md
    .enableExperimentalFeature("Lifetimes"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
  ]
  target.swiftSettings = settings
}
