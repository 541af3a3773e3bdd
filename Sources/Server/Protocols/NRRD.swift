import Foundation
import Imaging

/// A label volume as an NRRD file, the format that 3D Slicer and ITK read.
struct NRRDVolume {
    /// Columns, rows and slices.
    let size: (width: Int, height: Int, slices: Int)
    /// From voxel indices (i, j, k, 1) to mm in RAS: three rows of four numbers.
    let affine: [[Double]]
    /// One number for each voxel, column by column, row by row, slice by slice.
    var values: [UInt8]

    /// Largest number of voxels; a DICOM file may state any number of frames.
    static let maximumVoxels = 1 << 28

    /// Checks the number of voxels before memory is taken for them.
    ///
    /// - Throws: ``RequestError`` for a volume that is too large.
    static func check(_ size: Size, frames: Int) throws(RequestError) {
        guard frames <= maximumVoxels / max(size.area, 1) else {
            throw RequestError(
                .contentTooLarge,
                "the image has \(frames) frames of \(size) pixels; at most \(maximumVoxels) voxels "
                    + "are answered as a volume")
        }
    }

    /// An empty volume on the grid of an image.
    ///
    /// - Throws: ``RequestError`` for a volume that is too large.
    init(_ image: StoredImage) throws(RequestError) {
        try Self.check(image.size, frames: image.frames)
        size = (image.size.width, image.size.height, image.frames)
        values = [UInt8](repeating: 0, count: image.size.area * image.frames)
        let spacing =
            image.affine == nil
            ? image.calibration(of: nil, given: nil).spacing ?? PixelSpacing(x: 1, y: 1)
            : PixelSpacing(x: 1, y: 1)
        affine =
            image.affine
            ?? [[-spacing.x, 0, 0, 0], [0, -spacing.y, 0, 0], [0, 0, 1, 0]]
    }

    /// Writes a mask into a slice.
    mutating func fill(slice: Int, with mask: Mask) {
        let area = size.width * size.height
        values.replaceSubrange(slice * area..<(slice + 1) * area, with: mask.values)
    }

    /// The file: a header in text, an empty line, and the values, not compressed.
    func encoded() -> [UInt8] {
        // NRRD has the axes of DICOM and ITK, LPS: the first two rows change their sign.
        let lps = affine.enumerated().map { row, numbers in
            numbers.map { row < 2 ? 0 - $0 : $0 }
        }
        func vector(_ column: Int) -> String {
            "(" + lps.map { "\($0[column])" }.joined(separator: ",") + ")"
        }
        let header = """
            NRRD0004
            # samus serve, \(ResearchNotice.text)
            type: uint8
            dimension: 3
            space: left-posterior-superior
            sizes: \(size.width) \(size.height) \(size.slices)
            space directions: \(vector(0)) \(vector(1)) \(vector(2))
            kinds: domain domain domain
            encoding: raw
            space origin: \(vector(3))


            """
        return Array(header.utf8) + values
    }
}
