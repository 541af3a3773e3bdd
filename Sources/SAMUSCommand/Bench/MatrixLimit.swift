import Evaluation
import Inference

/// The rate at which this machine multiplies large matrices, in OpenVINO.
struct MatrixLimit {
    private let products: [(model: CompiledModel, matrix: FloatTensor)]

    /// - Parameter options: as the model runs.
    /// - Throws: ``OpenVINOError`` where there is no OpenVINO.
    init(_ options: EngineOptions) throws {
        let core = try OpenVINOCore(.shared())
        // Which size is fastest differs from one machine to the next.
        products = try [1024, 2048].map { size in
            let model = try core.compile(
                text: Self.square(size), name: "a matrix product",
                options: RuntimeOptions(options))
            let values = (0..<size * size).map { Float($0 % 13) - 6 }
            return (model, FloatTensor(values, shape: [size, size]))
        }
        // The first products ready kernels and threads.
        _ = try gigaflops(seconds: 0)
    }

    /// The rate of products that follow one another.
    ///
    /// - Parameter seconds: how long to go on with each size.
    /// - Returns: 10^9 floating-point operations a second, of the faster size.
    /// - Throws: ``OpenVINOError``, `CancellationError`.
    func gigaflops(seconds: Double) throws -> Double {
        let clock = ContinuousClock()
        let rates = try products.map { model, matrix in
            let side = Double(matrix.shape[0])
            let start = clock.now
            var count = 0.0
            repeat {
                // Without an output: copying it is no product.
                _ = try model.run(["matrix": matrix], outputs: [])
                count += 1
            } while (clock.now - start).inSeconds < seconds / 2
            return 2 * count * side * side * side / (clock.now - start).inSeconds / 1e9
        }
        return rates.max() ?? 0
    }

    /// OpenVINO's XML of a matrix multiplied with itself.
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
