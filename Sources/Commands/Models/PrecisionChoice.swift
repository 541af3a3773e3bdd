import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

/// How long a model needs to encode an image in each precision on this machine, and which is best.
struct PrecisionChoice: Codable, Equatable {
    /// The shortest encoding in seconds, by the precision that ran.
    var seconds: [String: Double]
    /// Precisions that this machine has no arithmetic for: they would run in another one.
    var missing: [String]
    /// Whether the figures are those of an earlier run.
    var isStored = false

    /// Only figures are stored.
    private enum CodingKeys: CodingKey { case seconds, missing }

    /// What another precision may need of float32's time: masks of float32 are exact, so that a
    /// small gain, or noise of the measurement, is no reason to leave it.
    private static let largestShare = 0.9

    /// The fastest precision; f32 unless another is clearly faster.
    var fastest: EngineOptions.Precision {
        guard let reference = seconds[EngineOptions.Precision.f32.rawValue],
            let best = seconds.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
            best.value < Self.largestShare * reference
        else { return .f32 }
        return EngineOptions.Precision(rawValue: best.key) ?? .f32
    }

    /// One sentence for the user.
    var note: String {
        "note: --precision auto chose \(fastest.rawValue): \(text)"
            + (isStored ? " (measured in an earlier run)" : "")
    }

    /// The figures: `f32 0.45 s, bf16 0.21 s; no arithmetic for f16`.
    var text: String {
        let figures = EngineOptions.Precision.allCases.compactMap { precision in
            seconds[precision.rawValue].map {
                String(format: "%@ %.3f s", precision.rawValue, $0)
            }
        }
        return figures.joined(separator: ", ") + " for an image"
            + (missing.isEmpty
                ? "" : "; no arithmetic for \(missing.joined(separator: " and ")) here")
    }
}

extension PrecisionChoice {
    /// The choice for a model: the stored one, or a measurement of a few seconds, which is stored.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - options: device and threads.
    ///   - cache: the folder of the stored choices; nil to measure each time.
    /// - Returns: the figures.
    /// - Throws: why the model cannot run.
    static func find(
        for model: LoadedModel, _ options: EngineOptions,
        cache: URL? = CompiledModelCache.standard()?.folder
    ) throws -> PrecisionChoice {
        let store = cache.map { PrecisionStore(folder: $0) }
        let key = PrecisionStore.key(of: model, options)
        if let stored = store?[key] { return stored }
        Terminal.log("measuring which precision is fastest on this machine ...")
        let choice = try measure(model, options, seconds: 4)
        store?.add(choice, for: key)
        return choice
    }

    /// Measures all precisions one after the other, so that only one engine is in memory.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - options: device and threads.
    ///   - seconds: the approximate duration of the encodings, without loading and compiling.
    /// - Returns: the figures.
    /// - Throws: why the model cannot run in f32.
    static func measure(
        _ model: LoadedModel, _ options: EngineOptions, seconds: Double
    ) throws -> PrecisionChoice {
        var choice = PrecisionChoice(seconds: [:], missing: [])
        let image = Image.noise(size: model.model.network?.inputSize ?? 256)
        for precision in EngineOptions.Precision.allCases where precision != .auto {
            var options = options
            options.precision = precision
            guard model.canCompute(in: precision, on: options.device) else {
                choice.missing.append(precision.rawValue)
                continue
            }
            let engine = try model.engine(options)
            guard EngineRuntime(engine, options).precision == precision.rawValue else {
                choice.missing.append(precision.rawValue)
                continue
            }
            // The first encoding also allocates memory and prepares kernels.
            _ = try engine.encode(image)
            let clock = ContinuousClock()
            let start = clock.now
            var best = Double.infinity
            var count = 0
            repeat {
                let begin = clock.now
                _ = try engine.encode(image)
                best = min(best, (clock.now - begin).inSeconds)
                count += 1
            } while count < 3 || (clock.now - start).inSeconds < seconds / 3
            choice.seconds[precision.rawValue] = best
        }
        return choice
    }
}

/// The choices of earlier runs, in the file `precision.json` of the cache folder.
struct PrecisionStore {
    private struct Record: Codable {
        let key: String
        let choice: PrecisionChoice
    }

    private static let largestCount = 200
    private static let largestFile = 1 << 20

    private let path: String

    /// - Parameter folder: the cache folder, created when needed.
    init(folder: URL) {
        path = folder.appendingPathComponent("precision.json").path
    }

    /// A choice; nil if there is none, or the file cannot be read.
    subscript(key: String) -> PrecisionChoice? {
        guard var found = records.last(where: { $0.key == key })?.choice else { return nil }
        found.isStored = true
        return found
    }

    /// Adds a choice; the oldest are removed.
    ///
    /// If the file cannot be written, the choice is measured again next time.
    func add(_ choice: PrecisionChoice, for key: String) {
        let kept = records.filter { $0.key != key }.suffix(Self.largestCount - 1)
        guard let text = try? JSON.encode(Array(kept) + [Record(key: key, choice: choice)]) else {
            return
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? AtomicFile.write(text, to: path)
    }

    private var records: [Record] {
        guard let text = try? RegularFile.read(path, limit: Self.largestFile) else { return [] }
        return (try? JSON.decode([Record].self, from: text)) ?? []
    }

    /// Identifies everything that the figures depend on.
    static func key(of model: LoadedModel, _ options: EngineOptions) -> String {
        let processor = Processor.current
        let versions = model.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let parts =
            [
                model.model.sha256, processor.name,
                "\(ProcessInfo.processInfo.activeProcessorCount)", options.device.rawValue,
                "\(options.threads ?? 0)", ProgramVersion.current,
            ] + processor.notableFeatures + versions
        var hash = SHA256()
        for part in parts { hash.update(Array("\(part.utf8.count):\(part)".utf8)) }
        return hash.hexDigest
    }
}

extension Image {
    /// A grey square of noise, to measure with.
    static func noise(size: Int) -> Image {
        var state: UInt32 = 1
        let pixels = (0..<size * size).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Image(width: size, height: size, channels: 1, pixels: pixels)
    }
}
