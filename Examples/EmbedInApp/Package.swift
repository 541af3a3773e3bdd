// swift-tools-version: 6.1
import PackageDescription

// Another package depends on a version instead of a path:
//     .package(url: "https://…/samus", from: "0.2.0")
let package = Package(
    name: "EmbedInApp",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "samus", path: "../..")],
    targets: [
        .executableTarget(
            name: "embed-in-app", dependencies: [.product(name: "SAMUSKit", package: "samus")])
    ]
)
