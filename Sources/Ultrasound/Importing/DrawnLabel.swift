import Imaging

/// A label on which objects are drawn one after the other.
struct DrawnLabel {
    private let size: Size
    private var values: [UInt8]
    private var hidden = 0

    init(size: Size) {
        self.size = size
        values = [UInt8](repeating: 0, count: size.area)
    }

    /// Draws an object over those that are there.
    mutating func draw(_ mask: Mask, as label: UInt8) {
        for (index, value) in mask.values.enumerated() where value != 0 {
            if values[index] != 0 && values[index] != label { hidden += 1 }
            values[index] = label
        }
    }

    /// The picture with this label; says how much of other classes has been drawn over.
    func picture(_ image: Image, name: String) -> ImportedPicture {
        ImportedPicture(
            name: name, image: image,
            label: Image(width: size.width, height: size.height, channels: 1, pixels: values),
            remark: hidden == 0
                ? nil : "classes lie on each other in \(hidden) pixels; the later one is kept")
    }
}
