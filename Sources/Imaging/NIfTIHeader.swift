/// The checked header of a NIfTI-1 file, its first 348 bytes.
struct NIfTIHeader {
    /// The data type of a voxel; the raw value is the header's `datatype`.
    enum Element: Int {
        case uint8 = 2
        case int16 = 4
        case int32 = 8
        case float32 = 16
        case float64 = 64
        case int8 = 256
        case uint16 = 512
        case uint32 = 768
        case int64 = 1024
        case uint64 = 1280

        var bytes: Int {
            switch self {
            case .uint8, .int8: 1
            case .int16, .uint16: 2
            case .int32, .uint32, .float32: 4
            case .float64, .int64, .uint64: 8
            }
        }
    }

    static let byteCount = 348

    let width: Int
    let height: Int
    /// Number of images: the product of all axes except the first two.
    let frames: Int
    /// Lengths of all axes.
    let lengths: [Int]
    /// Steps along the axes after the third.
    let laterSteps: [Double]
    let element: Element
    let isBigEndian: Bool
    /// Position of the voxels in the file.
    let offset: Int
    /// A stored number `v` stands for `slope * v + intercept`.
    let slope: Double
    let intercept: Double
    let spacing: PixelSpacing?
    /// Directions in the body of x and y: unit vectors; nil where the header states none.
    let axes: [[Double]]?
    /// From voxel indices (i, j, k, 1) to mm in RAS: three rows of four numbers; of the sform, or else
    /// of the qform, or else of the voxel sizes.
    let affine: [[Double]]

    /// Total size of all voxels in bytes.
    var voxelBytes: Int { width * height * frames * element.bytes }

    /// - Parameters:
    ///   - bytes: at least the first 348 of the file.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted numbers of voxels and bytes.
    /// - Throws: ``NIfTIError`` if the header is invalid, or its volume exceeds the limits.
    init(_ bytes: [UInt8], name: String, limits: ImageLimits) throws(NIfTIError) {
        guard bytes.count >= Self.byteCount else { throw .notNIfTI(name: name) }
        let fields = Fields(bytes: bytes)
        switch (fields.int32(0, bigEndian: false), fields.int32(0, bigEndian: true)) {
        case (348, _): isBigEndian = false
        case (_, 348): isBigEndian = true
        case (540, _), (_, 540): throw .unsupported(name: name, what: "a NIfTI-2 file")
        default: throw .notNIfTI(name: name)
        }
        let magic = Array(bytes[344..<348])
        guard magic != Array("ni1\0".utf8) else {
            throw .unsupported(name: name, what: "the header of a NIfTI file in two parts")
        }
        guard magic == Array("n+1\0".utf8) else { throw .notNIfTI(name: name) }

        let axes = fields.int16(40, isBigEndian)
        guard (2...7).contains(axes) else {
            throw .damaged(name: name, reason: "it states \(axes) axes")
        }
        let order = isBigEndian
        let lengths = (1...axes).map { fields.int16(40 + 2 * $0, order) }
        guard lengths.allSatisfy({ $0 > 0 }) else {
            throw .damaged(name: name, reason: "an axis has length \(lengths.min() ?? 0)")
        }
        self.lengths = lengths
        laterSteps = (4..<max(lengths.count + 1, 4)).map {
            let step = abs(fields.float32(76 + 4 * $0, order))
            return step > 0 && step.isFinite ? step : 1
        }
        width = lengths[0]
        height = lengths[1]
        let type = fields.int16(70, isBigEndian)
        guard let element = Element(rawValue: type) else {
            throw .unsupported(name: name, what: "of data type \(type)")
        }
        self.element = element
        frames = try Self.frames(lengths, element, name: name, limits: limits)
        offset = try Self.offset(fields.float32(108, isBigEndian), name: name)
        (slope, intercept) = Self.scaling(
            fields.float32(112, isBigEndian), fields.float32(116, isBigEndian))
        spacing = Self.spacing(
            x: fields.float32(80, isBigEndian), y: fields.float32(84, isBigEndian),
            unit: bytes[123] & 7)
        self.axes = Self.directions(fields, order)
        affine = Self.affine(fields, order)
    }

