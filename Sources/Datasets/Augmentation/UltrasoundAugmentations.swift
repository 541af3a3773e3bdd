import Foundation
import Imaging

/// Multiplies the image by speckle with grains that are wider than high.
///
/// The envelope of a scattered echo has a Rayleigh distribution (Wagner et al., 1983): the
/// magnitude of two normal variables, both smoothed over 5 columns and 3 rows to imitate lateral
/// and axial resolution. Factors are `1 + s * (r - 1)` with r of mean 1 and s uniform from 0 to the
/// strength. The default strength of 0.5 changes grey levels by up to about a quarter. Fully
/// developed speckle, s = 1, would be too strong, because images already have speckle and are
/// log-compressed.
struct SpeckleAugmentation: Augmentation {
    let name = "speckle"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest fraction of speckle, 0 to 1.
    var strength: Double = 0.5

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let share = Float(random.uniform(0..<1) * strength)
        let grains = Self.grains(labelled.image.size, using: &random)
        labelled.image = grains.withUnsafeBufferPointer { grains in
            labelled.image.shaded(gain: { 1 + share * (grains[$0] - 1) })
        }
    }

    /// Rayleigh-distributed values with mean 1, correlated between neighbours.
    static func grains(_ size: Size, using random: inout SampleRandom) -> [Float] {
        let real = field(size, using: &random)
        let imaginary = field(size, using: &random)
        // The mean magnitude of two standard normal variables.
        let mean: Float = 1.253_314_1
        return (0..<size.area).map {
            (real[$0] * real[$0] + imaginary[$0] * imaginary[$0]).squareRoot() / mean
        }
    }

    /// Normal values with deviation 1, smoothed by [1 2 3 2 1] along rows and [1 2 1] along
    /// columns.
    private static func field(_ size: Size, using random: inout SampleRandom) -> [Float] {
        let (width, height) = (size.width + 4, size.height + 2)
        let noise = (0..<width * height).map { _ in random.roughlyNormal() }
        // Variances add up: the squared weights sum to 19 along rows and 6 along columns.
        let norm = 1 / Float(19 * 6).squareRoot()
        return noise.withUnsafeBufferPointer { noise in
            let along = [Float](unsafeUninitializedCapacity: height * size.width) { target, count in
                for y in 0..<height {
                    for x in 0..<size.width {
                        let i = y * width + x
                        target[y * size.width + x] =
                            noise[i] + noise[i + 4] + 2 * (noise[i + 1] + noise[i + 3])
                            + 3 * noise[i + 2]
                    }
                }
                count = height * size.width
            }
            return along.withUnsafeBufferPointer { along in
                [Float](unsafeUninitializedCapacity: size.area) { target, count in
                    for i in 0..<size.area {
                        target[i] =
                            (along[i] + 2 * along[i + size.width] + along[i + 2 * size.width])
                            * norm
                    }
                    count = size.area
                }
            }
        }
    }
}

/// Adds haze near the probe, as caused by reverberation in the chest wall or fat.
///
/// Noise in a band with a Gaussian profile at some distance from the probe (Østvik et al., 2021).
/// The band lies in the near field, at 0.05 to 0.35 of the image height, and is 0.05 to 0.15
/// heights wide. Its brightness varies slowly along the band; the peak is uniform from 0 to the
/// strength. The default of 70 grey levels leaves tissue visible. Black pixels outside the sector
/// stay black.
struct HazeAugmentation: Augmentation {
    let name = "haze"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest grey level of the haze.
    var strength: Double = 70

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let peak = Float(random.uniform(0..<1) * strength)
        let centre = Float(random.uniform(0.05..<0.35))
        let width = Float(random.uniform(0.05..<0.15))
        let size = labelled.image.size
        let cloud = SmoothNoise(size, cells: 6, using: &random).values
        let depth = ProbeDepth(size)
        let levels = labelled.image.pixels
        labelled.image = labelled.image.shaded(offset: { i in
            guard levels[i] > 0 else { return 0 }
            let distance = (depth[i] - centre) / width
            let density = min(max(0.7 + 0.5 * cloud[i], 0), 1)
            return peak * density * exp(-0.5 * distance * distance)
        })
    }
}

/// Darkens the image with depth, as attenuation does: by `exp(-rate * depth)` from a random depth
/// on.
///
/// The rate is uniform from 0 to 3 per image height, as in Tupper and Gagné (arXiv:2501.13193; see
/// also Østvik et al., 2021). Depth is measured from the middle of the upper edge. Darkening begins
/// at 0 to half an image height, because gain compensates attenuation near the probe.
struct AttenuationAugmentation: Augmentation {
    let name = "attenuation"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest rate, per image height.
    var strength: Double = 3

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let rate = Float(random.uniform(0..<1) * strength)
        let onset = Float(random.uniform(0..<0.5))
        let depth = ProbeDepth(labelled.image.size)
        labelled.image = labelled.image.shaded(gain: { exp(-rate * max(depth[$0] - onset, 0)) })
    }
}

/// The distance of pixels from the probe at the middle of the upper edge, in image heights.
struct ProbeDepth {
    private let width: Int
    private let height: Float

    init(_ size: Size) {
        width = size.width
        height = Float(size.height)
    }

