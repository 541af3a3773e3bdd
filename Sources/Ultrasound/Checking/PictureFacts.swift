import Imaging

/// What a check keeps of a picture, whose pixels it lets go.
struct PictureFacts: Sendable {
    /// Nil when the picture or its label cannot be used.
    var size: Size?
    /// Of the picture's size and pixels.
    var pixels: Fingerprint?
    /// Pixels of each label value.
    var areas: [Int: Int] = [:]
    /// Why the picture or its label cannot be used.
    var problem: DataFinding?

    /// Reads a picture and its label.
    init(_ sample: Sample, limits: ImageLimits) {
        let absent = [("picture", sample.imagePath), ("label", sample.labelPath)].filter {
            !LayoutFile.exists($0.1)
        }
        if !absent.isEmpty {
            let parts = absent.map(\.0).joined(separator: " and ")
            problem = DataFinding(
                .missing, sample.picture, "no \(parts): '\(absent[0].1)' is not there")
            return
        }
        do throws(DataError) {
            let picture = try sample.read(limits: limits)
            size = picture.image.size
            pixels = picture.image.fingerprint
            areas = picture.label.areas
        } catch {
            let kind: DataFinding.Kind = if case .sizes = error { .sizes } else { .unreadable }
            problem = DataFinding(kind, sample.picture, "\(error)")
        }
    }
}

extension Image {
    /// Of size and pixels.
    var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add(width)
        fingerprint.add(pixels)
        return fingerprint
    }

    /// Pixels of each value that there is.
    fileprivate var areas: [Int: Int] {
        var counts = [Int](repeating: 0, count: 256)
        pixels.withUnsafeBufferPointer { pixels in
            counts.withUnsafeMutableBufferPointer { counts in
                for pixel in pixels { counts[Int(pixel)] &+= 1 }
            }
        }
        let seen = counts.indices.filter { counts[$0] > 0 }
        return Dictionary(uniqueKeysWithValues: seen.map { ($0, counts[$0]) })
    }
}
