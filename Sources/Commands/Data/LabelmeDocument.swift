import FileIO
import Foundation
import Imaging

/// The JSON of labelme or X-AnyLabeling for one image.
struct LabelmeDocument {
    struct Shape {
        let label: String
        let points: [[Double]]
        /// `polygon`, or `mask` for an object with holes (labelme only).
        let kind: String
        let group: Int?
        /// Base64 of a PNG with 0 and 1.
        let mask: String?
    }

    let shapes: [Shape]
    let image: String
    let size: Size
    let isXAnyLabeling: Bool
    /// Holes that the format cannot hold.
    let filledHoles: Int

    /// - Parameters:
    ///   - frame: the objects.
    ///   - classes: names from class 1.
    ///   - image: the file of the image beside the JSON file.
    ///   - size: of the image.
    ///   - tolerance: how far points of polygons may move, in pixels.
    ///   - isXAnyLabeling: whether objects with holes must be polygons, too.
    init(
        _ frame: ExportSource.Frame, classes: [String], image: String, size: Size,
        tolerance: Double, isXAnyLabeling: Bool
    ) {
        var shapes: [Shape] = []
        var filledHoles = 0
        for object in frame.objects where object.mask.area > 0 {
            let label = classes[object.classNumber - 1]
            let contours = object.mask.contours(connectivity: .four)
            let holes = contours.count(where: \.isHole)
            if holes > 0, !isXAnyLabeling, let shape = Self.mask(of: object.mask, label: label) {
                shapes.append(shape)
                continue
            }
            filledHoles += holes
            let outlines = contours.filter { !$0.isHole }
            for outline in outlines {
                shapes.append(
                    Shape(
                        label: label, points: outline.simplified(tolerance: tolerance),
                        kind: "polygon", group: outlines.count > 1 ? object.number : nil, mask: nil)
                )
            }
        }
        self.shapes = shapes
        self.image = image
        self.size = size
        self.isXAnyLabeling = isXAnyLabeling
        self.filledHoles = filledHoles
    }

    private static func mask(of mask: Mask, label: String) -> Shape? {
        guard let box = mask.boundingBox else { return nil }
        let part = Image(
            width: mask.width, height: mask.height, channels: 1, pixels: mask.values
        ).cropped(to: box)
        guard let png = try? part.encodedPNG() else { return nil }
        return Shape(
            label: label,
            points: [
                [Double(box.x0), Double(box.y0)], [Double(box.x1 - 1), Double(box.y1 - 1)],
            ], kind: "mask", group: nil, mask: Data(png).base64EncodedString())
    }

    /// The file.
    ///
    /// - Throws: errors of encoding.
    func encoded() throws -> [UInt8] {
        var root: [String: Any] = [
            "version": isXAnyLabeling ? "3.0.0" : "5.5.0", "flags": [String: Bool](),
            "imagePath": image, "imageData": NSNull(), "imageHeight": size.height,
            "imageWidth": size.width,
        ]
        root["shapes"] = shapes.map { shape -> [String: Any] in
            var entry: [String: Any] = [
                "label": shape.label, "points": shape.points, "shape_type": shape.kind,
                "group_id": shape.group.map { $0 as Any } ?? NSNull(), "description": "",
                "flags": [String: Bool](),
            ]
            if isXAnyLabeling {
                entry["score"] = NSNull()
                entry["difficult"] = false
                entry["attributes"] = [String: String]()
                entry["kie_linking"] = [Int]()
            } else {
                entry["mask"] = shape.mask.map { $0 as Any } ?? NSNull()
            }
            return entry
        }
        let data = try JSONSerialization.data(
            withJSONObject: root, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return Array(data) + [10]
    }
}

extension Contour {
    /// The contour with fewer points, by the method of Douglas and Peucker.
    ///
    /// - Parameter tolerance: how far the contour may move, in pixels.
    /// - Returns: points `[x, y]`, at least three; whole numbers are pixel corners.
    func simplified(tolerance: Double) -> [[Double]] {
        let points = corners.map { [Double($0.x), Double($0.y)] }
        guard tolerance > 0, points.count > 4 else { return points }
        // The two ends of the closed contour are the first point and the one farthest from it.
        func square(_ a: [Double], _ b: [Double]) -> Double {
            (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1])
        }
        let far = points.indices.max {
            square(points[$0], points[0]) < square(points[$1], points[0])
        }
        let closed = points + [points[0]]
        var isKept = [Bool](repeating: false, count: closed.count)
        var ranges = [(0, far ?? 0), (far ?? 0, closed.count - 1)]
        for (start, end) in ranges { (isKept[start], isKept[end]) = (true, true) }
        while let (start, end) = ranges.popLast() {
            guard end > start + 1 else { continue }
            let (a, b) = (closed[start], closed[end])
            let length = square(a, b).squareRoot()
            var (worst, place) = (tolerance, -1)
            for index in start + 1..<end {
                let p = closed[index]
                let distance =
                    length > 0
                    ? abs((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / length
                    : square(p, a).squareRoot()
                if distance > worst { (worst, place) = (distance, index) }
            }
            guard place > 0 else { continue }
            isKept[place] = true
            ranges += [(start, place), (place, end)]
        }
        let kept = points.indices.filter { isKept[$0] }.map { points[$0] }
        return kept.count >= 3 ? kept : points
    }
}
