import Foundation

/// A binary mask: one number per pixel, row-major, 1 for foreground and 0 for background.
public struct Mask: Equatable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// 0 or 1: `values[y * width + x]`.
    public let values: [UInt8]

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - values: `width * height` numbers, row-major; 0 is background, any other number foreground.
    public init(width: Int, height: Int, values: [UInt8]) {
        precondition(width > 0 && height > 0, "a mask must have pixels")
        precondition(values.count == width * height, "the number of values must fit the size")
        self.width = width
        self.height = height
        self.values = [UInt8](unsafeUninitializedCapacity: values.count) { target, initialized in
            values.withUnsafeBufferPointer { source in
                for i in 0..<source.count { target[i] = source[i] == 0 ? 0 : 1 }
            }
            initialized = values.count
        }
    }

    /// - Parameters:
    ///   - size: rows and columns, at least 1 each.
    ///   - values: `size.area` numbers, each 0 or 1.
    init(size: Size, zerosAndOnes values: [UInt8]) {
        precondition(size.width > 0 && size.height > 0, "a mask must have pixels")
        precondition(values.count == size.area, "the number of values must fit the size")
        width = size.width
        height = size.height
        self.values = values
    }

    /// A mask without foreground.
    ///
    /// - Parameter size: rows and columns, at least 1 each.
    public init(emptyOf size: Size) {
        self.init(size: size, zerosAndOnes: [UInt8](repeating: 0, count: size.area))
    }

    /// - Parameters:
    ///   - plane: one channel, such as logits.
    ///   - threshold: values above the threshold are foreground; NaN is background.
    public init(thresholding plane: Planes, above threshold: Float) {
        precondition(plane.channels == 1, "the planes must have one channel")
        width = plane.width
        height = plane.height
        values = plane.values.map { $0 > threshold ? 1 : 0 }
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }

    /// Number of foreground pixels.
    public var area: Int {
        values.withUnsafeBufferPointer { values in
            var sum = 0
            for y in 0..<height {
                // Sums of rows fit in 32 bits, of which a vector holds twice as many as of 64.
                var row: UInt32 = 0
                for i in y * width..<(y + 1) * width { row &+= UInt32(values[i]) }
                sum += Int(row)
            }
            return sum
        }
    }

    /// Smallest box around the foreground; nil if the mask is empty.
    public var boundingBox: PixelBox? {
        var (x0, y0, x1, y1) = (width, height, 0, 0)
        values.withUnsafeBufferPointer { values in
            for y in 0..<height {
                let start = y * width
                var any: UInt8 = 0
                for i in start..<start + width { any |= values[i] }
                guard any != 0 else { continue }
                y0 = min(y0, y)
                y1 = y + 1
                // Only what is outside of the box so far can make it larger.
                if let x = (0..<x0).first(where: { values[start + $0] != 0 }) { x0 = x }
                if let x = (x1..<width).last(where: { values[start + $0] != 0 }) { x1 = x + 1 }
            }
        }
        return x0 < x1 ? PixelBox(x0: x0, y0: y0, x1: x1, y1: y1) : nil
    }

    /// Finds where a column changes between background and foreground.
    ///
    /// - Parameter body: called, row by row, with each pixel that differs from the one above; above the
    ///   first row is background.
    func forEachChange(_ body: (_ x: Int, _ y: Int, _ isInside: Bool) -> Void) {
        values.withUnsafeBytes { values in
            guard let start = values.baseAddress else { return }
            let background = UnsafeMutableRawPointer.allocate(byteCount: width, alignment: 16)
            defer { background.deallocate() }
            background.initializeMemory(as: UInt8.self, repeating: 0, count: width)
            var above = UnsafeRawPointer(background)
            for y in 0..<height {
                let row = start + y * width
                defer { above = row }
                // Most rows of a large mask are equal to the row above.
                guard memcmp(row, above, width) != 0 else { continue }
                var x = 0
                while x < width {
                    if x + 8 <= width,
                        row.loadUnaligned(fromByteOffset: x, as: UInt64.self)
                            == above.loadUnaligned(fromByteOffset: x, as: UInt64.self)
                    {
                        x += 8
                        continue
                    }
                    for x in x..<min(x + 8, width) {
                        let value = row.load(fromByteOffset: x, as: UInt8.self)
                        if value != above.load(fromByteOffset: x, as: UInt8.self) {
                            body(x, y, value != 0)
                        }
                    }
                    x += 8
                }
            }
        }
    }

    /// A part of the mask.
    ///
    /// - Parameter box: the part, inside the mask and not empty.
    /// - Returns: a mask of the box's size.
    public func part(in box: PixelBox) -> Mask {
        precondition(
            box.x0 >= 0 && box.y0 >= 0 && box.x1 <= width && box.y1 <= height,
            "a part must be inside the mask")
        var part: [UInt8] = []
        part.reserveCapacity(box.width * box.height)
        for y in box.y0..<box.y1 { part += values[y * width + box.x0..<y * width + box.x1] }
        return Mask(size: Size(height: box.height, width: box.width), zerosAndOnes: part)
    }

    /// A grey image: 0 for background, 255 for foreground.
    ///
    /// - Returns: an image of the mask's size.
    public func image() -> Image {
        Image(width: width, height: height, channels: 1, pixels: values.map { $0 &* 255 })
    }
}

