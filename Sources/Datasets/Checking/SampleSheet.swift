import Drawing
import Imaging

/// A sheet with some images of each dataset and the outlines of their labels.
public enum SampleSheet {
    /// Longest side of an image on the sheet.
    private static let extent = 288

    /// Draws a sheet.
    ///
    /// The images are spread evenly over each dataset's list; unreadable ones are left out. Classes have the colours of `Overlay`, class 1 the first.
    ///
    /// - Parameters:
    ///   - data: the datasets.
    ///   - perSet: images of each, at least 1.
    ///   - limits: how large an image is accepted.
    /// - Returns: an RGB image; nil when nothing can be read.
    /// - Throws: ``DatasetError`` when the lists cannot be read.
    public static func draw(
        _ data: DatasetCollection, perSet: Int = 5, limits: ImageLimits = .standard
    ) throws(DatasetError) -> Image? {
        let listed = try DatasetListing(data)
        var tiles: [(image: Image, caption: String)] = []
        // Keeps the sheet small enough for image viewers.
        let maximum = max(200 / data.classes.count, 1)
        for dataset in data.classes.keys.sorted() {
            let names = listed.order.filter { listed.images[$0]?.sample?.dataset == dataset }
            let count = min(perSet, maximum, names.count)
            for place in 0..<count {
                let name = names[(2 * place + 1) * names.count / (2 * count)]
                if let image = listed.images[name], let tile = tile(image, limits) {
                    tiles.append(tile)
                }
            }
        }
        return tiles.isEmpty ? nil : sideBySide(tiles, columns: max(perSet, 4))
    }

    private static func tile(
        _ image: DatasetListing.ImageEntry, _ limits: ImageLimits
    ) -> (image: Image, caption: String)? {
        guard let sample = image.sample, let read = try? sample.read(limits: limits) else {
            return nil
        }
        let size = read.image.size
        let scale = Double(extent) / Double(max(size.width, size.height))
        let fitted = Size(
            height: max(Int((Double(size.height) * scale).rounded()), 1),
            width: max(Int((Double(size.width) * scale).rounded()), 1))
        let small = LabelledImage(
            image: read.image.resizedLikePillow(to: fitted),
            label: read.label.resizedNearest(to: fitted))
        let drawn = Overlay(
            objects: (1..<sample.classes).map { label in
                let mask = small.mask(of: label)
                return OverlayObject(
                    mask: mask.area > 0 ? mask : nil, label: sample.classes > 2 ? "\(label)" : nil)
            }, fillsMasks: false
        ).drawWithoutStrip(on: small.image)
        let splits = image.splits.map(\.rawValue).joined(separator: ", ")
        return (drawn, "\(sample.image) (\(splits)) \(size)")
    }
}
