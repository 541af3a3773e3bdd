import Evaluation
import Inference

/// The rate at which this machine multiplies large matrices, in OpenVINO.
struct MatrixLimit {
    private let options: RuntimeOptions
    private let core: OpenVINOCore

    /// - Parameter options: as the model ran.
    /// - Throws: ``OpenVINOError`` where there is no OpenVINO.
    init(_ options: EngineOptions) throws {
        self.options = RuntimeOptions(options)
        core = try OpenVINOCore(.shared())
    }

    /// The best of several products of several sizes.
    ///
    /// - Returns: 10^9 floating-point operations a second.
    func gigaflops() throws -> Double {
        try [1024, 2048].map(gigaflops).max() ?? 0
    }

    private func gigaflops(size: Int) throws -> Double {
        let model = try core.compile(
            text: Self.square(size), name: "a matrix product", options: options)
        let matrix = FloatTensor(
            (0..<size * size).map { Float($0 % 13) - 6 }, shape: [size, size])
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<8 {
            let start = clock.now
            // Without an output: copying it is no product.
            _ = try model.run(["matrix": matrix], outputs: [])
            best = min(best, (clock.now - start).inSeconds)
        }
        let operations = 2 * Double(size) * Double(size) * Double(size)
        return operations / best / 1e9
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
