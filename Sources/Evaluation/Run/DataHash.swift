import Checkpoints
import Ultrasound

/// SHA-256 of the data that was evaluated: names, classes, and the pixels of pictures and labels as
/// they were compared.
struct DataHash {
    private var hash = ContentHash()

    /// - Parameters:
    ///   - picture: the picture and its label.
    ///   - samples: what of it is evaluated.
    mutating func add(_ picture: LabelledPicture, samples: [Sample]) {
        let names = samples.map(\.id).joined(separator: "\n")
        hash.add(Array("\(names)\n\(picture.image.size)\n".utf8))
        hash.add(picture.image.pixels)
        hash.add(picture.label.pixels)
    }

    /// 64 hexadecimal digits.
    var text: String { hash.text }
}
