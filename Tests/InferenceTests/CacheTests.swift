import Foundation
import Testing

@testable import Inference

@Suite("Compiled models that are kept", .enabled(if: Runtime.isHere, Runtime.reason))
struct CacheTests {
    private let folder: TemporaryFolder
    private let cache: CompiledModelCache
    private let fixture: Fixture

    init() throws {
        folder = try TemporaryFolder()
        cache = CompiledModelCache(folder: folder.url.appendingPathComponent("cache"))
        fixture = try Fixture(Fixture.clicks)
    }

    private func entries() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: cache.folder, includingPropertiesForKeys: nil)
    }

    private func expectGood(_ engine: BundleEngine) throws {
        let found = try engine.encode(fixture.image)
            .predict(fixture.prompts("box"), multimask: false)[0][0]
        let expected = Array(try fixture.values("box.logits").prefix(32 * 32))
        #expect(difference(found.logits.values, expected) < 1e-4)
    }

    @Test("serve the second start, with the same results")
    func warm() throws {
        let cold = try fixture.engine(cache: cache)
        #expect(!cold.isWarm)
        #expect(try entries().count == 2)
        let warm = try fixture.engine(cache: cache)
        #expect(warm.isWarm)
        try expectGood(cold)
        try expectGood(warm)
    }

    @Test("belong to a file, to options and to nothing else")
    func keys() throws {
        let copy = try fixture.copy(into: folder)
        func engine(_ options: RuntimeOptions = .init()) throws -> BundleEngine {
            try BundleEngine(ModelBundle(copy), options: options, cache: cache)
        }
        #expect(try !engine().isWarm)
        #expect(try engine().isWarm)
        #expect(try !engine(RuntimeOptions(precision: .bfloat16)).isWarm)
        #expect(try !engine(RuntimeOptions(threads: 1)).isWarm)
        #expect(try !engine(RuntimeOptions(goal: .throughput)).isWarm)
        #expect(try engine().isWarm)
        // The same bytes, written anew.
        for name in ["encoder.onnx", "decoder.onnx"] {
            let file = copy.appendingPathComponent(name)
            try Data(contentsOf: file).write(to: file)
        }
        #expect(try !engine().isWarm)
    }

    @Test("that are damaged are made again", arguments: ["cut", "changed", "unsealed", "emptied"])
    func damaged(how: String) throws {
        _ = try fixture.engine(cache: cache)
        for entry in try entries() {
            let seal = entry.appendingPathComponent("entry.json")
            let names = try FileManager.default.contentsOfDirectory(atPath: entry.path)
            for name in names where name != "entry.json" {
                let blob = entry.appendingPathComponent(name)
                var bytes = try Data(contentsOf: blob)
                try FileManager.default.removeItem(at: blob)
                switch how {
                case "cut": bytes.removeLast(bytes.count / 2)
                case "changed":
                    for place in stride(from: 0, to: bytes.count, by: 7) { bytes[place] ^= 0x55 }
                case "emptied": continue
                default: break
                }
                try bytes.write(to: blob)
            }
            if how == "unsealed" { try Data("{\"files\":".utf8).write(to: seal) }
        }
        let engine = try fixture.engine(cache: cache)
        #expect(!engine.isWarm)
        try expectGood(engine)
        #expect(try fixture.engine(cache: cache).isWarm)
    }

    @Test("stay within the limit, the longest unused gone first")
    func limit() throws {
        let small = CompiledModelCache(folder: cache.folder, limit: 1)
        _ = try fixture.engine(cache: small)
        _ = try fixture.engine(options: RuntimeOptions(threads: 1), cache: small)
        // The newest stays, whatever its size.
        #expect(try (1...2).contains(entries().count))
    }

    @Test("a folder that cannot be made, or is a file, does without")
    func unwritable() throws {
        let file = folder.url.appendingPathComponent("file")
        try Data().write(to: file)
        for place in [file, file.appendingPathComponent("below"), URL(fileURLWithPath: "/proc/x")] {
            let engine = try fixture.engine(cache: CompiledModelCache(folder: place))
            #expect(!engine.isWarm)
            try expectGood(engine)
        }
    }

    @Test("are where the environment says")
    func places() {
        func place(_ environment: [String: String]) -> String? {
            CompiledModelCache.standard(environment: environment)?.folder.path
        }
        #expect(place(["SAMUS_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/a")
        #expect(place(["SAMUS_CACHE": "", "XDG_CACHE_HOME": "/b", "HOME": "/c"]) == nil)
        #expect(place(["XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/b/samus")
        #expect(place(["XDG_CACHE_HOME": "b", "HOME": "/c"]) == "/c/.cache/samus")
        #expect(place([:]) == nil)
    }
}
