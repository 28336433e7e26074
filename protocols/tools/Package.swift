// swift-tools-version:6.2
import PackageDescription

// Builds the two protoc plugins for protocols/generate, and nothing else: a package of its own, so that the product's build
// never sees them.
let package = Package(
  name: "protocol-tools",
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf.git", .upToNextMinor(from: "1.39.0"), traits: []),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", .upToNextMinor(from: "2.4.1")),
  ],
  targets: [
    .target(
      name: "Tools",
      dependencies: [
        .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
      ])
  ]
)
