/// Marked points of a grid, and where they are.
///
/// `marks[y * width + x]` is not 0 where the point is marked.
struct PointGrid {
    let width: Int
    let height: Int
    let marks: [UInt8]
    /// Places in `marks`, rising.
    let points: [Int]

    init(width: Int, height: Int, marks: [UInt8]) {
        self.width = width
        self.height = height
        self.marks = marks
        points = marks.withUnsafeBytes { marks in
            var points: [Int] = []
            var start = 0
            while start < marks.count {
                // Most points are not marked: eight of them are passed over at once.
                let isWord = start + 8 <= marks.count
                if isWord && marks.loadUnaligned(fromByteOffset: start, as: UInt64.self) == 0 {
                    start += 8
                    continue
                }
                let end = isWord ? start + 8 : marks.count
                for index in start..<end where marks[index] != 0 { points.append(index) }
                start = end
            }
            return points
        }
    }
}
