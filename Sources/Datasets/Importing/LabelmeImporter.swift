import Foundation
import Imaging

/// Imports the JSON files of labelme and X-AnyLabeling: one for each image.
///
/// Polygons, circles and masks are objects; their labels become classes, in alphabetical order. Where
/// classes overlap, the later object is used. The image is the file that `imagePath` names, or else
/// `imageData`.
struct LabelmeImporter: Importer {
    /// One file, with the split from its folder.
    private struct Part {
        let file: String
        let content: LabelmeFile
        let split: Split?
    }

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let files = source.allFiles().filter { $0.lowercased().hasSuffix(".json") }
        guard !files.isEmpty else {
            throw .wrongFormat(source: source.path, reason: "there is no JSON file")
        }
        var plan = ImportPlan(classNames: [])
        var parts: [Part] = []
        for file in files {
            do throws(ImportProblem) {
                guard let content = try LabelmeFile.read(file, in: source) else {
                    plan.remarks.append(ImportProblem(file, "it has no 'shapes'; skipped"))
                    continue
                }
                let split = file.parent.components(separatedBy: "/").compactMap {
                    Split(folderNamed: $0)
                }.last
                parts.append(Part(file: file, content: content, split: split))
            } catch {
                plan.problems.append(error)
            }
        }
        guard !parts.isEmpty || !plan.problems.isEmpty else {
            throw .wrongFormat(source: source.path, reason: "no JSON file has labelme's 'shapes'")
        }
        let labels = Set(parts.flatMap { $0.content.shapes.map(\.label) }).sorted()
        guard parts.isEmpty || (1...255).contains(labels.count) else {
            throw .wrongFormat(
                source: source.path,
                reason: "\(labels.count) labels are used; 1 to 255 are supported")
        }
        plan.classNames = labels
        plan.hasSplit = parts.contains { $0.split != nil }
        for part in parts {
            plan.items.append(
                ImportItem(source: part.file, split: part.split) { () throws(ImportProblem) in
                    let image = try part.content.image(of: part.file, in: source)
                    var label = DrawnLabel(size: image.size)
                    for (index, shape) in part.content.shapes.enumerated() {
                        guard let number = labels.firstIndex(of: shape.label) else { continue }
                        do throws(LabelmeShapeError) {
                            label.draw(try shape.mask(size: image.size), as: UInt8(number + 1))
                        } catch {
                            throw ImportProblem(part.file, "shapes/\(index) \(error.reason)")
                        }
                    }
                    return [label.image(image, name: part.file.stem)]
                })
        }
        return plan
    }
}

/// The parts of a labelme file that masks need.
private struct LabelmeFile: Decodable {
    private static let longestFile = 256 << 20

    let shapes: [LabelmeShape]
    let imagePath: String?
    let imageData: String?

    private struct Probe: Decodable {
        let shapes: [Nothing]?
    }

    private struct Nothing: Decodable {}

    /// Reads a file.
    ///
    /// - Returns: nil for another kind of JSON.
    /// - Throws: ``ImportProblem``.
    static func read(
        _ file: String, in source: SourceFolder
    ) throws(ImportProblem) -> LabelmeFile? {
        let data = try source.data(file, limit: longestFile)
        do {
            guard try JSONDecoder().decode(Probe.self, from: data).shapes != nil else {
                return nil
            }
        } catch {
            throw ImportProblem(file, "it is not JSON of labelme")
        }
        do {
            return try JSONDecoder().decode(LabelmeFile.self, from: data)
        } catch {
            throw ImportProblem(
                file, "each of its shapes needs 'label', 'points' and 'shape_type'")
        }
    }

    /// The image of the file: `imagePath` beside it, or else `imageData`.
    func image(of file: String, in source: SourceFolder) throws(ImportProblem) -> Image {
        if let place = imageFile(of: file, in: source) { return try source.image(place) }
        guard let imageData else {
            throw ImportProblem(
                file, "its image '\(imagePath ?? "")' is not found, and it has no 'imageData'")
        }
        guard let data = Data(base64Encoded: imageData) else {
            throw ImportProblem(file, "its 'imageData' is not base64")
        }
        do throws(ImageError) {
            let image = try Image.decode(Array(data), name: "imageData")
            return image.isNearlyGrey ? image.grey() : image
        } catch {
            throw ImportProblem(file, "\(error)")
        }
    }

