import Evaluation
import Foundation
import Imaging
import Inference
import Segmentation

/// Measures one model.
struct Bench {
    let options: EngineOptions
    let repetitions: Int

    func run() throws -> BenchFigures {
        let clock = ContinuousClock()
        let start = clock.now
        let chosen = try ChosenModel(options)
        let engine = try chosen.engine(options)
        let ready = (clock.now - start).inSeconds
        let picture = noise(size: chosen.model.network?.inputSize ?? 256)
        // The first one gets memory, and some kernels ready.
        var embedded = try engine.embed(picture)
        let first = (clock.now - start).inSeconds
        let limit = try? MatrixLimit(options)
        var limitRate: Double?
        let encode = try times(repetitions) {
            embedded = try engine.embed(picture)
        } after: { seconds in
            // Side by side and as long: what else the machine does meets both alike.
            guard let rate = try limit?.gigaflops(seconds: seconds) else { return }
            limitRate = max(limitRate ?? 0, rate)
        }
        let peak = PeakMemory.megabytes
        let findsOnly = chosen.model.kind.findsPrompts
        let one = try clicks(1, in: picture)
        let many = try clicks(64, in: picture)
        let decode = try times(repetitions) {
            if findsOnly {
                _ = try embedded.predictUnprompted()
            } else {
                _ = try embedded.predict(one, multimask: false)
            }
        }
        let batch =
            findsOnly
            ? nil : try times(3) { _ = try embedded.predict(many, multimask: false) }
        let rate = chosen.macs.map { 2 * Double($0) / encode.min / 1e9 }
        return BenchFigures(
            model: chosen.model.name, sha256: chosen.model.sha256, versions: chosen.versions,
            device: options.device.rawValue, precision: options.precision.rawValue,
            threads: options.threads, start: ready, firstEmbedding: first,
            isWarm: (engine as? BundleEngine)?.isWarm, encode: encode, decode: decode,
            decodeClicks64: batch, peakMegabytes: peak, encodeGigaflops: rate,
            limitGigaflops: limitRate,
            shareOfLimit: rate.flatMap { rate in limitRate.map { rate / $0 } })
    }

    private func times(
        _ count: Int, _ body: () throws -> Void,
        after: (_ seconds: Double) throws -> Void = { _ in }
    ) rethrows -> BenchFigures.Times {
        let clock = ContinuousClock()
        try body()
        var seconds: [Double] = []
        for _ in 0..<count {
            let start = clock.now
            try body()
            seconds.append((clock.now - start).inSeconds)
            try after(seconds[seconds.count - 1])
        }
        seconds.sort()
        return .init(min: seconds[0], median: seconds[count / 2])
    }

    private func noise(size: Int) -> Image {
        var state: UInt32 = 1
        let pixels = (0..<size * size).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Image(width: size, height: size, channels: 1, pixels: pixels)
    }

    private func clicks(_ count: Int, in picture: Image) throws -> [Prompt.Checked] {
        try (0..<count).map { index in
            let place = Double((index * 37 + 11) % picture.width)
            return try Prompt(points: [PixelPoint(x: place, y: place)]).checked(for: picture.size)
        }
    }
}

/// The most memory that this process has had.
enum PeakMemory {
    /// In MB of a million bytes.
    static var megabytes: Double {
        var usage = rusage()
        #if os(Linux)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Double(usage.ru_maxrss) * 1024 / 1e6
        #else
            getrusage(RUSAGE_SELF, &usage)
            return Double(usage.ru_maxrss) / 1e6
        #endif
    }
}
