extension StoredTensor {
    /// Copies the elements, row-major and little-endian, following strides.
    ///
    /// The bytes are read from the file straight into `destination`, so that weights are never held
    /// twice; only a tensor that is not contiguous (a view saved with its strides) is first read
    /// as it lies, and then gathered. The file is not mapped: overwriting it in place would then
    /// change live weights, and shortening it end the program. Instead, this call throws.
    ///
    /// - Parameter destination: exactly ``byteCount`` bytes; undefined after an error.
    /// - Throws: ``CheckpointError/changedWhileOpen(path:)`` when the file was written to since it
    ///   was read and checked, ``CheckpointError/readFailed(path:reason:)``.
    public func copy(into destination: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
        precondition(
            destination.count == byteCount,
            "a \(elementType) of \(shape) has \(byteCount) bytes, not \(destination.count)")
        switch source {
        case .memory(let bytes):
            destination.copyBytes(from: bytes)
        case .closure(let copy):
            copy(destination)
        case .finite(let original, let name):
            try copy(finite: original, name: name, into: destination)
        case .file(let file, let offset):
            guard !destination.isEmpty else { return }
            if isContiguous {
                try file.read(into: destination, at: offset)
            } else {
                let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
                let stored = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: (last + 1) * elementType.byteCount, alignment: 16)
                defer { stored.deallocate() }
                try file.read(into: stored, at: offset)
                gather(from: UnsafeRawBufferPointer(stored), into: destination)
            }
            try file.checkUnchanged()
        }
    }

    /// All bytes, as ``copy(into:)`` gives them.
    public func bytes() throws(CheckpointError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        try copy(into: buffer)
        return [UInt8](buffer)
    }

    /// Copies run after run, where a run is what lies contiguous along the last axes.
    private func gather(
        from stored: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    ) {
        let outer = shape.count - contiguousAxes
        let runLength = shape[outer...].reduce(elementType.byteCount, *)
        let steps = strides.map { $0 * elementType.byteCount }
        var index = [Int](repeating: 0, count: outer)
        var start = 0
        for run in 0..<(byteCount / runLength) {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: destination[run * runLength..<(run + 1) * runLength])
            target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: stored[start..<start + runLength]))
            var axis = outer - 1
            while axis >= 0 {
                index[axis] += 1
                start += steps[axis]
                if index[axis] < shape[axis] { break }
                start -= shape[axis] * steps[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
