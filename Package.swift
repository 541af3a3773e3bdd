// swift-tools-version: 6.1
import PackageDescription

// libtorch lies in `.deps/`, put there by `make setup`. Only `CTorch` names it, and only the making
// half of the product depends on `CTorch`: the libraries below stay free of unsafe flags, so that
// other packages can import them.
let torchLibraries = Context.packageDirectory + "/.deps/torch/lib"

#if os(Linux)
    let torchLinkerSettings: [LinkerSetting] = [
        .unsafeFlags([
            "-L\(torchLibraries)", "-Xlinker", "-rpath", "-Xlinker", torchLibraries,
            "-Xlinker", "--no-as-needed", "-ltorch_cpu", "-lc10", "-l:libgomp.so.1",
        ])
    ]
#else
    let torchLinkerSettings: [LinkerSetting] = [
        .unsafeFlags([
            "-L\(torchLibraries)", "-Xlinker", "-rpath", "-Xlinker", torchLibraries,
            "-ltorch_cpu", "-lc10",
        ])
    ]
#endif

let package = Package(
    name: "samus",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "samus", targets: ["samus"]),
        .executable(name: "samus-train", targets: ["samus-train"]),
        .library(name: "Imaging", targets: ["Imaging"]),
        .library(name: "Checkpoints", targets: ["Checkpoints"]),
        .library(name: "Segmentation", targets: ["Segmentation"]),
        .library(name: "Ultrasound", targets: ["Ultrasound"]),
        .library(name: "Metrics", targets: ["Metrics"]),
        .library(name: "Evaluation", targets: ["Evaluation"]),
        .library(name: "Inference", targets: ["Inference"]),
        .library(name: "SAMUS", targets: ["SAMUS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // Running: no libtorch, no unsafe flags.
        .systemLibrary(
            name: "CLibPNG", pkgConfig: "libpng",
            providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .target(name: "CPng", dependencies: ["CLibPNG"], linkerSettings: [.linkedLibrary("png")]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "Files"),
        .target(
            name: "Checkpoints",
            dependencies: ["Files", "CZlib", .product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "Imaging", dependencies: ["Files", "CPng", "CTurboJPEG", "CZlib"]),
        .target(name: "Segmentation", dependencies: ["Checkpoints", "Imaging"]),
        // Opens OpenVINO when it runs: nothing of it is needed to build or link.
        .target(
            name: "COpenVINO",
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "Inference",
            dependencies: ["COpenVINO", "Checkpoints", "Files", "Imaging", "Segmentation"]),
        .target(name: "Ultrasound", dependencies: ["Files", "Imaging", "Segmentation"]),
        .target(name: "Metrics", dependencies: ["Imaging"]),
        .target(
            name: "Evaluation",
            dependencies: [
                "Checkpoints", "Files", "Imaging", "Metrics", "Segmentation", "Ultrasound",
            ]),
        .target(name: "SAMUS", dependencies: ["Imaging", "Inference", "Segmentation"]),
        .target(
            name: "SAMUSCommand",
            dependencies: [
                "Checkpoints", "Evaluation", "Files", "Imaging", "Inference", "Metrics",
                "Segmentation", "Ultrasound",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "samus", dependencies: ["SAMUSCommand"]),

        // Making: needs libtorch.
        .target(
            name: "CTorch",
            cxxSettings: [
                .headerSearchPath("../../.deps/torch/include"),
                .headerSearchPath("../../.deps/torch/include/torch/csrc/api/include"),
                .headerSearchPath("stubs"),
            ],
            linkerSettings: torchLinkerSettings),
        .target(name: "Torch", dependencies: ["CTorch"]),
        .target(name: "TorchNN", dependencies: ["Torch", "Checkpoints"]),
        .target(name: "SegmentAnything", dependencies: ["Torch", "TorchNN", "Segmentation"]),
        .target(
            name: "SAMUSModels",
            dependencies: ["Torch", "TorchNN", "SegmentAnything", "Segmentation"]),
        .target(
            name: "TorchEngine",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "Segmentation", "Checkpoints",
                "Imaging",
            ]),
        .target(
            name: "Training",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Checkpoints",
                "Evaluation", "Files", "Imaging", "Metrics", "Segmentation", "Ultrasound",
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Export",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Inference",
                "Checkpoints", "Files", "Imaging", "Metrics", "Segmentation", "Ultrasound",
            ]),
        .target(
            name: "SAMUSTrainCommand",
            dependencies: [
                "Torch", "TorchNN", "SAMUSModels", "TorchEngine", "Training", "Export",
                "Inference", "SAMUSCommand",
                "Checkpoints", "Evaluation", "Files", "Imaging", "Segmentation", "Ultrasound",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "samus-train", dependencies: ["SAMUSTrainCommand", "SAMUSCommand"]),
        .executableTarget(
            name: "samus-bench",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Training",
                "Export", "Inference", "Segmentation", "Checkpoints", "Imaging", "Metrics",
            ]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Checkpoints", "Imaging", "TorchNN"],
            path: "Tests/TestSupport"
        ),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "FilesTests", dependencies: ["Files"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints"]),
        .testTarget(name: "ImagingTests", dependencies: ["Imaging"]),
        .testTarget(name: "SegmentationTests", dependencies: ["Segmentation"]),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["Inference", "Checkpoints", "Imaging", "Segmentation"]),
        .testTarget(name: "SAMUSTests", dependencies: ["SAMUS", "Inference"]),
        .testTarget(
            name: "UltrasoundTests", dependencies: ["Ultrasound", "Imaging", "TestSupport"]),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "Imaging", "TestSupport"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Evaluation", "Imaging", "Metrics", "Segmentation", "Ultrasound", "TestSupport",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Torch", "TorchNN", "SAMUSModels", "SegmentAnything", "Ultrasound",
                "Imaging", "Checkpoints", "TestSupport",
            ]),
        .testTarget(name: "TorchTests", dependencies: ["Torch", "TestSupport"]),
        .testTarget(name: "TorchNNTests", dependencies: ["TorchNN", "TestSupport"]),
        .testTarget(
            name: "SegmentAnythingTests",
            dependencies: ["SegmentAnything", "Segmentation", "TorchEngine", "TestSupport"]),
        .testTarget(
            name: "SAMUSModelsTests",
            dependencies: ["SAMUSModels", "SegmentAnything", "Segmentation", "TestSupport"]),
        .testTarget(
            name: "ExportTests",
            dependencies: [
                "Export", "Inference", "Torch", "TorchNN", "TorchEngine", "SAMUSModels",
                "SegmentAnything", "Segmentation", "Checkpoints", "Imaging", "TestSupport",
            ]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "SAMUSCommand", "Checkpoints", "Imaging", "Ultrasound", "TestSupport", "samus",
                "samus-train",
            ]),
    ],
    cxxLanguageStandard: .cxx20
)
