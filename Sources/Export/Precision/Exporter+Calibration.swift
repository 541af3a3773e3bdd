import Imaging
import Torch

extension Exporter {
    /// Finds the ranges of the encoder's layers on pictures, and how much each suffers from 8-bit
    /// integers.
    ///
    /// - Parameters:
    ///   - pictures: like those that the model is for, none that it is tested on.
    ///   - progress: told how many passes of how many are done.
    /// - Returns: all layers, to be computed in integers.
    /// - Throws: `TorchError`.
    public func calibrated(
        on pictures: [Image], progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> QuantizedLayers {
        let calibration = Calibration(graphs.encoder.trace, names: weightNames)
        let inputs = pictures.map { picture in
            let planes = geometry(of: picture.size).prepare(picture)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width])
        }
        // The error of each layer needs fewer pictures than the range of its numbers.
        let sample = inputs.prefix(8)
        let passes = inputs.count + sample.count
        for (done, input) in inputs.enumerated() {
            try calibration.measureRange(input)
            progress(done + 1, passes)
        }
        for (done, input) in sample.enumerated() {
            try calibration.measureErrors(input)
            progress(inputs.count + done + 1, passes)
        }
        return QuantizedLayers(Array(calibration.layers.values), pictures: pictures.count)
    }
}
