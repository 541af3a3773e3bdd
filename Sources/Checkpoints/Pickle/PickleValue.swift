/// A value on the unpickler's stack.
///
/// Containers, storages and tensors are indices into a ``PickleHeap``. Therefore, values that contain
/// themselves do not leak memory, and values of any nesting depth are freed without recursion.
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
    /// A harmless value that no tensor needs, such as a learning rate.
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

/// A reference to a storage in a pickle.
struct PickledStorage {
    let key: String
    /// PyTorch's name of the element type, which may not be supported.
    let elementName: String
    let elementCount: Int
    /// The elements of the storage that belong to the view, if the storage is a view.
    let view: Range<Int>?
}

/// A tensor in a pickle: the unchecked arguments of PyTorch's `_rebuild_tensor`.
struct PickledTensor {
    let storage: Int
    let offset: Int
    let shape: PickleValue
    let strides: PickleValue
    /// PyTorch's name of the element type.
    let elementName: String
}

/// All containers, storages and tensors that the pickles of a file create.
struct PickleHeap {
    var containers: [PickleContainer] = []
    var storages: [PickledStorage] = []
    var tensors: [PickledTensor] = []

    mutating func add(_ kind: PickleContainer.Kind, _ items: [PickleValue] = []) -> PickleValue {
        containers.append(PickleContainer(kind: kind, items: items))
        return .container(containers.count - 1)
    }

    /// The items of a container of this kind; nil for any other value.
    func items(of value: PickleValue, _ kind: PickleContainer.Kind) -> [PickleValue]? {
        guard case .container(let place) = value, containers[place].kind == kind else { return nil }
        return containers[place].items
    }

    /// The integers of a tuple; nil for any other value.
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

/// The classes and functions that a pickle may refer to.
///
/// Training programs store objects of other classes beside the weights, such as numbers of NumPy and
/// the options of the command line. These become opaque values.
///
/// None of them is called: the unpickler creates the result itself.
enum PickleGlobal {
    case orderedDictionary
    case defaultDictionary
    case rebuildTensor
    case rebuildTensorWithType
    case rebuildParameter
    /// A storage class, identified by PyTorch's name of its element type.
    case storage(String)
    /// An element type, identified by PyTorch's name.
    case elementType(String)
    /// A class or function whose result is harmless and not needed: sets, counters, devices, bytes.
    case ignored
    /// Any other class or function; what it would return becomes an opaque value.
    case unknown

    /// Modules whose functions run code or open files: a file that refers to them is refused at once,
    /// although nothing would be called.
    private static let refusedModules: Set = [
        "os", "posix", "nt", "subprocess", "sys", "runpy", "importlib", "shutil", "socket",
        "ctypes",
        "pty", "commands", "builtins", "__builtin__", "code", "pdb", "timeit", "webbrowser",
        "marshal",
        "pickle", "_pickle", "multiprocessing", "platform", "tempfile", "urllib", "http",
    ]

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("collections", "defaultdict"): self = .defaultDictionary
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"):
            self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorWithType
        case ("torch._utils", "_rebuild_parameter"),
            ("torch._utils", "_rebuild_parameter_with_state"):
            self = .rebuildParameter
        case ("torch.storage", "UntypedStorage"): self = .storage("untyped")
        case ("collections", "Counter"), ("torch", "Size"), ("torch", "device"),
            ("_codecs", "encode"):
            self = .ignored
        case ("builtins", _), ("__builtin__", _):
            guard Self.builtins.contains(name) else { return nil }
            self = .ignored
        case ("torch", _), ("torch.cuda", _):
            if let element = Self.storages[name] {
                self = .storage(element)
            } else if module == "torch", Self.elementTypes.contains(name) {
                self = .elementType(name)
            } else {
                self = .unknown
            }
        default:
            let package = module.split(separator: ".").first.map(String.init) ?? module
            guard !Self.refusedModules.contains(package) else { return nil }
            self = .unknown
        }
    }

    private static let builtins: Set = [
        "set", "frozenset", "complex", "bytearray", "dict", "list", "tuple", "int", "float", "bool",
        "str",
    ]

    private static let storages = [
        "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
        "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
        "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
        "BoolStorage": "bool", "UntypedStorage": "untyped", "ComplexFloatStorage": "complex64",
        "ComplexDoubleStorage": "complex128", "QInt8Storage": "qint8", "QUInt8Storage": "quint8",
        "QInt32Storage": "qint32", "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
    ]

    private static let elementTypes: Set = [
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
        "bool", "uint16", "uint32", "uint64", "complex32", "complex64", "complex128",
        "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
        "qint8", "quint8", "qint32", "quint4x2", "quint2x4",
    ]
}
