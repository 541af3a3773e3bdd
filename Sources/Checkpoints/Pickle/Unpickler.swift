/// Runs the few operations of Python's pickle language that tensors and containers need.
///
/// No name in a pickle is looked up and nothing is called; what is not on the list of
/// ``PickleOperation`` and ``PickleGlobal`` is refused. Each operation makes at most one value, of a
/// bounded size or of bytes that are in the file, and their number is limited: so are time and
/// memory.
struct Unpickler {
    var stream: ByteStream
    var heap = PickleHeap()
    var stack: [PickleValue] = []
    /// Heights of the stack at which marks lie.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private let limit: Int
    private var spent = 0
    /// Where the operation at hand lies in the file.
    private(set) var operationOffset = 0

    init(_ stream: ByteStream, limits: Checkpoint.Limits) {
        self.stream = stream
        limit = limits.maximumPickleOperations
    }

    /// Reads one pickle and the value it leaves.
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
            guard try stream.byte() <= 5 else { throw malformed("an unknown pickle protocol") }
        case .frame: _ = try stream.integer(UInt64.self)
        case .global:
            let module = try stream.line()
            try pushGlobal(module, try stream.line())
        case .stackGlobal: try pushStackGlobal()
        case .reduce: try reduce()
        case .build: try build()
        case .persistentIdentifier: try loadPersistent()
        default:
            if try !runScalar(operation) { try runContainer(operation) }
        }
    }

    /// Counts work, so that a small file cannot ask for much of it.
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
            throw malformed("nothing on the stack")
        }
        return value
    }

    func top() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw malformed("nothing on the stack")
        }
        return value
    }

    mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let height = marks.popLast() else { throw malformed("no mark") }
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
        guard let value = memo[index] else { throw malformed("a reference to nothing") }
        push(value)
    }
}
