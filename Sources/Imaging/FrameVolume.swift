import CZlib

/// Frames of 8-bit values on the grid of a source, to be written as NIfTI or NRRD.
public struct FrameVolume: Sendable {
    /// A class of a label volume.
    public struct Segment: Equatable, Sendable {
        /// The class number, from 1.
        public let value: Int
        /// The name of the class.
        public let name: String

        /// - Parameters:
        ///   - value: the class number, from 1.
        ///   - name: the name of the class.
        public init(value: Int, name: String) {
            self.value = value
            self.name = name
        }
    }

    /// Columns of each frame.
    public let width: Int
    /// Rows of each frame.
    public let height: Int
    /// Lengths of all axes: columns, rows, and one or more whose product is the number of frames.
    public let axes: [Int]
    /// From voxel indices (i, j, k, 1) to mm in RAS: three rows of four numbers.
    public let affine: [[Double]]
    /// Distance between frames on the axes after the third; 1 where the source states none.
    public let laterSteps: [Double]
    /// One number for each voxel, row by row and frame by frame.
    public private(set) var values: [UInt8]

    /// The largest number of voxels.
    public static let maximumVoxels = 1 << 28

    /// Creates an empty volume on the grid of a NIfTI file.
    ///
    /// - Parameter source: the file.
    public init(onGridOf source: NIfTIVolume) {
        width = source.width
        height = source.height
        let lengths = source.axisLengths
        axes = lengths.count < 3 ? lengths + [1] : lengths
        affine = source.affine
        laterSteps = source.laterSteps
        values = [UInt8](repeating: 0, count: source.width * source.height * source.frames)
    }

    /// Creates an empty volume on the grid of an image or a cine.
    ///
    /// Columns go to the patient's left and rows to posterior, as in DICOM, and frames have a distance
    /// of 1 mm, as in ITK and 3D Slicer, because ultrasound images do not state where they are.
    ///
    /// - Parameters:
    ///   - size: of a frame.
    ///   - frames: number of frames, at least 1; at most ``maximumVoxels`` voxels.
    ///   - spacing: size of a pixel; nil for 1 mm.
    public init(size: Size, frames: Int, spacing: PixelSpacing?) {
        precondition(
            frames >= 1 && frames <= Self.maximumVoxels / max(size.area, 1),
            "a volume has at most \(Self.maximumVoxels) voxels")
        width = size.width
        height = size.height
        axes = [size.width, size.height, frames]
        let spacing = spacing ?? PixelSpacing(x: 1, y: 1)
        affine = [[-spacing.x, 0, 0, 0], [0, -spacing.y, 0, 0], [0, 0, 1, 0]]
        laterSteps = []
        values = [UInt8](repeating: 0, count: size.area * frames)
    }

    /// Number of frames.
    public var frames: Int { values.count / (width * height) }

    /// Replaces a frame.
    ///
    /// - Parameters:
    ///   - frame: its index, from 0.
    ///   - pixels: `width * height` values.
    public mutating func replace(frame: Int, with pixels: [UInt8]) {
        precondition(pixels.count == width * height, "a frame must have the size of the volume")
        let start = frame * width * height
        values.replaceSubrange(start..<start + pixels.count, with: pixels)
    }

    /// Writes a class number into a frame.
    ///
    /// - Parameters:
    ///   - frame: its index, from 0.
    ///   - mask: the pixels, of the size of a frame.
    ///   - value: the class number.
    public mutating func fill(frame: Int, _ mask: Mask, with value: UInt8) {
        precondition(
            mask.width == width && mask.height == height, "a mask must have the frame's size")
        let start = frame * width * height
        for (index, isInside) in mask.values.enumerated() where isInside != 0 {
            values[start + index] = value
        }
    }
}