    /// A path inside the source; nil where there is no such image.
    private func imageFile(of file: String, in source: SourceFolder) -> String? {
        guard let imagePath, !imagePath.isEmpty else { return nil }
        let name = imagePath.replacing("\\", with: "/")
        let beside = ImageFinder(source, jsonFiles: [file]).files([name], near: file)
        if case .image(let path)? = beside.first { return path }
        return nil
    }
}

/// Why a shape is no mask.
private struct LabelmeShapeError: Error {
    /// What follows "shapes/3".
    let reason: String
}

/// An object of a labelme file.
private struct LabelmeShape: Decodable {
    let label: String
    let points: [[Double]]
    let shapeType: String?
    /// Base64 of a PNG, for the kind `mask`.
    let maskData: String?

    private enum CodingKeys: String, CodingKey {
        case label, points
        case shapeType = "shape_type"
        case maskData = "mask"
    }

    /// The pixels whose centres are inside.
    ///
    /// - Throws: ``LabelmeShapeError`` for a kind without an area, and points that are no outline.
    func mask(size: Size) throws(LabelmeShapeError) -> Mask {
        guard points.allSatisfy({ $0.count == 2 && $0.allSatisfy { $0.isFinite && abs($0) < 1e9 } })
        else { throw LabelmeShapeError(reason: "has points that are not two numbers") }
        // labelme's coordinates start at the corner of the first pixel, PixelPoint at its centre.
        let corners = points.map { PixelPoint(x: $0[0] - 0.5, y: $0[1] - 0.5) }
        switch shapeType ?? "polygon" {
        case "polygon":
            guard corners.count >= 3 else {
                throw LabelmeShapeError(reason: "is a polygon of fewer than 3 points")
            }
            return Mask(polygons: [corners], size: size)
        case "circle":
            guard corners.count == 2 else {
                throw LabelmeShapeError(reason: "is a circle that needs a centre and a point on it")
            }
            return Mask(polygons: [Self.circle(corners[0], through: corners[1])], size: size)
        case "mask":
            return try pastedMask(size: size)
        default:
            throw LabelmeShapeError(
                reason: "is a \(shapeType ?? ""), not an outline: redraw it as a polygon, or "
                    + "remove it")
        }
    }

    private static func circle(_ center: PixelPoint, through place: PixelPoint) -> [PixelPoint] {
        let (dx, dy) = (place.x - center.x, place.y - center.y)
        let radius = (dx * dx + dy * dy).squareRoot()
        return (0..<720).map {
            let angle = Double($0) * .pi / 360
            return PixelPoint(
                x: center.x + radius * cos(angle), y: center.y + radius * sin(angle))
        }
    }

    /// A small image of the object, pasted at the first of its two corners.
    private func pastedMask(size: Size) throws(LabelmeShapeError) -> Mask {
        guard points.count == 2, let data = maskData.flatMap({ Data(base64Encoded: $0) }) else {
            throw LabelmeShapeError(reason: "is a mask that needs two points and 'mask' in base64")
        }
        let part: LabelValues
        do throws(ImageError) {
            part = try LabelValues.decode(Array(data), name: "mask")
        } catch {
            throw LabelmeShapeError(reason: "has a mask that cannot be read: \(error)")
        }
        let (left, top) = (Int(points[0][0].rounded()), Int(points[0][1].rounded()))
        guard left >= 0, top >= 0, left + part.width <= size.width,
            top + part.height <= size.height
        else { throw LabelmeShapeError(reason: "has a mask that reaches out of the image") }
        var values = [UInt8](repeating: 0, count: size.area)
        for y in 0..<part.height {
            for x in 0..<part.width where part.values[y * part.width + x] != 0 {
                values[(top + y) * size.width + left + x] = 1
            }
        }
        return Mask(width: size.width, height: size.height, values: values)
    }
}
