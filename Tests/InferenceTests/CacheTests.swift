import Foundation
import Testing

@testable import Inference

@Suite("The cache of compiled models", .enabled(if: Runtime.isInstalled, Runtime.reason))
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

    private func expectGoldenMask(_ engine: BundleEngine) throws {
        let found = try engine.encode(fixture.image)
            .predict(fixture.prompts("box"), multimask: false)[0][0]
        let expected = Array(try fixture.values("box.logits").prefix(32 * 32))
        #expect(difference(found.logits.values, expected) < 1e-4)
    }

    @Test("the second load uses the cache and gives the same masks")
    func warm() throws {
        let cold = try fixture.engine(cache: cache)
        #expect(!cold.isWarm)
        #expect(try entries().count == 2)
        let warm = try fixture.engine(cache: cache)
        #expect(warm.isWarm)
        try expectGoldenMask(cold)
        try expectGoldenMask(warm)
    }

    @Test("each combination of file and options has its own cache entry")
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
        // The same content with another modification time.
        for name in ["encoder.onnx", "decoder.onnx"] {
            let file = copy.appendingPathComponent(name)
            try Data(contentsOf: file).write(to: file)
        }
        #expect(try !engine().isWarm)
    }

    @Test(
        "a damaged cache entry is compiled again",
        arguments: ["truncated", "changed", "unrecorded", "emptied"])
    func damaged(damage: String) throws {
        _ = try fixture.engine(cache: cache)
        for entry in try entries() {
            let record = entry.appendingPathComponent("entry.json")
            let names = try FileManager.default.contentsOfDirectory(atPath: entry.path)
            for name in names where name != "entry.json" {
                let blob = entry.appendingPathComponent(name)
                var bytes = try Data(contentsOf: blob)
                try FileManager.default.removeItem(at: blob)
                switch damage {
                case "truncated": bytes.removeLast(bytes.count / 2)
                case "changed":
                    for place in stride(from: 0, to: bytes.count, by: 7) { bytes[place] ^= 0x55 }
                case "emptied": continue
                default: break
                }
                try bytes.write(to: blob)
            }
            if damage == "unrecorded" {
                try Data("{\"files\":".utf8).write(to: record)
            }
        }
        let engine = try fixture.engine(cache: cache)
        #expect(!engine.isWarm)
        try expectGoldenMask(engine)
        #expect(try fixture.engine(cache: cache).isWarm)
    }

    @Test("if the cache folder is not writable, models are compiled without a cache")
    func unwritable() throws {
        let file = folder.url.appendingPathComponent("file")
        try Data().write(to: file)
        for place in [file, file.appendingPathComponent("below"), URL(fileURLWithPath: "/proc/x")] {
            let engine = try fixture.engine(cache: CompiledModelCache(folder: place))
            #expect(!engine.isWarm)
            try expectGoldenMask(engine)
        }
    }
}

@Suite("The folder of the cache of compiled models")
struct CacheFolderTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// An entry of 100 bytes that was last used some hours ago.
    private func makeEntry(_ name: String, hours: Double) throws -> URL {
        let entry = folder.url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: entry, withIntermediateDirectories: true)
        try Data(count: 100).write(to: entry.appendingPathComponent("model.blob"))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -3600 * hours)],
            ofItemAtPath: entry.path)
        return entry
    }

    private func name(_ letter: Character) -> String { String(repeating: letter, count: 32) }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    }

    @Test("the least recently used entries are removed until the others fit the limit")
    func limit() throws {
        for (letter, hours) in zip("abcd", [3.0, 1, 4, 2]) {
            _ = try makeEntry(name(letter), hours: hours)
        }
        CompiledModelCache(folder: folder.url, limit: 250).removeLeastRecentlyUsed()
        #expect(try names() == [name("b"), name("d")])
        CompiledModelCache.Entry.touch(folder.url.appendingPathComponent(name("d")))
        CompiledModelCache(folder: folder.url, limit: 150).removeLeastRecentlyUsed()
        #expect(try names() == [name("d")])
    }

    @Test("the entry in use stays, even if it is the oldest and too large")
    func current() throws {
        _ = try makeEntry(name("a"), hours: 1)
        let current = try makeEntry(name("b"), hours: 2)
        CompiledModelCache(folder: folder.url, limit: 50)
            .removeLeastRecentlyUsed(except: current)
        #expect(try names() == [name("b")])
    }

    @Test("temporary folders are removed after an hour, other folders never")
    func abandoned() throws {
        _ = try makeEntry(".old.partial", hours: 2)
        _ = try makeEntry(".new.partial", hours: 0.5)
        _ = try makeEntry("photos", hours: 9)
        CompiledModelCache(folder: folder.url, limit: 1000).removeLeastRecentlyUsed()
        #expect(try names() == [".new.partial", "photos"])
    }

    @Test("SAMUS_CACHE comes before XDG_CACHE_HOME, which comes before the home folder")
    func environment() {
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