extension FrameVolume {
    /// A compressed NIfTI-1 file (`.nii.gz`).
    ///
    /// - Parameter description: at most 79 bytes of ASCII.
    /// - Returns: the file.
    public func encodedNIfTI(description: String) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 352)
        func put(_ value: some FixedWidthInteger, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes in
                for (index, byte) in bytes.enumerated() { header[offset + index] = byte }
            }
        }
        func put(_ value: Double, at offset: Int) {
            put(Float(value).bitPattern, at: offset)
        }
        put(Int32(348), at: 0)
        put(Int16(axes.count), at: 40)
        for (index, length) in axes.enumerated() {
            put(Int16(clamping: length), at: 42 + 2 * index)
        }
        for index in axes.count..<7 { put(Int16(1), at: 42 + 2 * index) }
        put(Int16(2), at: 70)  // unsigned 8-bit integers
        put(Int16(8), at: 72)
        put(1.0, at: 76)
        for column in 0..<3 { put(step(column), at: 80 + 4 * column) }
        for index in 3..<7 {
            let step = index - 3 < laterSteps.count ? laterSteps[index - 3] : 1
            put(step, at: 80 + 4 * index)
        }
        put(352.0, at: 108)
        put(1.0, at: 112)
        header[123] = 2 | 8  // mm and seconds
        for (index, byte) in description.utf8.prefix(79).enumerated() { header[148 + index] = byte }
        // The sform alone: it holds every affine, a quaternion only some.
        put(Int16(1), at: 254)
        for row in 0..<3 {
            for column in 0..<4 { put(affine[row][column], at: 280 + 16 * row + 4 * column) }
        }
        for (index, byte) in "n+1\0".utf8.enumerated() { header[344 + index] = byte }
        return gzip(header + values)
    }

    /// An NRRD file with compressed values, which 3D Slicer opens as a segmentation where it has
    /// segments.
    ///
    /// - Parameters:
    ///   - comment: one line of ASCII.
    ///   - segments: names of the classes; empty for an image.
    /// - Returns: the file.
    public func encodedNRRD(comment: String, segments: [Segment] = []) -> [UInt8] {
        // NRRD has the axes of DICOM and ITK, LPS: the first two rows change their sign.
        let lps = affine.enumerated().map { row, numbers in
            numbers.map { row < 2 ? 0 - $0 : $0 }
        }
        func vector(_ column: Int) -> String {
            "(" + lps.map { "\($0[column])" }.joined(separator: ",") + ")"
        }
        var lines = [
            "NRRD0004", "# \(Self.oneLine(comment))", "type: uint8",
            // All axes after the second are frames: readers expect three axes in space.
            "dimension: 3", "space: left-posterior-superior", "sizes: \(width) \(height) \(frames)",
            "space directions: \(vector(0)) \(vector(1)) \(vector(2))",
            "kinds: domain domain domain", "encoding: gzip", "space origin: \(vector(3))",
        ]
        for (index, segment) in segments.enumerated() {
            lines += [
                "Segment\(index)_ID:=Segment_\(segment.value)",
                "Segment\(index)_Name:=\(Self.oneLine(segment.name))",
                "Segment\(index)_LabelValue:=\(segment.value)", "Segment\(index)_Layer:=0",
                "Segment\(index)_Extent:=0 \(width - 1) 0 \(height - 1) 0 \(frames - 1)",
            ]
        }
        if !segments.isEmpty { lines.append("Segmentation_MasterRepresentation:=Binary labelmap") }
        return Array((lines.joined(separator: "\n") + "\n\n").utf8) + gzip(values)
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    private func step(_ column: Int) -> Double {
        let length = affine.reduce(0) { $0 + $1[column] * $1[column] }.squareRoot()
        return length > 0 ? length : 1
    }
}

/// Compresses bytes as gzip does, without a time, so that equal bytes give equal files.
private func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    // A window of 15 bits; 16 stands for the header and checksum of gzip.
    let status = deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "not enough memory to compress")
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(bytes.count))) + 64
    var source = bytes
    return [UInt8](unsafeUninitializedCapacity: bound) { target, initialized in
        source.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(bound)
            let status = deflate(&stream, Z_FINISH)
            precondition(status == Z_STREAM_END, "the bound of a compressed text is too small")
        }
        initialized = Int(stream.total_out)
    }
}
