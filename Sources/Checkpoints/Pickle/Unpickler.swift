/// Runs those operations of Python's pickle language that tensors and containers need.
///
/// Only the operations of ``PickleOperation`` are allowed, and of ``PickleGlobal`` names that run no
/// code. No class is looked up and no function is called. Time and memory are bounded: the number of operations is
/// limited, and each creates at most one value, whose size is bounded or is that of bytes in the
/// file.
struct Unpickler {
    var stream: ByteStream
    var heap = PickleHeap()
    var stack: [PickleValue] = []
    /// The height of the stack at each mark.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private let limit: Int
    private var spent = 0
    /// The position of the current operation in the file.
    private(set) var operationOffset = 0
    /// The first class or function that is neither known nor refused.
    private(set) var firstUnknown: (name: String, offset: Int)?

    init(_ stream: ByteStream, limits: Checkpoint.Limits) {
        self.stream = stream
        limit = limits.maximumPickleOperations
    }

    /// Runs one pickle and returns its result.
    mutating func load() throws(CheckpointError) -> PickleValue {
        stack = []
        marks = []
        memo = [:]
        while true {
            operationOffset = stream.position
            try spend(1)
            let code = try stream.byte()
            guard let operation = PickleOperation(rawValue: code) else {
                throw .forbiddenOperation(
                    PickleOperation.refusedName(code), offset: operationOffset)
            }
            if operation == .stop { return try pop() }
            try run(operation)
        }
    }

    private mutating func run(_ operation: PickleOperation) throws(CheckpointError) {
        switch operation {
        case .mark: marks.append(stack.count)
        case .pop: try popOrUnmark()
        case .popMark: _ = try popToMark()
        case .duplicate:
            let value = try pop()
            stack += [value, value]
        case .put: memo[Int(try stream.byte())] = try top()
        case .longPut: memo[Int(try stream.integer(UInt32.self))] = try top()
        case .memoize: memo[memo.count] = try top()
        case .get: try recall(Int(try stream.byte()))
        case .longGet: try recall(Int(try stream.integer(UInt32.self)))
        case .protocolVersion:
            guard try stream.byte() <= 5 else { throw malformed("an unknown protocol") }
        case .frame: _ = try stream.integer(UInt64.self)
        case .global:
            let module = try stream.line()
            try pushGlobal(module, try stream.line())
        case .stackGlobal: try pushStackGlobal()
        case .reduce: try reduce()
        case .newObject: try newObject()
        case .newObjectWithKeywords:
            _ = try pop()
            try newObject()
        case .build: try build()
        case .persistentIdentifier: try loadPersistent()
        default:
            if try !runScalar(operation) { try runContainer(operation) }
        }
    }

    /// Counts operations against the limit: a small file could otherwise take a long time.
    mutating func spend(_ count: Int) throws(CheckpointError) {
        spent += count
        guard spent <= limit else {
            throw .tooLarge("operations of a pickle", found: spent, limit: limit)
        }
    }

    func malformed(_ what: String) -> CheckpointError {
        .malformed("\(what) in a pickle", offset: operationOffset)
    }

    mutating func push(_ value: PickleValue) {
        stack.append(value)
    }

    mutating func pop() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
            throw malformed("an empty stack")
        }
        return value
    }

    func top() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw malformed("an empty stack")
        }
        return value
    }

    mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let height = marks.popLast() else { throw malformed("a missing mark") }
        let values = [PickleValue](stack[height...])
        stack.removeSubrange(height...)
        return values
    }

    private mutating func popOrUnmark() throws(CheckpointError) {
        if let height = marks.last, height == stack.count {
            marks.removeLast()
        } else {
            _ = try pop()
        }
    }

    private mutating func recall(_ index: Int) throws(CheckpointError) {
        guard let value = memo[index] else { throw malformed("an unknown memo entry") }
        push(value)
    }
}

extension Unpickler {
    /// Pushes a number, text or bytes.
    ///
    /// - Returns: false if the operation pushes none of these.
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
        // Written by Python 2 for `str`, which may be text or bytes.
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
            throw malformed("a length of 2^63 or more")
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

    /// Creates or fills a list, tuple, dictionary or set.
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
        default: throw malformed("an unexpected operation")
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
        default: throw malformed("items for a value that is not a container")
        }
    }
}

