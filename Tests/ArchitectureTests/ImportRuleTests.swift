import Testing

@Suite("Imports go down, or from training to inference")
struct ImportRuleTests {
    @Test("all source files follow the rule", arguments: try Checkout.targets())
    func sources(target: String) throws {
        for file in Checkout.files(under: "Sources/\(target)") {
            for module in try ImportScanner.modules(in: file) {
                let objection = Architecture.objection(to: module, in: target)
                #expect(objection == nil, "\(file.lastPathComponent)")
            }
        }
    }

    @Test("Package.swift follows the rule and has the targets of the table")
    func manifest() throws {
        let targets = PackageManifest(try Checkout.text("Package.swift")).targets
            .filter { !$0.isTest }
        for target in targets {
            for dependency in target.dependencies {
                #expect(Architecture.objection(to: dependency, in: target.name) == nil)
            }
        }
        let names = Set(targets.map(\.name))
        let table = Set(Architecture.places.keys)
        #expect(names.subtracting(table).isEmpty, "not in the table")
        #expect(table.subtracting(names).isEmpty, "not a target")
        #expect(names == Set(try Checkout.targets()))
    }

    @Test(
        "imports down and from training to inference are allowed",
        arguments: [
            ("Torch", "CTorch"), ("TorchNN", "Checkpoints"), ("TorchEngine", "Segmentation"),
            ("TrainCommands", "Commands"), ("Segmentation", "Imaging"),
            ("Imaging", "CPng"), ("CPng", "CLibPNG"), ("FileIO", "CCrypto"),
            ("samus", "Commands"),
            ("Commands", "ArgumentParser"), ("CTorch", "libtorch"), ("Imaging", "Foundation"),
        ])
    func allowed(target: String, module: String) {
        #expect(Architecture.objection(to: module, in: target) == nil)
    }

    @Test(
        "imports up, sideways and from inference to training are refused",
        arguments: [
            ("Torch", "TorchNN"),  // up
            ("Imaging", "Checkpoints"),  // sideways
            ("CTorch", "Imaging"),  // up, to the right
            ("Segmentation", "TorchEngine"),  // right to left
            ("Commands", "Torch"),  // right to left, though down
            ("samus", "TrainCommands"),
            ("TorchNN", "CTorch"), ("Torch", "libtorch"), ("Segmentation", "ArgumentParser"),
            ("Imaging", "CCrypto"), ("Segmentation", "CZlib"), ("Checkpoints", "CPng"),
            ("Imaging", "CLibPNG"),
            ("Segmentation", "CTurboJPEG"), ("Unheard", "Foundation"),
        ])
    func refused(target: String, module: String) {
        #expect(Architecture.objection(to: module, in: target) != nil)
    }
}

@Suite("The import scanner")
struct ImportReadingTests {
    @Test("reads every form of a Swift import")
    func swift() {
        let source = """
            @testable import Torch
            @_exported import Imaging
            @_spi(Internals) public import TorchNN
            #if canImport(Darwin)
                import struct Foundation.URL
            #endif
            import A; import B
            // import Commented
            /// import Documented
            let important = 1
            """
        let found = ImportScanner.modules(inSwift: source)
        #expect(found == ["Torch", "Imaging", "TorchNN", "Foundation", "A", "B"])
    }

    @Test("ignores imports in multi-line strings")
    func string() {
        let quotes = "\"\"\""
        let source = "let text = \(quotes)\n    import Torch\n    \(quotes)\nimport Imaging\n"
        #expect(ImportScanner.modules(inSwift: source) == ["Imaging"])
    }

    @Test("reads includes of the libraries that a target owns")
    func c() {
        let source = """
            #include <ATen/core/Tensor.h>
            # include "torch/csrc/autograd/variable.h"
              #import <c10/core/Device.h>
            #include <png.h>
            #include "ctorch.h"
            // #include <zlib.h>
            """
        let found = ImportScanner.modules(inC: source)
        #expect(found == ["libtorch", "libtorch", "libtorch", "CLibPNG"])
    }

    @Test("reads targets, dependencies and products of a manifest")
    func manifest() throws {
        let text = """
            products: [.library(name: "L", targets: ["Low"])],
            targets: [
                .target(name: "Low", resources: [.copy("a (b")]),
                .target(
                    name: "High",
                    dependencies: ["Low", .target(name: "C"), .product(name: "P", package: "q")]),
                .target(name: "Help", dependencies: ["High"], path: "Tests/Help"),
                .testTarget(name: "HighTests", dependencies: ["High"]),
            ]
            """
        let targets = PackageManifest(text).targets
        try #require(targets.map(\.name) == ["Low", "High", "Help", "HighTests"])
        #expect(targets.map(\.isTest) == [false, false, true, true])
        #expect(targets[1].dependencies == ["Low", "C", "P"])
    }
}
