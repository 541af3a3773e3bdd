// swift-tools-version: 6.1
import PackageDescription

// As any other package would: by its address and version instead of the path,
//     .package(url: "https://…/samus", from: "0.2.0")
let package = Package(
    name: "EmbedInApp",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "samus", path: "../..")],
    targets: [
        .executableTarget(
            name: "embed-in-app", dependencies: [.product(name: "SAMUS", package: "samus")])
    ]
)
