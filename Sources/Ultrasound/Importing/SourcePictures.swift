import Imaging

extension SourceFolder {
    /// A picture as it is stored; red, green and blue that are equal everywhere become one channel.
    func picture(_ relative: String) throws(ImportProblem) -> Image {
        let image: Image
        do throws(ImageError) {
            image = try Image.read(path(relative))
        } catch {
            throw ImportProblem(relative, error.reason(without: path(relative)))
        }
        guard image.channels == 3 else { return image }
        let isGrey = image.pixels.withUnsafeBufferPointer { pixels in
            stride(from: 0, to: pixels.count, by: 3).allSatisfy {
                pixels[$0] == pixels[$0 + 1] && pixels[$0] == pixels[$0 + 2]
            }
        }
        return isGrey ? image.grey() : image
    }

    /// A mask of one object: JPEG above 127; PNG above 0, or above 127 where its edges are smooth.
    ///
    /// - Returns: the mask, and what the user should know of it.
    func mask(_ relative: String) throws(ImportProblem) -> (mask: Mask, remark: String?) {
        do throws(ImageError) {
            let mask = try Mask.read(path(relative))
            guard relative.lowercased().hasSuffix(".png"),
                let image = try? Image.read(path(relative))
            else { return (mask, nil) }
            let levels = image.levels
            guard levels.count > 2, let largest = levels.max(), largest > 127 else {
                return (mask, nil)
            }
            let values = image.highest().map { $0 > 127 ? 1 : 0 as UInt8 }
            return (
                Mask(width: image.width, height: image.height, values: values),
                "its mask has \(levels.count) greys; those above 127 are inside"
            )
        } catch {
            throw ImportProblem(relative, error.reason(without: path(relative)))
        }
    }

    /// A picture with the union of some masks as class 1.
    func picture(
        _ relative: String, name: String, masks: [String], spacing: PixelSpacing? = nil
    ) throws(ImportProblem) -> ImportedPicture {
        let image = try picture(relative)
        var values = [UInt8](repeating: 0, count: image.size.area)
        var remark: String?
        for path in masks {
            let (mask, words) = try mask(path)
            guard mask.size == image.size else {
                throw ImportProblem(
                    relative, "it has \(image.size) pixels, its mask '\(path)' \(mask.size)")
            }
            remark = remark ?? words
            for (index, value) in mask.values.enumerated() { values[index] |= value }
        }
        if !values.contains(0) { remark = "its mask covers all of it" }
        let label = Image(width: image.width, height: image.height, channels: 1, pixels: values)
        return ImportedPicture(
            name: name, image: image, label: label, spacing: spacing, remark: remark)
    }
}

extension Image {
    /// The largest of each pixel's channels.
    func highest() -> [UInt8] {
        guard channels == 3 else { return pixels }
        return stride(from: 0, to: pixels.count, by: 3).map {
            max(pixels[$0], pixels[$0 + 1], pixels[$0 + 2])
        }
    }

    /// The numbers that occur, of each pixel's largest channel.
    var levels: Set<Int> {
        var occurs = [Bool](repeating: false, count: 256)
        for value in highest() { occurs[Int(value)] = true }
        return Set(occurs.indices.filter { occurs[$0] })
    }

    /// The colours that occur, greys left out; some of them where there are very many.
    var colours: Set<[UInt8]> {
        guard channels == 3 else { return [] }
        var found: Set<[UInt8]> = []
        for place in stride(from: 0, to: pixels.count, by: 3) where found.count < 256 {
            let (red, green, blue) = (pixels[place], pixels[place + 1], pixels[place + 2])
            if red != green || green != blue { found.insert([red, green, blue]) }
        }
        return found
    }
}

extension ImageError {
    /// The words of the error, where the file is named already.
    func reason(without name: String) -> String {
        "\(self)".replacing("'\(name)'", with: "it")
    }
}
