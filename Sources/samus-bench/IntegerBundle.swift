import Checkpoints
import Export
import Imaging
import Segmentation

/// A bundle whose encoder computes all the layers in 8-bit integers that it can, for
/// Benchmarks/bundles.
///
/// `samus export` keeps in float32 what changes masks, which is most of a network whose weights are
/// by formula and little of one that was trained. Ranges are those of noise: its masks mean nothing.
enum IntegerBundle {
    /// Exports a network.
    ///
    /// - Parameters:
    ///   - weights: of any network.
    ///   - output: the bundle's folder.
    /// - Throws: `CheckpointError`, `ModuleLoadError`, `ExportError`, `TorchError` or `FileError`.
    static func write(weights: String, output: String) throws {
        let checkpoint = try Checkpoint.read(weights)
        guard let kind = ModelArchitecture(names: checkpoint.names) else {
            preconditionFailure("\(weights) is none of the networks")
        }
        let model = ModelDescription(
            name: "int8", kind: kind, sha256: try checkpoint.sha256, licence: nil)
        let exporter = try Exporter(checkpoint: checkpoint, model: model, program: "samus-bench")
        let layers = try exporter.calibrate(on: [.noise(size: 256)])
        try exporter.writeBundle(named: "int8", precision: .int8, layers: layers, to: output)
    }
}

extension Image {
    /// The grey noise that `samus bench` and bundles_works.py take.
    static func noise(size: Int) -> Image {
        var state: UInt32 = 1
        let pixels = (0..<size * size).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Image(width: size, height: size, channels: 1, pixels: pixels)
    }
}
