// swift-tools-version: 6.1
import PackageDescription

// libtorch lies in `.deps/`, put there by `make setup`. Only `CTorch` names it, and only the training
// side depends on `CTorch`: the libraries below stay free of unsafe flags, so that
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
        .executable(name: "samus-dicom", targets: ["samus-dicom"]),
        .executable(name: "samus-server", targets: ["samus-server"]),
        .executable(name: "samus-pacs", targets: ["samus-pacs"]),
        .executable(name: "samus-receive", targets: ["samus-receive"]),
        .library(name: "Imaging", targets: ["Imaging"]),
        .library(name: "Checkpoints", targets: ["Checkpoints"]),
        .library(name: "Segmentation", targets: ["Segmentation"]),
        .library(name: "Datasets", targets: ["Datasets"]),
        .library(name: "MaskMetrics", targets: ["MaskMetrics"]),
        .library(name: "Measurements", targets: ["Measurements"]),
        .library(name: "DICOM", targets: ["DICOM"]),
        .library(name: "Evaluation", targets: ["Evaluation"]),
        .library(name: "Studies", targets: ["Studies"]),
        .library(name: "SAMUSKit", targets: ["SAMUSKit"]),
        .library(name: "Tracking", targets: ["Tracking"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
        // Only `samus-server` is built with these.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1",
            traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Inference side: no libtorch, no unsafe flags.
        .systemLibrary(
            name: "CLibPNG", pkgConfig: "libpng",
            providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .target(
            name: "CPng", dependencies: ["CLibPNG", "CZlib"],
            linkerSettings: [.linkedLibrary("png"), .linkedLibrary("z")]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        // DCMTK and OpenJPEG decode DICOM files in the program samus-dicom alone: nothing else links
        // them, and `samus` starts where they are missing.
        .systemLibrary(
            name: "COpenJPEG", pkgConfig: "libopenjp2",
            providers: [.apt(["libopenjp2-7-dev"]), .brew(["openjpeg"])]),
        .target(
            name: "CDCMTK", dependencies: ["COpenJPEG"],
            linkerSettings: ["dcmdata", "dcmjpeg", "dcmjpls", "oflog", "ofstd", "m"].map {
                .linkedLibrary($0)
            }),
        .executableTarget(name: "samus-dicom", dependencies: ["CDCMTK"]),
        // The same for what others send over the network: one process for each connection.
        .executableTarget(
            name: "samus-receive",
            linkerSettings: ["dcmnet", "dcmdata", "oflog", "ofstd"].map { .linkedLibrary($0) }),
        .target(name: "FileIO", dependencies: ["CCrypto"]),
        .target(name: "Checkpoints", dependencies: ["FileIO", "CZlib"]),
        .target(name: "Imaging", dependencies: ["FileIO", "CPng", "CTurboJPEG", "CZlib"]),
        .target(name: "DICOM", dependencies: ["FileIO", "Imaging"]),
        .target(name: "Drawing", dependencies: ["Imaging"]),
        .target(name: "Segmentation", dependencies: ["Checkpoints", "FileIO", "Imaging"]),
        // Opens OpenVINO when it runs: nothing of it is needed to build or link.
        .target(
            name: "COpenVINO",
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "Inference",
            dependencies: ["COpenVINO", "Checkpoints", "FileIO", "Imaging", "Segmentation"]),
        .target(
            name: "Datasets",
            dependencies: ["DICOM", "Drawing", "FileIO", "Imaging", "Segmentation"]),
        // Not "Metrics": the server depends on swift-metrics, which has a target of that name.
        .target(name: "MaskMetrics", dependencies: ["FileIO", "Imaging"]),
        .target(name: "Measurements", dependencies: ["Imaging"]),
        .target(
            name: "Evaluation",
            dependencies: [
                "Checkpoints", "Datasets", "Drawing", "FileIO", "Imaging", "MaskMetrics",
                "Segmentation",
            ]),
        .target(
            name: "Studies",
            dependencies: [
                "Datasets", "Drawing", "Evaluation", "FileIO", "Imaging", "Inference",
                "MaskMetrics", "Segmentation", .product(name: "Yams", package: "Yams"),
            ]),
        .target(name: "SAMUSKit", dependencies: ["Imaging", "Inference", "Segmentation"]),
        .target(name: "Tracking", dependencies: ["Imaging", "Segmentation"]),
        .target(
            name: "Commands",
            dependencies: [
                "Checkpoints", "DICOM", "Datasets", "Drawing", "Evaluation", "FileIO", "Imaging",
                "Inference", "Measurements", "MaskMetrics", "Segmentation", "Studies", "Tracking",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "samus", dependencies: ["Commands"]),
        .target(
            name: "Server",
            dependencies: [
                "Checkpoints", "DICOM", "DICOMWeb", "Datasets", "FileIO", "Imaging", "Inference",
                "Measurements", "Segmentation", "Tracking",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [
                .embedInCode("Resources/index.html"), .embedInCode("Resources/style.css"),
                .embedInCode("Resources/openapi.json"),
                .embedInCode("Resources/app.js"),
                .embedInCode("Resources/server.js"),
                .embedInCode("Resources/training.js"),
                .embedInCode("Resources/masks.js"),
                .embedInCode("Resources/draft.js"),
                .embedInCode("Resources/view.js"),
                .embedInCode("Resources/worklist.js"),
                .embedInCode("Resources/cine.js"),
                .embedInCode("Resources/results.js"),
            ]),
        .executableTarget(
            name: "samus-server",
            dependencies: [
                "Commands", "FileIO", "Imaging", "Inference", "Segmentation", "Server",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        // A program of its own, so that `samus` links no HTTP client.
        .target(name: "DICOMWeb", dependencies: ["FileIO"]),
        .executableTarget(
            name: "samus-pacs",
            dependencies: [
                "Commands", "DICOM", "DICOMWeb", "FileIO", "Imaging",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // Training side: needs libtorch.
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
            name: "Baselines",
            dependencies: ["Torch", "TorchNN", "SegmentAnything", "Segmentation"]),
        .target(
            name: "TorchEngine",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "Baselines", "Segmentation",
                "Checkpoints", "Imaging",
            ]),
        .target(
            name: "Training",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Checkpoints",
                "Datasets", "Drawing", "Evaluation", "FileIO", "Imaging", "MaskMetrics",
                "Segmentation",
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Export",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Inference",
                "Checkpoints", "Datasets", "Drawing", "FileIO", "Imaging", "MaskMetrics",
                "Segmentation",
            ]),
        .target(
            name: "TrainCommands",
            dependencies: [
                "Torch", "TorchNN", "SAMUSModels", "TorchEngine", "Training", "Export",
                "Inference", "Commands",
                "Checkpoints", "Evaluation", "FileIO", "Imaging", "Segmentation", "Datasets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "samus-train", dependencies: ["TrainCommands", "Commands"]),
        .executableTarget(
            name: "samus-bench",
            dependencies: [
                "Torch", "TorchNN", "SegmentAnything", "SAMUSModels", "TorchEngine", "Training",
                "Export", "Inference", "Segmentation", "Checkpoints", "FileIO", "Imaging",
                "MaskMetrics",
            ]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Checkpoints", "Imaging", "TorchNN"],
            path: "Tests/TestSupport"
        ),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "FileIOTests", dependencies: ["FileIO"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "FileIO"]),
        .testTarget(name: "ImagingTests", dependencies: ["FileIO", "Imaging", "TestSupport"]),
        .testTarget(
            name: "DICOMTests",
            dependencies: ["DICOM", "FileIO", "Imaging", "TestSupport", "samus-dicom"]),
        .testTarget(name: "DICOMWebTests", dependencies: ["DICOMWeb", "FileIO"]),
        .testTarget(name: "DrawingTests", dependencies: ["Drawing", "Imaging"]),
        .testTarget(name: "SegmentationTests", dependencies: ["Segmentation"]),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["Inference", "Checkpoints", "Imaging", "Segmentation"]),
        .testTarget(
            name: "SAMUSKitTests",
            dependencies: ["SAMUSKit", "Imaging", "Inference", "Segmentation"]),
        .testTarget(
            name: "TrackingTests", dependencies: ["Tracking", "Imaging", "Segmentation"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Server", "DICOM", "DICOMWeb", "FileIO", "Imaging", "Inference", "Segmentation",
                "samus-dicom",
            ]),
        .testTarget(
            name: "DatasetsTests",
            dependencies: [
                "DICOM", "Datasets", "FileIO", "Imaging", "TestSupport", "samus-dicom",
            ]),
        .testTarget(
            name: "MetricsTests", dependencies: ["MaskMetrics", "FileIO", "Imaging", "TestSupport"]),
        .testTarget(
            name: "MeasurementsTests", dependencies: ["Measurements", "Imaging", "TestSupport"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Evaluation", "Imaging", "MaskMetrics", "Segmentation", "Datasets", "TestSupport",
            ]),
        .testTarget(
            name: "StudiesTests",
            dependencies: [
                "Studies", "Datasets", "Evaluation", "FileIO", "Imaging", "MaskMetrics",
                "Segmentation", "TestSupport",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "TrainCommands", "Torch", "TorchNN", "SAMUSModels", "SegmentAnything",
                "Baselines", "Segmentation", "Datasets", "Imaging", "Checkpoints", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
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
            name: "BaselinesTests",
            dependencies: [
                "Baselines", "Torch", "TorchNN", "TorchEngine", "SegmentAnything", "Segmentation",
                "Checkpoints", "Imaging", "TestSupport",
            ]),
        .testTarget(
            name: "ExportTests",
            dependencies: [
                "Export", "Inference", "Torch", "TorchNN", "TorchEngine", "SAMUSModels",
                "Baselines",
                "SegmentAnything", "Segmentation", "Checkpoints", "Imaging", "TestSupport",
            ]),
        .testTarget(
            name: "CommandsTests",
            dependencies: [
                "Commands", "Checkpoints", "FileIO", "Imaging", "Datasets", "TestSupport", "samus",
                "samus-dicom", "samus-pacs", "samus-receive", "samus-train",
            ]),
    ],
    cxxLanguageStandard: .cxx20
)
