/// The dictionary of tensors in an unpickled `.pth` file.
struct PickledStateDictionary {
    /// Names and indices into ``PickleHeap/tensors``, in file order.
    private(set) var tensors: [(name: String, place: Int)] = []
    private(set) var ignoredNames: [String] = []

    /// Keys under which training programs store the weights, next to the epoch, the optimizer's
    /// state and so on.
    private static let wrappers = ["state_dict", "model_state_dict", "model"]
    /// Parts of a training's state that hold tensors other than weights.
    private static let others = [
        "optim", "scheduler", "scaler", "ema", "average", "loss", "criterion",
    ]
    private static let maximumNesting = 3

    /// - Parameters:
    ///   - root: the unpickled value.
    ///   - heap: the containers and tensors to which the value refers.
    ///   - firstUnknown: a class or function of the pickle that is neither known nor refused.
    /// - Throws: ``CheckpointError``, for example ``CheckpointError/noTensors(keys:)``.
    init(
        _ root: PickleValue, in heap: PickleHeap,
        firstUnknown: (name: String, offset: Int)? = nil
    ) throws(CheckpointError) {
        var found = try Self.find(root, heap, depth: 0)
        if found == nil { found = try Self.onlyDictionary(in: root, heap) }
        guard let place = found, let items = heap.items(of: place, .dictionary)
        else {
            let keys = Self.keys(of: root, heap)
            if keys.isEmpty, let firstUnknown {
                throw .forbiddenGlobal(firstUnknown.name, offset: firstUnknown.offset)
            }
            throw .noTensors(keys: keys)
        }
        for (key, value) in Self.entries(items) {
            let name = Self.name(of: key)
            if case .tensor(let tensor) = value, case .text = key {
                tensors.append((name, tensor))
            } else {
                ignoredNames.append(name)
            }
        }
    }

    /// The dictionary under one of the ``wrappers``, else the value itself if it contains tensors.
    private static func find(
        _ value: PickleValue, _ heap: PickleHeap, depth: Int
    ) throws(CheckpointError) -> PickleValue? {
        guard let items = heap.items(of: value, .dictionary) else { return nil }
        var found: [(key: String, value: PickleValue)] = []
        if depth < maximumNesting {
            var seen: Set<String> = []
            for (key, value) in entries(items) {
                guard case .text(let name) = key, wrappers.contains(name) else { continue }
                // Repeated keys would multiply the work at each level; Python never writes them.
                guard seen.insert(name).inserted else { throw .duplicateName(name) }
                if let inner = try find(value, heap, depth: depth + 1) {
                    found.append((name, inner))
                }
                guard found.count < 2 else {
                    throw .severalStateDictionaries(found.map(\.key))
                }
            }
        }
        if let inner = found.first { return inner.value }
        let holdsTensors = entries(items).contains { _, value in
            if case .tensor = value { true } else { false }
        }
        return holdsTensors ? value : nil
    }

    /// The only dictionary of tensors under a key of any other name, such as `net`.
    private static func onlyDictionary(
        in root: PickleValue, _ heap: PickleHeap
    ) throws(CheckpointError) -> PickleValue? {
        guard let items = heap.items(of: root, .dictionary) else { return nil }
        var found: [(key: String, value: PickleValue)] = []
        var seen: Set<Int> = []
        for case (.text(let key), let value) in entries(items)
        where !others.contains(where: key.lowercased().contains) {
            // One dictionary under many keys is searched once.
            guard case .container(let place) = value, seen.insert(place).inserted else { continue }
            let inner = heap.items(of: value, .dictionary) ?? []
            let isWeights = entries(inner).contains { key, value in
                if case (.text, .tensor) = (key, value) { true } else { false }
            }
            if isWeights { found.append((key, value)) }
        }
        guard found.count < 2 else { throw .severalStateDictionaries(found.map(\.key)) }
        return found.first?.value
    }

    private static func entries(
        _ items: [PickleValue]
    ) -> some Sequence<(key: PickleValue, value: PickleValue)> {
        stride(from: 0, to: items.count - 1, by: 2).lazy.map { (items[$0], items[$0 + 1]) }
    }

    private static func keys(of value: PickleValue, _ heap: PickleHeap) -> [String] {
        guard let items = heap.items(of: value, .dictionary) else { return [] }
        return entries(items).prefix(10).map { name(of: $0.key) }
    }

    private static func name(of key: PickleValue) -> String {
        switch key {
        case .text(let text): text
        case .integer(let number): String(number)
        default: "?"
        }
    }
}
