extension Unpickler {
    /// Pushes a number, text or bytes.
    ///
    /// - Returns: false when the operation is none of these.
    mutating func runScalar(_ operation: PickleOperation) throws(CheckpointError) -> Bool {
        switch operation {
        case .none: push(.none)
        case .newTrue: push(.boolean(true))
        case .newFalse: push(.boolean(false))
        case .integer8: push(.integer(Int(try stream.byte())))
        case .integer16: push(.integer(Int(try stream.integer(UInt16.self))))
        case .integer32: push(.integer(Int(try stream.integer(Int32.self))))
        case .long: try pushLong(try stream.bytes(Int(try stream.byte())))
        case .real:
            _ = try stream.bytes(8)
            push(.opaque)
        case .unicode: try pushText(Int(try stream.integer(UInt32.self)))
        case .shortUnicode: try pushText(Int(try stream.byte()))
        case .largeUnicode: try pushText(try largeCount())
        // Python 2 wrote its `str` so: text where it is text.
        case .string: push(text(try stream.bytes(Int(try stream.integer(Int32.self)))))
        case .shortString: push(text(try stream.bytes(Int(try stream.byte()))))
        case .bytes: try skip(Int(try stream.integer(UInt32.self)))
        case .shortBytes: try skip(Int(try stream.byte()))
        case .largeBytes, .byteArray: try skip(try largeCount())
        default: return false
        }
        return true
    }

    private mutating func pushText(_ count: Int) throws(CheckpointError) {
        guard let text = try stream.bytes(count).validUTF8 else {
            throw malformed("text that is not UTF-8")
        }
        push(.text(text))
    }

    private func text(_ bytes: [UInt8]) -> PickleValue {
        guard let text = bytes.validUTF8 else { return .opaque }
        return .text(text)
    }

    private mutating func skip(_ count: Int) throws(CheckpointError) {
        _ = try stream.bytes(count)
        push(.opaque)
    }

    private mutating func largeCount() throws(CheckpointError) -> Int {
        guard let count = Int(exactly: try stream.integer(UInt64.self)) else {
            throw malformed("an impossible length")
        }
        return count
    }

    /// Little-endian two's complement of any length.
    private mutating func pushLong(_ bytes: [UInt8]) throws(CheckpointError) {
        guard bytes.count <= 8 else { return push(.longInteger(bytes)) }
        let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
        let filler: UInt8 = isNegative ? 0xFF : 0
        let padded = bytes + [UInt8](repeating: filler, count: 8 - bytes.count)
        push(.integer(Int(padded.integer(at: 0, as: Int64.self))))
    }

    /// Makes or fills a list, tuple, dictionary or set.
    mutating func runContainer(_ operation: PickleOperation) throws(CheckpointError) {
        switch operation {
        case .emptyList: push(heap.add(.list))
        case .emptyTuple: push(heap.add(.tuple))
        case .emptyDictionary: push(heap.add(.dictionary))
        case .emptySet: push(heap.add(.set))
        case .list: push(heap.add(.list, try popToMark()))
        case .tuple: push(heap.add(.tuple, try popToMark()))
        case .frozenSet: push(heap.add(.set, try popToMark()))
        case .dictionary: push(heap.add(.dictionary, try paired(try popToMark())))
        case .tuple1: try pushTuple(1)
        case .tuple2: try pushTuple(2)
        case .tuple3: try pushTuple(3)
        case .append: try extend(.list, [try pop()])
        case .appendAll: try extend(.list, try popToMark())
        case .addItems: try extend(.set, try popToMark())
        case .setItem:
            let value = try pop()
            try extend(.dictionary, [try pop(), value])
        case .setItems: try extend(.dictionary, try paired(try popToMark()))
        default: throw malformed("an operation without meaning")
        }
    }

    private mutating func pushTuple(_ count: Int) throws(CheckpointError) {
        var items: [PickleValue] = []
        for _ in 0..<count { items.append(try pop()) }
        push(heap.add(.tuple, items.reversed()))
    }

    private func paired(_ items: [PickleValue]) throws(CheckpointError) -> [PickleValue] {
        guard items.count.isMultiple(of: 2) else { throw malformed("a key without a value") }
        return items
    }

    /// Adds items to the container on top of the stack.
    private mutating func extend(
        _ kind: PickleContainer.Kind, _ items: [PickleValue]
    ) throws(CheckpointError) {
        switch try top() {
        case .container(let place) where heap.containers[place].kind == kind:
            heap.containers[place].items += items
        case .opaque: break
        default: throw malformed("items for something that takes none")
        }
    }
}
