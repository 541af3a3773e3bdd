import Imaging
import Segmentation
import Torch

/// A frozen network whose embeddings a student is to imitate.
///
/// It sees the same augmented image, prepared in its own way.
public struct Teacher {
    let embeddings: FrozenEmbeddings
    let inputSize: Int
    let preprocessing: Preprocessing

    /// - Parameters:
    ///   - embeddings: of the teacher, in the student's grid.
    ///   - inputSize: height and width of the teacher's input.
    ///   - preprocessing: how it wants its input.
    public init(
        _ embeddings: FrozenEmbeddings, inputSize: Int, preprocessing: Preprocessing
    ) {
        self.embeddings = embeddings
        self.inputSize = inputSize
        self.preprocessing = preprocessing
    }

    /// Embeddings, `[B, D, H, W]`.
    func embeddings(of examples: [Example], on device: Device) throws -> Tensor {
        try embeddings(examples) { example in
            let geometry = InputGeometry(
                original: example.image.size, inputSize: inputSize, preprocessing: preprocessing)
            let planes = geometry.prepare(example.image)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width]
            ).to(device)
        }
    }
}