extension Unpickler {
    mutating func pushGlobal(_ module: String, _ name: String) throws(CheckpointError) {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .forbiddenGlobal("\(module).\(name)", offset: operationOffset)
        }
        if case .unknown = global {
            firstUnknown = firstUnknown ?? ("\(module).\(name)", operationOffset)
        }
        push(.global(global))
    }

    mutating func pushStackGlobal() throws(CheckpointError) {
        guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
            throw malformed("a global whose name is not text")
        }
        try pushGlobal(module, name)
    }

    /// Pushes the result that calling a global with the arguments on the stack would have.
    mutating func reduce() throws(CheckpointError) {
        guard let arguments = heap.items(of: try pop(), .tuple) else {
            throw malformed("arguments that are not a tuple")
        }
        let global: PickleGlobal
        switch try pop() {
        case .global(let found): global = found
        case .opaque: global = .unknown
        default: throw malformed("a call of a value that is not a global")
        }
        switch global {
        case .orderedDictionary: push(heap.add(.dictionary, try pairs(arguments)))
        case .defaultDictionary: push(heap.add(.dictionary))
        case .rebuildTensor: try pushTensor(arguments, elementName: nil)
        case .rebuildTensorWithType:
            guard arguments.count >= 7, case .global(.elementType(let name)) = arguments[6] else {
                throw malformed("a tensor without an element type")
            }
            try pushTensor(arguments, elementName: name)
        case .rebuildParameter:
            guard case .tensor(let place)? = arguments.first else {
                throw malformed("a parameter without a tensor")
            }
            push(.tensor(place))
        case .ignored, .unknown: push(.opaque)
        case .storage, .elementType:
            throw .forbiddenOperation("REDUCE of a storage class", offset: operationOffset)
        }
    }

    /// Pushes the object that a class would make.
    private mutating func newObject() throws(CheckpointError) {
        guard heap.items(of: try pop(), .tuple) != nil else {
            throw malformed("arguments that are not a tuple")
        }
        switch try pop() {
        case .global(.orderedDictionary), .global(.defaultDictionary): push(heap.add(.dictionary))
        case .global(.ignored), .global(.unknown), .opaque: push(.opaque)
        default:
            throw .forbiddenOperation("NEWOBJ of a tensor or storage", offset: operationOffset)
        }
    }

    /// Drops the attributes of an opaque value, and of an ordered dictionary, for example `_metadata`
    /// of `Module.state_dict()`.
    mutating func build() throws(CheckpointError) {
        _ = try pop()
        switch try top() {
        case .container(let place) where heap.containers[place].kind == .dictionary: break
        case .opaque: break
        default:
            throw .forbiddenOperation(
                "BUILD of something other than a dictionary", offset: operationOffset)
        }
    }

    /// The items of `OrderedDict([[key, value], …])`, as Python 2 pickles it.
    private mutating func pairs(
        _ arguments: [PickleValue]
    ) throws(CheckpointError) -> [PickleValue] {
        guard let first = arguments.first else { return [] }
        guard arguments.count == 1, let list = heap.items(of: first, .list) else {
            throw malformed("an ordered dictionary whose items are not a list")
        }
        // The same list may be used many times; its length counts each time.
        try spend(list.count)
        var items: [PickleValue] = []
        for pair in list {
            guard let two = heap.items(of: pair, .list) ?? heap.items(of: pair, .tuple),
                two.count == 2
            else { throw malformed("an item that is not a pair of key and value") }
            items += two
        }
        return items
    }

    private mutating func pushTensor(
        _ arguments: [PickleValue], elementName: String?
    ) throws(CheckpointError) {
        guard arguments.count >= 4, case .storage(let storage) = arguments[0],
            case .integer(let offset) = arguments[1], offset >= 0
        else { throw malformed("a tensor without a storage") }
        heap.tensors.append(
            PickledTensor(
                storage: storage, offset: offset, shape: arguments[2], strides: arguments[3],
                elementName: elementName ?? heap.storages[storage].elementName))
        push(.tensor(heap.tensors.count - 1))
    }

    /// Pushes a storage: `('storage', class, key, device, count)`, and before PyTorch 1.6 also a view
    /// of it or None.
    mutating func loadPersistent() throws(CheckpointError) {
        guard let parts = heap.items(of: try pop(), .tuple), parts.count >= 5,
            case .text("storage") = parts[0], case .global(.storage(let element)) = parts[1],
            case .integer(let count) = parts[4], count >= 0
        else { throw malformed("a persistent identifier that is not a storage") }
        var view: Range<Int>?
        if parts.count > 5, let part = heap.items(of: parts[5], .tuple) {
            guard part.count == 3, case .integer(let start) = part[1],
                case .integer(let length) = part[2], start >= 0, length >= 0, start <= count,
                length <= count - start
            else { throw malformed("a view that exceeds its storage") }
            view = start..<start + length
        }
        heap.storages.append(
            PickledStorage(
                key: try key(parts[2]), elementName: element, elementCount: count, view: view))
        push(.storage(heap.storages.count - 1))
    }

    private func key(_ value: PickleValue) throws(CheckpointError) -> String {
        switch value {
        case .text(let key): return key
        case .integer(let key): return String(key)
        default: throw malformed("a storage without a key")
        }
    }
}
