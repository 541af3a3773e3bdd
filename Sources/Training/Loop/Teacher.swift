import Imaging
import Segmentation
import Torch

/// A frozen network whose embeddings a student is to imitate.
///
/// It sees the same augmented image, prepared in its own way.
public struct Teacher {
    let embeddings: FrozenEmbeddings
    let inputSize: Int
    let preparation: InputPreparation

    /// - Parameters:
    ///   - embeddings: of the teacher, in the student's grid.
    ///   - inputSize: height and width of the teacher's input.
    ///   - preparation: how it wants its input.
    public init(
        _ embeddings: FrozenEmbeddings, inputSize: Int, preparation: InputPreparation
    ) {
        self.embeddings = embeddings
        self.inputSize = inputSize
        self.preparation = preparation
    }

    /// Embeddings, `[B, D, H, W]`.
    func embeddings(of examples: [Example], on device: Device) throws -> Tensor {
        try embeddings(examples) { example in
            let geometry = InputGeometry(
                original: example.image.size, inputSize: inputSize, preparation: preparation)
            let planes = geometry.prepare(example.image)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width]
            ).to(device)
        }
    }
}
