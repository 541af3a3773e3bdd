/// Names a pickle may refer to; all others are refused.
///
/// None of them is called: the unpickler knows what each would make.
enum PickleGlobal {
    case orderedDictionary
    case defaultDictionary
    case rebuildTensor
    case rebuildTensorWithType
    case rebuildParameter
    /// A storage class, by PyTorch's name of its element type.
    case storage(String)
    /// An element type, by PyTorch's name.
    case elementType(String)
    /// A call whose result is harmless and not needed: sets, counters, devices, bytes.
    case ignored

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
                return nil
            }
        default: return nil
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
