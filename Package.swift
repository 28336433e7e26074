// swift-tools-version:6.2
import PackageDescription

// Targets are listed from the ground floor up, as in docs/architecture.md: a target imports only what stands above it
// here, and scripts/test builds with --explicit-target-dependency-import-check error so that it stays so.

// The loops that must be fast in debug builds too. These flags follow SwiftPM's own, and the last one wins. The hottest
// code of a target stays in one file, since a debug build does not inline across files.
let fast = [
  "-Ounchecked", "-enforce-exclusivity=unchecked", "-Xllvm", "-unroll-threshold=4000", "-Xcc", "-fno-math-errno",
]

func level(_ define: String, march: String) -> [SwiftSetting] {
  [.define(define), .unsafeFlags(fast + ["-Xcc", "-march=\(march)"])]
}

// One source folder, Sources/KernelSource, is compiled once for each CPU level; on arm64 NEON is the baseline.
#if arch(x86_64)
  let levels: [Target] = [
    .target(name: "KernelsV3", dependencies: ["CVectors"], swiftSettings: level("LEVEL_V3", march: "x86-64-v3")),
    .target(name: "KernelsV4", dependencies: ["CVectors"], swiftSettings: level("LEVEL_V4", march: "x86-64-v4")),
    // Products in bf16, for level 4 with AVX512-BF16, and their twin for any CPU, which only tests use.
    .target(
      name: "KernelsV5", dependencies: ["CVectors"],
      swiftSettings: [.unsafeFlags(fast + ["-Xcc", "-march=x86-64-v4", "-Xcc", "-mavx512bf16"])]),
    .target(
      name: "KernelsV5Lowered", dependencies: ["CVectors"],
      swiftSettings: [.unsafeFlags(fast + ["-Xcc", "-DCVECTORS_EMULATE_BF16"])]),
  ]
  let loweredLevels: [Target.Dependency] = ["KernelsV5Lowered"]
#else
  let levels: [Target] = []
  let loweredLevels: [Target.Dependency] = []
#endif
let shippedLevels = levels.map(\.name).filter { !$0.hasSuffix("Lowered") }.map { Target.Dependency(stringLiteral: $0) }

let grpc: [Target.Dependency] = [
  .product(name: "GRPCCore", package: "grpc-swift-2"),
  .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
  .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
  .product(name: "SwiftProtobuf", package: "swift-protobuf"),
]
let certificates: [Target.Dependency] = [
  .product(name: "X509", package: "swift-certificates"),
  .product(name: "SwiftASN1", package: "swift-asn1"),
  .product(name: "Crypto", package: "swift-crypto"),
]

