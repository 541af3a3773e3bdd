import Checkpoints
import Testing

@Suite("Checkpoints written by PyTorch are read with the same names and values")
struct ReadingTests {
    static let names = [
        "element-types", "protocol-4", "shapes", "views", "module", "parameters", "data-parallel",
        "training", "training-model", "mixed",
    ]

    @Test(
        "the zip format has the same tensors as safetensors",
        arguments: names + ["no-checksums", "zip64"])
    func zip(name: String) throws {
        let found = try Checkpoint.read(Fixtures.path("\(name).pth"))
        #expect(found.format == .pytorchZip)
        #expect(found.hasChecksums == (name != "no-checksums"))
        try expectEqual(found, try Checkpoint.read(Fixtures.path("\(name).safetensors")))
    }

    @Test(
        "the format before PyTorch 1.6 has the same tensors as safetensors",
        arguments: names + ["storage-view"])
    func legacy(name: String) throws {
        let found = try Checkpoint.read(Fixtures.path("\(name)-legacy.pth"))
        #expect(found.format == .pytorchLegacy)
        #expect(!found.hasChecksums)
        try expectEqual(found, try Checkpoint.read(Fixtures.path("\(name).safetensors")))
    }

    @Test("names are in file order", arguments: ["", "-legacy"])
    func order(form: String) throws {
        let found = try Checkpoint.read(Fixtures.path("module\(form).pth"))
        #expect(
            found.names == [
                "scale", "layer.weight", "layer.bias", "norm.weight", "norm.bias",
                "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
            ])
    }

    @Test("a prefix that all names share is removed and reported")
    func prefix() throws {
        let found = try Checkpoint.read(Fixtures.path("data-parallel.pth"))
        #expect(found.strippedPrefix == "module.")
        #expect(try Checkpoint.read(Fixtures.path("module.pth")).strippedPrefix == nil)
    }

    @Test("entries that are not tensors are reported and not loaded", arguments: ["", "-legacy"])
    func ignored(form: String) throws {
        let found = try Checkpoint.read(Fixtures.path("mixed\(form).pth"))
        #expect(found.names == ["tensor"])
        #expect(found.ignoredNames == ["epoch", "5"])
    }

    @Test("metadata of safetensors is read")
    func metadata() throws {
        let found = try Checkpoint.read(Fixtures.path("module.safetensors"))
        #expect(found.metadata["seed"] == "20240611")
        #expect(found.format == .safetensors)
        #expect(found["absent"] == nil)
    }

    @Test("elements are read as Swift numbers")
    func elements() throws {
        let found = try Checkpoint.read(Fixtures.path("module.pth"))
        #expect(try found["scale"]?.elements(as: Float.self) == [1, 1, 1])
        #expect(try found["norm.num_batches_tracked"]?.elements(as: Int64.self) == [0])
        #expect(found["norm.num_batches_tracked"]?.shape == [])
    }

    @Test("the SHA-256 is that of the whole file")
    func hash() throws {
        let folder = try TemporaryFolder()
        // A fixture of a few bytes: {} with its length, hashed by sha256sum.
        let path = try folder.file([8, 0, 0, 0, 0, 0, 0, 0] + "{}      ".utf8)
        let found = try Checkpoint.read(path)
        #expect(found.names == [])
        #expect(
            try found.sha256
                == "9bbcbf73561f6bc5d0a17ea6a2081feed2d1304e87602d8c502d9a5c4bd85576")
    }
}

@Suite("Checkpoints of a small SAMUS are read")
struct GoldenTests {
    @Test(
        "the weights are equal in all three formats",
        .enabled(if: Fixtures.hasGolden, "no ../shared/golden/samus-tiny"),
        arguments: ["weights.pth", "weights-legacy.pth"])
    func forms(file: String) throws {
        let expected = try Fixtures.readGolden("weights.safetensors")
        #expect(expected.names.count == 251)
        try expectEqual(try Fixtures.readGolden(file), expected)
    }

    @Test(
        "the prefix of DataParallel is removed from the names",
        .enabled(if: Fixtures.hasGolden, "no ../shared/golden/samus-tiny"))
    func prefix() throws {
        let all = try Fixtures.readGolden("weights.safetensors")
        let found = try Fixtures.readGolden("dataparallel-prefix.pth")
        #expect(found.strippedPrefix == "module.")
        #expect(found.names.count == 12)
        for name in found.names {
            #expect(try found[name]?.bytes() == all[name]?.bytes(), "\(name)")
        }
    }
}