/// A mask's connected components, numbered from 1 in the order of their first pixels, row by row.
public struct ComponentLabels: Equatable, Sendable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// The component's number for each pixel, 0 for background: `labels[y * width + x]`.
    public let labels: [Int32]
    /// Number of pixels of each component, from component 1 on.
    public let areas: [Int]

    /// The mask of one component.
    ///
    /// - Parameter component: the component's number, from 1.
    /// - Returns: a mask of the whole image's size.
    public func mask(of component: Int) -> Mask {
        let number = Int32(component)
        return Mask(width: width, height: height, values: labels.map { $0 == number ? 1 : 0 })
    }
}

extension Mask {
    /// Numbers the connected components.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: each pixel's component.
    public func labelled(connectivity: Connectivity = .eight) -> ComponentLabels {
        var labels = [Int32](repeating: 0, count: values.count)
        var areas: [Int] = []
        var pending: [Int] = []
        labels.withUnsafeMutableBufferPointer { labels in
            values.withUnsafeBufferPointer { values in
                for start in 0..<values.count where values[start] != 0 && labels[start] == 0 {
                    let label = Int32(areas.count + 1)
                    var area = 0
                    labels[start] = label
                    pending.append(start)
                    while let pixel = pending.popLast() {
                        area += 1
                        let (y, x) = pixel.quotientAndRemainder(dividingBy: width)
                        for row in max(y - 1, 0)...min(y + 1, height - 1) {
                            for column in max(x - 1, 0)...min(x + 1, width - 1) {
                                if connectivity == .four && row != y && column != x { continue }
                                let neighbour = row * width + column
                                guard values[neighbour] != 0 && labels[neighbour] == 0 else {
                                    continue
                                }
                                labels[neighbour] = label
                                pending.append(neighbour)
                            }
                        }
                    }
                    areas.append(area)
                }
            }
        }
        return ComponentLabels(width: width, height: height, labels: labels, areas: areas)
    }

    /// Splits the mask into connected components.
    ///
    /// Each component is a mask of full size. If there are thousands of components,
    /// ``labelled(connectivity:)`` takes less memory.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: one mask per component, in the order of their first pixels, row by row.
    public func components(connectivity: Connectivity = .eight) -> [Mask] {
        let labels = labelled(connectivity: connectivity)
        return labels.areas.indices.map { labels.mask(of: $0 + 1) }
    }

    /// The component with the most pixels; the first one, row by row, if several are equally large.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: a mask of the same size; empty if this mask is empty.
    public func largestComponent(connectivity: Connectivity = .eight) -> Mask {
        let labels = labelled(connectivity: connectivity)
        guard let largest = labels.areas.max(), let index = labels.areas.firstIndex(of: largest)
        else { return self }
        return labels.mask(of: index + 1)
    }
}
