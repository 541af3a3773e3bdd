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
        points = marks.withUnsafeBufferPointer { marks in
            marks.indices.filter { marks[$0] != 0 }
        }
    }
}
