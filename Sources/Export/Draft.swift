import Files
import SegmentAnything
import Segmentation
import Torch
import TorchNN

public enum Draft {
    public static func write(_ network: any PromptableNetwork, channels: Int, inputSize: Int, to folder: String) throws {
        let graphs = try ModelGraphs(network, channels: channels, inputSize: inputSize)
        let names = (network as Module).namesByPlace
        func put(_ r: Recording, _ n: String, _ i: [String], _ o: [String]) throws {
            let g = try Graph(name: n, r, inputs: i, outputs: o, weightNames: names)
            let file = try AtomicFile(folder + "/" + n + ".onnx")
            try ONNXFile.write(g, remarks: [], to: file)
            try file.commit()
            print(n, g.nodes.count, g.constants.count)
        }
        try put(graphs.encoder, "encoder", ["pictures"], ["image_embeddings"])
        try put(graphs.decoder, "decoder", ModelGraphs.decoderInputs, ModelGraphs.decoderOutputs)
        if let a = graphs.auto { try put(a, "auto", ["image_embeddings"], ModelGraphs.decoderOutputs) }
    }
}
