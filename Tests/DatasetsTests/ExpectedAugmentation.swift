import Datasets
import Foundation
import Imaging
import TestSupport

/// Results of numpy and Pillow, from Tools/fixtures/augmentation.py.
struct ExpectedAugmentation: Decodable {
    struct Gamma: Decodable {
        let gamma: Double
        let result: Data
    }
    struct Rotation: Decodable {
        let width, height: Int
        let angle: Double
        let pixels, label, result, resultLabel: Data
    }
    struct Contrast: Decodable {
        let width, height: Int
        let factor: Double
        let pixels, result: Data
    }
    struct Chain: Decodable {
        let gamma, angle, factor: Double
        let side, x, y: Int
    }
    let levels: Data
    let gammas: [Gamma]
    let rotations: [Rotation]
    let contrasts: [Contrast]
    let chains: [Chain]

    static func path(_ name: String) -> String {
        Shared.package.appending(path: "Tests/Fixtures/augmentation/\(name)").path
    }

    static func read() throws -> Self {
        try JSONDecoder().decode(
            Self.self, from: Data(contentsOf: URL(filePath: path("expected.json"))))
    }
}

extension LabelledImage {
    /// A synthetic image of 300x180 and its label, with values 0, 1 and 2.
    static func chain() throws -> LabelledImage {
        LabelledImage(
            image: try Image.read(ExpectedAugmentation.path("chain0-image.png")),
            label: try Image.read(ExpectedAugmentation.path("chain0-label.png")))
    }
}
