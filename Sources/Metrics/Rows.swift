// Rows of a grid as buffers of their own: the index is then a plain column, and the compiler makes
// vector instructions of the loop.

extension UnsafeBufferPointer {
    func row(_ y: Int, _ width: Int) -> UnsafeBufferPointer {
        UnsafeBufferPointer(rebasing: self[y * width..<(y + 1) * width])
    }
}

extension UnsafeMutableBufferPointer {
    func row(_ y: Int, _ width: Int) -> UnsafeMutableBufferPointer {
        UnsafeMutableBufferPointer(rebasing: self[y * width..<(y + 1) * width])
    }
}