let package = Package(
  name: "tributary",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "tributary", targets: ["tributary"]),
    .executable(name: "tributary-bench", targets: ["BenchmarkTool"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", .upToNextMinor(from: "1.8.2")),
    .package(url: "https://github.com/apple/swift-asn1.git", .upToNextMinor(from: "1.7.4")),
    .package(url: "https://github.com/apple/swift-certificates.git", .upToNextMinor(from: "1.21.1")),
    .package(url: "https://github.com/apple/swift-crypto.git", .upToNextMinor(from: "4.5.2")),
    .package(url: "https://github.com/apple/swift-log.git", .upToNextMinor(from: "1.16.2")),
    .package(url: "https://github.com/apple/swift-nio.git", .upToNextMinor(from: "2.101.2")),
    .package(url: "https://github.com/apple/swift-protobuf.git", .upToNextMinor(from: "1.39.0"), traits: []),
    .package(url: "https://github.com/groue/GRDB.swift.git", .upToNextMinor(from: "7.10.0")),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", .upToNextMinor(from: "2.4.3")),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", .upToNextMinor(from: "2.9.2")),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", .upToNextMinor(from: "2.4.1")),
    .package(url: "https://github.com/jpsim/Yams.git", .upToNextMinor(from: "6.2.2")),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", .upToNextMinor(from: "2.13.0")),
  ],
  targets: levels + [
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CPUFeatures"),
    .systemLibrary(name: "CVectors"),

    // Floor 0
    .target(name: "KernelsBase", dependencies: ["CVectors"], swiftSettings: [.unsafeFlags(fast)]),
    .target(
      name: "Kernels",
      dependencies: ["CPUFeatures", "KernelsBase"] + shippedLevels,
      swiftSettings: [.unsafeFlags(["-O"])]),
    .target(name: "Transforms", swiftSettings: [.unsafeFlags(fast)]),
    .target(name: "Privacy", swiftSettings: [.unsafeFlags(["-O"])]),
    .target(name: "Compression", dependencies: ["CZstd"]),
    .target(name: "Texts"),
    .target(name: "Tensors", dependencies: ["Texts"], swiftSettings: [.unsafeFlags(["-O"])]),
    .target(name: "Schemas", dependencies: ["Texts", "Tensors"]),
    .target(name: "Tokenizers", dependencies: ["Texts"], swiftSettings: [.unsafeFlags(["-O"])]),
    .target(name: "Documents", dependencies: ["Texts", "Yams"]),
    .target(name: "SecureAggregation", dependencies: ["COpenSSL"], swiftSettings: [.unsafeFlags(["-O"])]),

    // Floor 1
    .target(name: "Identities", dependencies: ["SecureAggregation"] + certificates),
    .target(name: "Updates", dependencies: ["Compression", "Tensors", "Transforms"]),
    .target(name: "Models", dependencies: ["Texts", "Tensors", "Tokenizers", "Schemas", "Kernels", "Privacy"]),

    // Floor 2
    .target(name: "Bases", dependencies: ["Models", "Schemas", .product(name: "Crypto", package: "swift-crypto")]),
    .target(name: "Federation", dependencies: ["Documents", "Schemas", "Tensors", "Updates", "SecureAggregation"]),

    // Floor 3
    .target(
      name: "Storage", dependencies: ["Federation", "SecureAggregation", .product(name: "GRDB", package: "GRDB.swift")]),
    .target(
      name: "Wire",
      dependencies: ["Federation", "SecureAggregation", "Identities"] + certificates + grpc
        + [.product(name: "NIOCore", package: "swift-nio")]),

    // Floor 4
    .target(
      name: "Coordination",
      dependencies: [
        "Documents", "Federation", "Identities", "Schemas", "SecureAggregation", "Storage", "Tensors", "Updates",
        "Wire",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
      ]),
    .target(
      name: "Participation",
      dependencies: [
        "Bases", "Documents", "Federation", "Identities", "Kernels", "Models", "Privacy", "Schemas",
        "SecureAggregation", "Tensors", "Updates", "Wire",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
      ]),
    .target(name: "Specialists", dependencies: ["Bases", "Kernels", "Models", "Schemas", "Tensors"]),

    // Floor 5
    .target(
      name: "Drill",
      dependencies: [
        "Documents", "Federation", "Identities", "Participation", "Schemas", "SecureAggregation", "Updates", "Wire",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "tributary",
      dependencies: [
        "Bases", "Coordination", "Documents", "Drill", "Federation", "Identities", "Models", "Participation", "Schemas",
        "Specialists", "Wire",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),

    // The product's side of scripts/bench and of Benchmarks/reference
    .executableTarget(
      name: "BenchmarkTool",
      dependencies: ["Federation", "Kernels", "Models", "Privacy", "Schemas", "SecureAggregation", "Tensors"],
      path: "Benchmarks/Tool"),
    .executableTarget(
      name: "TokenizersBenchmark", dependencies: ["Texts", "Tokenizers"], path: "Benchmarks/Tokenizers",
      swiftSettings: [.unsafeFlags(["-O"])]),
    .executableTarget(
      name: "KernelBenchmark", dependencies: ["Kernels"], path: "Benchmarks/Kernels",
      exclude: ["kernels.py", "peers.py", "run"],
      swiftSettings: [.unsafeFlags(["-O"])]),

    .executableTarget(
      name: "TimingBenchmark", dependencies: ["SecureAggregation"], path: "Benchmarks/Timing", exclude: ["run"],
      swiftSettings: [.unsafeFlags(["-O"])]),

    .testTarget(name: "KernelsTests", dependencies: ["Kernels"] + loweredLevels),
    .testTarget(name: "TransformsTests", dependencies: ["Transforms"]),
    .testTarget(name: "PrivacyTests", dependencies: ["Privacy"], resources: [.copy("dp-accounting.json")]),
    .testTarget(name: "TextsTests", dependencies: ["Texts"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(name: "SchemasTests", dependencies: ["Schemas", "Tensors"]),
    .testTarget(
      name: "TokenizersTests", dependencies: ["Tokenizers", "Tensors", "Texts"], resources: [.copy("Golden")]),
    .testTarget(name: "DocumentsTests", dependencies: ["Documents"]),
    .testTarget(name: "SecureAggregationTests", dependencies: ["SecureAggregation"], resources: [.copy("Vectors")]),
    .testTarget(name: "IdentitiesTests", dependencies: ["Identities", "SecureAggregation"] + certificates),
    .testTarget(name: "UpdatesTests", dependencies: ["Compression", "Updates", "Tensors", "Transforms"]),
    .testTarget(
      name: "ModelsTests",
      dependencies: ["Models", "Privacy", "Schemas", "Tensors", "Kernels", "Texts", "Tokenizers"],
      resources: [.copy("Files/Golden"), .copy("Language/Trajectories"), .copy("Decoder/decoders.json")]),
    .testTarget(
      name: "FederationTests",
      dependencies: ["Federation", "Documents", "Schemas", "Tensors", "Updates", "SecureAggregation"]),
    .testTarget(
      name: "StorageTests",
      dependencies: ["Storage", "Federation", "SecureAggregation", .product(name: "GRDB", package: "GRDB.swift")]),
    .testTarget(
      name: "WireTests",
      dependencies: ["Wire", "Identities", "Federation", "Schemas", "SecureAggregation", "Updates"] + grpc),
    .testTarget(
      name: "CoordinationTests",
      dependencies: [
        "Coordination", "Storage", "Wire", "Identities", "Federation", "SecureAggregation", "Schemas", "Tensors",
        "Updates",
      ] + grpc),
    .testTarget(
      name: "ParticipationTests",
      dependencies: [
        "Bases", "Participation", "Coordination", "Storage", "Wire", "Identities", "Federation", "SecureAggregation",
        "Models", "Privacy", "Schemas", "Tensors", "Updates", "Documents", "Compression",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + grpc),
    .testTarget(name: "SpecialistsTests", dependencies: ["Specialists", "Models", "Schemas", "Tensors"]),
    .testTarget(
      name: "DrillTests", dependencies: ["Drill", "Federation", "Participation", "SecureAggregation", "Wire"]),
    .testTarget(name: "EndToEndTests", dependencies: ["tributary"]),
  ],
  swiftLanguageModes: [.v6]
)

// scripts/test sets this, so that a warning in our own code is an error there, and nowhere else.
if Context.environment["TRIBUTARY_WARNINGS"] == "errors" {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}
