extension Unpickler {
    mutating func pushGlobal(_ module: String, _ name: String) throws(CheckpointError) {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .forbiddenGlobal("\(module).\(name)", offset: operationOffset)
        }
        push(.global(global))
    }

    mutating func pushStackGlobal() throws(CheckpointError) {
        guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
            throw malformed("a global without a name")
        }
        try pushGlobal(module, name)
    }

    /// What calling a global with the arguments on the stack would make.
    mutating func reduce() throws(CheckpointError) {
        guard let arguments = heap.items(of: try pop(), .tuple) else {
            throw malformed("arguments that are not a tuple")
        }
        guard case .global(let global) = try pop() else {
            throw malformed("a call of something that is not a global")
        }
        switch global {
        case .orderedDictionary: push(heap.add(.dictionary, try pairs(arguments)))
        case .defaultDictionary: push(heap.add(.dictionary))
        case .rebuildTensor: try pushTensor(arguments, elementName: nil)
        case .rebuildTensorWithType:
            guard arguments.count >= 7, case .global(.elementType(let name)) = arguments[6] else {
                throw malformed("a tensor without a type")
            }
            try pushTensor(arguments, elementName: name)
        case .rebuildParameter:
            guard case .tensor(let place)? = arguments.first else {
                throw malformed("a parameter without a tensor")
            }
            push(.tensor(place))
        case .ignored: push(.opaque)
        case .storage, .elementType:
            throw .forbiddenOperation("REDUCE of a storage class", offset: operationOffset)
        }
    }

    /// Attributes of an ordered dictionary (`_metadata` of `Module.state_dict()`) are dropped.
    mutating func build() throws(CheckpointError) {
        _ = try pop()
        switch try top() {
        case .container(let place) where heap.containers[place].kind == .dictionary: break
        default:
            throw .forbiddenOperation(
                "BUILD of something other than a dictionary", offset: operationOffset)
        }
    }

    /// Items of `OrderedDict([[key, value], …])`, as Python 2 pickles it.
    private mutating func pairs(
        _ arguments: [PickleValue]
    ) throws(CheckpointError) -> [PickleValue] {
        guard let first = arguments.first else { return [] }
        guard arguments.count == 1, let list = heap.items(of: first, .list) else {
            throw malformed("an ordered dictionary made of something else than a list")
        }
        // The same list may be used again and again: its length is paid for each time.
        try spend(list.count)
        var items: [PickleValue] = []
        for pair in list {
            guard let two = heap.items(of: pair, .list) ?? heap.items(of: pair, .tuple),
                two.count == 2
            else { throw malformed("an item that is not a key with a value") }
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

    /// A storage: `('storage', class, key, device, count)`, before 1.6 also a view of it or None.
    mutating func loadPersistent() throws(CheckpointError) {
        guard let parts = heap.items(of: try pop(), .tuple), parts.count >= 5,
            case .text("storage") = parts[0], case .global(.storage(let element)) = parts[1],
            case .integer(let count) = parts[4], count >= 0
        else { throw malformed("a reference to something other than a storage") }
        var view: Range<Int>?
        if parts.count > 5, let part = heap.items(of: parts[5], .tuple) {
            guard part.count == 3, case .integer(let start) = part[1],
                case .integer(let length) = part[2], start >= 0, length >= 0, start <= count,
                length <= count - start
            else { throw malformed("a view outside its storage") }
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
