import Files
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

public enum Draft {
    public static func write(_ network: any PromptableNetwork, kind: ModelKind, inputSize: Int, to folder: String, pictures: [String], half: Bool) throws {
        let channels = kind.preparation.channels
        let graphs = try ModelGraphs(network, channels: channels, inputSize: inputSize)
        let names = (network as Module).namesByPlace
        func put(_ r: Recording, _ n: String, _ i: [String], _ o: [String], _ change: (inout Graph) throws -> Void = {_ in}) throws {
            var g = try Graph(name: n, r, inputs: i, outputs: o, weightNames: names)
            if half { try g.storeWeightsAsHalf() }
            try change(&g)
            let file = try AtomicFile(folder + "/" + n + ".onnx")
            try ONNXFile.write(g, remarks: [], to: file)
            try file.commit()
            print(n, g.nodes.count, g.constants.count)
        }
        try put(graphs.encoder, "encoder", ["pictures"], ["image_embeddings"]) { g in
            guard !pictures.isEmpty else { return }
            let c = Calibration(graphs.encoder.trace)
            let inputs = try pictures.map { path -> Tensor in
                let image = try Image.read(path)
                let p = InputGeometry(original: image.size, inputSize: inputSize, preparation: kind.preparation).prepare(image)
                return Tensor(p.values, shape: [1, p.channels, p.height, p.width])
            }
            for i in inputs { try c.measureRange(i) }
            for i in inputs.prefix(6) { try c.measureErrors(i) }
            for (_, l) in c.layers.sorted(by: { $0.key < $1.key }) {
                print(l.step, l.op, l.weight.integers.shape, l.low, l.high, l.range, l.relativeError)
            }
            g.quantize(c.layers.filter { $0.value.relativeError < 0.2 })
        }
        try put(graphs.decoder, "decoder", ModelGraphs.decoderInputs, ModelGraphs.decoderOutputs)
        if let a = graphs.auto { try put(a, "auto", ["image_embeddings"], ModelGraphs.decoderOutputs) }
    }
}
