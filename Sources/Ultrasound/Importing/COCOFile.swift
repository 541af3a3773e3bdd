import Imaging

/// A COCO JSON file, as far as masks need it.
struct COCOFile: Decodable {
    struct Picture: Decodable {
        let id: Int
        let fileName: String
        let width: Int?
        let height: Int?

        private enum CodingKeys: String, CodingKey {
            case id, width, height
            case fileName = "file_name"
        }
    }

    struct Category: Decodable {
        let id: Int
        let name: String
    }

    struct Annotation: Decodable {
        let image: Int
        let category: Int
        let segmentation: Segmentation?

        private enum CodingKeys: String, CodingKey {
            case segmentation
            case image = "image_id"
            case category = "category_id"
        }
    }

    let images: [Picture]
    /// Nil in files that list pictures only, such as a challenge's test part.
    let annotations: [Annotation]?
    let categories: [Category]?

    /// Where an object is: polygons, or run lengths plain or packed.
    enum Segmentation: Decodable {
        /// x and y in turn, in pixels from the picture's corner.
        case polygons([[Double]])
        case counts([Int], size: [Int])
        case packed(String, size: [Int])

        private enum CodingKeys: String, CodingKey {
            case counts, size
        }

        init(from decoder: any Decoder) throws {
            if let polygons = try? decoder.singleValueContainer().decode([[Double]].self) {
                self = .polygons(polygons)
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let size = try container.decode([Int].self, forKey: .size)
            if let packed = try? container.decode(String.self, forKey: .counts) {
                self = .packed(packed, size: size)
            } else {
                self = .counts(try container.decode([Int].self, forKey: .counts), size: size)
            }
        }

        /// - Parameter size: the picture's.
        /// - Returns: nil where the object does not fit the picture, or there is no outline.
        func mask(size: Size) -> Mask? {
            switch self {
            case .polygons(let lists):
                let polygons = lists.compactMap { Self.polygon($0) }
                return polygons.count == lists.count && !polygons.isEmpty
                    ? Mask(polygons: polygons, size: size) : nil
            case .counts(let counts, let stated):
                guard stated == [size.height, size.width] else { return nil }
                return RunLength(size: size, counts: counts)?.mask()
            case .packed(let text, let stated):
                guard stated == [size.height, size.width] else { return nil }
                return RunLength(compressed: text, size: size)?.mask()
            }
        }

        /// COCO counts from the corner of the first pixel, ``PixelPoint`` from its centre.
        private static func polygon(_ list: [Double]) -> [PixelPoint]? {
            guard list.count >= 6, list.count % 2 == 0, list.allSatisfy(\.isFinite) else {
                return nil
            }
            return stride(from: 0, to: list.count, by: 2).map {
                PixelPoint(x: list[$0] - 0.5, y: list[$0 + 1] - 0.5)
            }
        }
    }
}
