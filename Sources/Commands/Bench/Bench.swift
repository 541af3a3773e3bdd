import Evaluation
import Foundation
import Imaging
import Inference
import Segmentation

/// Measures how fast one model runs.
struct Bench {
    let options: EngineOptions
    let repetitions: Int

    func run() throws -> BenchFigures {
        let clock = ContinuousClock()
        let start = clock.now
        let chosen = try LoadedModel(options)
        let model = try chosen.makeEngine(options)
        let (engine, options) = (model.engine, model.options)
        let ready = (clock.now - start).inSeconds
        model.notes.forEach(Terminal.log)
        let image = Image.noise(size: chosen.model.network?.inputSize ?? 256)
        // The first encoding also allocates memory and prepares kernels.
        var embedded = try engine.encode(image)
        let first = (clock.now - start).inSeconds
        let limit = try? MatrixLimit(options)
        var limitRate: Double?
        let encode = try times(repetitions) {
            embedded = try engine.encode(image)
        } after: { seconds in
            // Alternating and equally long, so that other load on the machine affects both.
            guard let rate = try limit?.gigaflops(seconds: seconds) else { return }
            limitRate = max(limitRate ?? 0, rate)
        }
        let peak = PeakMemory.megabytes
        let isPromptFree = chosen.model.architecture.isPromptFree
        let one = try clicks(1, in: image)
        let many = try clicks(64, in: image)
        let decode = try times(repetitions) {
            if chosen.model.classes != nil {
                _ = try embedded.predictClasses()
            } else if isPromptFree {
                _ = try embedded.predictPromptFree()
            } else {
                _ = try embedded.predict(one, multimask: false)
            }
        }
        let batch =
            isPromptFree
            ? nil : try times(3) { _ = try embedded.predict(many, multimask: false) }
        let rate = chosen.macs.map { 2 * Double($0) / encode.min / 1e9 }
        return BenchFigures(
            model: chosen.model.name, sha256: chosen.model.sha256, versions: chosen.versions,
            device: model.runtime.device, precision: model.runtime.precision,
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

    private func clicks(_ count: Int, in image: Image) throws -> [Prompt.Checked] {
        try (0..<count).map { index in
            let place = Double((index * 37 + 11) % image.width)
            return try Prompt(foregroundPoints: [PixelPoint(x: place, y: place)]).checked(
                for: image.size)
        }
    }
}

/// The peak memory of this process.
enum PeakMemory {
    /// In 10^6 bytes.
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

/// The throughput of large matrix products (GEMM) in OpenVINO on this machine.
struct MatrixLimit {
    private let products: [(model: CompiledModel, matrix: FloatTensor)]

    /// - Parameter options: the precision, device and threads of the model.
    /// - Throws: ``OpenVINOError`` where OpenVINO is missing.
    init(_ options: EngineOptions) throws {
        let core = try OpenVINOCore(.shared())
        // Which size is faster depends on the machine.
        products = try [1024, 2048].map { size in
            let model = try core.compile(
                text: Self.square(size), name: "a matrix product",
                options: RuntimeOptions(options))
            let values = (0..<size * size).map { Float($0 % 13) - 6 }
            return (model, FloatTensor(values, shape: [size, size]))
        }
        // The first products also prepare kernels and threads.
        _ = try gigaflops(seconds: 0)
    }

    /// Measures the throughput.
    ///
    /// - Parameter seconds: the duration, shared by both sizes.
    /// - Returns: GFLOP/s of the faster size.
    /// - Throws: ``OpenVINOError``, `CancellationError`.
    func gigaflops(seconds: Double) throws -> Double {
        let clock = ContinuousClock()
        let rates = try products.map { model, matrix in
            let side = Double(matrix.shape[0])
            let start = clock.now
            var count = 0.0
            repeat {
                // No output is read, because copying it is not part of the product.
                _ = try model.run(["matrix": matrix], outputs: [])
                count += 1
            } while (clock.now - start).inSeconds < seconds / 2
            return 2 * count * side * side * side / (clock.now - start).inSeconds / 1e9
        }
        return rates.max() ?? 0
    }

    /// A network that multiplies a matrix with itself, as OpenVINO XML.
    private static func square(_ size: Int) -> String {
        let axes = "<dim>\(size)</dim><dim>\(size)</dim>"
        return """
            <?xml version="1.0"?>
            <net name="square" version="11">
              <layers>
                <layer id="0" name="matrix" type="Parameter" version="opset1">
                  <data shape="\(size),\(size)" element_type="f32"/>
                  <output><port id="0" precision="FP32" names="matrix">\(axes)</port></output>
                </layer>
                <layer id="1" name="product" type="MatMul" version="opset1">
                  <data transpose_a="false" transpose_b="false"/>
                  <input>
                    <port id="0" precision="FP32">\(axes)</port>
                    <port id="1" precision="FP32">\(axes)</port>
                  </input>
                  <output><port id="2" precision="FP32" names="product">\(axes)</port></output>
                </layer>
                <layer id="2" name="result" type="Result" version="opset1">
                  <input><port id="0" precision="FP32">\(axes)</port></input>
                </layer>
              </layers>
              <edges>
                <edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
                <edge from-layer="0" from-port="0" to-layer="1" to-port="1"/>
                <edge from-layer="1" from-port="2" to-layer="2" to-port="0"/>
              </edges>
            </net>
            """
    }
}