    private static func affine(_ fields: Fields, _ order: Bool) -> [[Double]] {
        if fields.int16(254, order) > 0 {
            return (0..<3).map { row in
                (0..<4).map { fields.float32(280 + 16 * row + 4 * $0, order) }
            }
        }
        let sizes = (0..<3).map { axis -> Double in
            let size = abs(fields.float32(80 + 4 * axis, order))
            return size > 0 && size.isFinite ? size : 1
        }
        guard fields.int16(252, order) > 0 else {
            return (0..<3).map { row in (0..<4).map { $0 == row ? sizes[row] : 0 } }
        }
        let (b, c, d) = (
            fields.float32(256, order), fields.float32(260, order), fields.float32(264, order)
        )
        let a = max(1 - b * b - c * c - d * d, 0).squareRoot()
        let rotation = [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
        // qfac, the first of the voxel sizes, turns the third axis.
        let turned = fields.float32(76, order) < 0 ? -1.0 : 1
        return (0..<3).map { row in
            (0..<3).map { rotation[row][$0] * sizes[$0] * ($0 == 2 ? turned : 1) }
                + [fields.float32(268 + 4 * row, order)]
        }
    }

    /// The directions of the first two axes: of the sform, or else of the qform.
    private static func directions(_ fields: Fields, _ order: Bool) -> [[Double]]? {
        func unit(_ vector: [Double]) -> [Double]? {
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 && length.isFinite ? vector.map { $0 / length } : nil
        }
        func vectors(_ columns: [[Double]]) -> [[Double]]? {
            let units = columns.compactMap(unit)
            return units.count == 2 ? units : nil
        }
        if fields.int16(254, order) > 0 {
            return vectors(
                (0..<2).map { column in
                    (0..<3).map { fields.float32(280 + 16 * $0 + 4 * column, order) }
                })
        }
        guard fields.int16(252, order) > 0 else { return nil }
        // The quaternion (a, b, c, d) of NIfTI-1; a follows from the unit length.
        let (b, c, d) = (
            fields.float32(256, order), fields.float32(260, order), fields.float32(264, order)
        )
        let a = max(1 - b * b - c * c - d * d, 0).squareRoot()
        return vectors([
            [a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
            [2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)],
        ])
    }

    private static func frames(
        _ lengths: [Int], _ element: Element, name: String, limits: ImageLimits
    ) throws(NIfTIError) -> Int {
        var voxels = 1
        for length in lengths {
            let (product, overflows) = voxels.multipliedReportingOverflow(by: length)
            guard !overflows, product <= limits.pixels else {
                throw .tooLarge(
                    name: name,
                    reason: "it states \(lengths) voxels; at most \(limits.pixels) are read")
            }
            voxels = product
        }
        guard voxels * element.bytes <= limits.bytes else {
            throw .tooLarge(
                name: name,
                reason: "its voxels have \(voxels * element.bytes) bytes; at most \(limits.bytes)"
                    + " are read")
        }
        return voxels / (lengths[0] * lengths[1])
    }

    private static func offset(_ stored: Double, name: String) throws(NIfTIError) -> Int {
        // 0 stands for the position directly after the header and its 4 extension bytes.
        if stored == 0 { return 352 }
        guard stored >= 352, stored <= 1_048_576, stored == stored.rounded() else {
            throw .damaged(name: name, reason: "its voxels begin at byte \(stored)")
        }
        return Int(stored)
    }

    /// The scaling; a slope of 0 or NaN means that values are not scaled.
    private static func scaling(_ slope: Double, _ intercept: Double) -> (Double, Double) {
        slope != 0 && slope.isFinite ? (slope, intercept.isFinite ? intercept : 0) : (1, 0)
    }

    /// Unit 1 is the metre and 3 the micrometre; 2 and a missing unit are mm.
    private static func spacing(x: Double, y: Double, unit: UInt8) -> PixelSpacing? {
        let millimetres: Double =
            switch unit {
            case 1: 1000
            case 3: 0.001
            default: 1
            }
        let (width, height) = (abs(x) * millimetres, abs(y) * millimetres)
        guard width > 0, height > 0, width.isFinite, height.isFinite else { return nil }
        return PixelSpacing(x: width, y: height)
    }

    /// Reads numbers at byte offsets of the header.
    private struct Fields {
        let bytes: [UInt8]

        func int32(_ offset: Int, bigEndian: Bool) -> Int {
            Int(Int32(truncatingIfNeeded: unsigned(offset, 4, bigEndian)))
        }

        func int16(_ offset: Int, _ bigEndian: Bool) -> Int {
            Int(Int16(truncatingIfNeeded: unsigned(offset, 2, bigEndian)))
        }

        /// The shortest decimal number for the float32: 0.4, not 0.4000000059604645.
        func float32(_ offset: Int, _ bigEndian: Bool) -> Double {
            let value = Float(bitPattern: UInt32(unsigned(offset, 4, bigEndian)))
            return Double("\(value)") ?? Double(value)
        }

        private func unsigned(_ offset: Int, _ count: Int, _ bigEndian: Bool) -> UInt64 {
            let places = bigEndian ? Array(0..<count) : Array((0..<count).reversed())
            return places.reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
        }
    }
}