    subscript(index: Int) -> Float {
        let (y, x) = index.quotientAndRemainder(dividingBy: width)
        let dx = (Float(x) + 0.5 - Float(width) / 2) / height
        let dy = (Float(y) + 0.5) / height
        return (dx * dx + dy * dy).squareRoot()
    }
}

/// Blackens pixels outside of a random sector, like the field of view of another convex probe.
///
/// The apex is 0 to 0.4 image heights above the image, half the opening angle is 25 to 45 degrees
/// with a tilt of up to 8 degrees, and the far end is at 0.85 to 1.1 heights: ranges of phased and
/// convex probes. The label is 0 outside of the sector. A sector that hides more than the strength
/// (by default 0.3) of the pixels of a class is drawn again; after eight draws the image stays
/// unchanged.
struct SectorAugmentation: Augmentation {
    let name = "sector"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest fraction of a class's pixels that may be hidden.
    var strength: Double = 0.3

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let size = labelled.image.size
        let areas = Self.counts(labelled.label.pixels)
        for _ in 0..<8 {
            let sector = Sector(using: &random)
            let visible = (0..<size.area).map { sector.contains($0, in: size) }
            let hidden = Self.counts(zip(labelled.label.pixels, visible).map { $1 ? 0 : $0 })
            guard
                zip(hidden, areas).dropFirst()
                    .allSatisfy({ Double($0) <= Double($1) * strength })
            else { continue }
            labelled.image.pixels = zip(labelled.image.pixels, visible).map { $1 ? $0 : 0 }
            labelled.label.pixels = zip(labelled.label.pixels, visible).map { $1 ? $0 : 0 }
            return
        }
    }

    /// Number of pixels of each class.
    private static func counts(_ label: [UInt8]) -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for value in label { counts[Int(value)] += 1 }
        return counts
    }
}

/// The field of view of a convex probe; lengths are in image heights from the middle of the upper
/// edge.
private struct Sector {
    let apex: Float
    let from: Float
    let to: Float
    let near: Float
    let far: Float

    init(using random: inout SampleRandom) {
        apex = Float(random.uniform(0..<0.4))
        let opening = random.uniform(25..<45)
        let tilt = random.uniform(-8..<8)
        // Tangents are compared, so that no angle is computed for each pixel.
        from = Float(tan((tilt - opening) * .pi / 180))
        to = Float(tan((tilt + opening) * .pi / 180))
        near = apex
        far = apex + Float(random.uniform(0.85..<1.1))
    }

    func contains(_ index: Int, in size: Size) -> Bool {
        let (row, column) = index.quotientAndRemainder(dividingBy: size.width)
        let x = (Float(column) + 0.5 - Float(size.width) / 2) / Float(size.height)
        let y = (Float(row) + 0.5) / Float(size.height) + apex
        let square = x * x + y * y
        return x >= from * y && x <= to * y && square >= near * near && square <= far * far
    }
}

extension SampleRandom {
    /// An approximately standard normal number: the scaled sum of four uniform numbers, at most
    /// 3.46.
    mutating func roughlyNormal() -> Float {
        let bits = next()
        let sum = bits & 0xFFFF + bits >> 16 & 0xFFFF + bits >> 32 & 0xFFFF + bits >> 48
        return (Float(sum) / 65536 - 2) * 1.732_050_8
    }
}

/// Smooth random values over an image: independent values on a coarse grid, interpolated by a
/// uniform cubic B-spline.
struct SmoothNoise {
    /// `values[y * width + x]`.
    let values: [Float]

    /// - Parameters:
    ///   - size: size of the image.
    ///   - cells: cells of the grid along each side; fewer are smoother.
    ///   - random: generator of the values on the grid.
    init(_ size: Size, cells: Int, using random: inout SampleRandom) {
        let side = cells + 3
        let grid = (0..<side * side).map { _ in random.roughlyNormal() }
        let columns = Self.weights(size.width, cells: cells)
        let rows = Self.weights(size.height, cells: cells)
        values = [Float](unsafeUninitializedCapacity: size.area) { target, count in
            var line = [Float](repeating: 0, count: side)
            for (y, row) in rows.enumerated() {
                for x in 0..<side {
                    line[x] = (0..<4).reduce(0) {
                        $0 + row.taps[$1] * grid[(row.start + $1) * side + x]
                    }
                }
                line.withUnsafeBufferPointer { line in
                    for (x, column) in columns.enumerated() {
                        let (start, taps) = (column.start, column.taps)
                        target[y * size.width + x] =
                            taps[0] * line[start] + taps[1] * line[start + 1]
                            + taps[2] * line[start + 2] + taps[3] * line[start + 3]
                    }
                }
            }
            count = size.area
        }
    }

    private static func weights(
        _ extent: Int, cells: Int
    ) -> [(start: Int, taps: SIMD4<Float>)] {
        (0..<extent).map { position in
            let place = (Float(position) + 0.5) / Float(extent) * Float(cells)
            let start = min(Int(place), cells - 1)
            let t = place - Float(start)
            let u = 1 - t
            let taps = SIMD4(
                u * u * u, 3 * t * t * t - 6 * t * t + 4, 3 * u * u * u - 6 * u * u + 4, t * t * t)
            return (start, taps / 6)
        }
    }
}
