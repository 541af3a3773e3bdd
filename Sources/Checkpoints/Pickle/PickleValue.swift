/// A value on the unpickler's stack.
///
/// Containers, storages and tensors are numbers of places in a ``PickleHeap``: values that contain
/// themselves leak nothing, and nesting of any depth is freed without recursion.
enum PickleValue {
    case none
    case boolean(Bool)
    case integer(Int)
    /// More than eight bytes, little-endian two's complement: in practice PyTorch's magic number.
    case longInteger([UInt8])
    case text(String)
    case container(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)
    /// Something harmless that no tensor needs, such as a learning rate.
    case opaque
}

/// A list, tuple, dictionary (key, value, key, value …) or set.
struct PickleContainer {
    enum Kind {
        case list, tuple, dictionary, set
    }

    let kind: Kind
    var items: [PickleValue] = []
}

/// A storage as a pickle refers to it.
struct PickledStorage {
    let key: String
    /// PyTorch's name of the element type; may be one that is not supported.
    let elementName: String
    let elementCount: Int
    /// The part of the storage that is meant, in elements, for a storage that is itself a view.
    let view: Range<Int>?
}

/// A tensor as a pickle describes it: arguments of PyTorch's `_rebuild_tensor`, unchecked.
struct PickledTensor {
    let storage: Int
    let offset: Int
    let shape: PickleValue
    let strides: PickleValue
    /// PyTorch's name of the element type.
    let elementName: String
}

/// All that the pickles of one file made.
struct PickleHeap {
    var containers: [PickleContainer] = []
    var storages: [PickledStorage] = []
    var tensors: [PickledTensor] = []

    mutating func add(_ kind: PickleContainer.Kind, _ items: [PickleValue] = []) -> PickleValue {
        containers.append(PickleContainer(kind: kind, items: items))
        return .container(containers.count - 1)
    }

    /// The items of a container of that kind, or nil when the value is something else.
    func items(of value: PickleValue, _ kind: PickleContainer.Kind) -> [PickleValue]? {
        guard case .container(let place) = value, containers[place].kind == kind else { return nil }
        return containers[place].items
    }

    /// The whole numbers in a tuple, or nil when the value is something else.
    func integers(in value: PickleValue) -> [Int]? {
        guard let items = items(of: value, .tuple) else { return nil }
        var numbers: [Int] = []
        for item in items {
            guard case .integer(let number) = item else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}
