import CTorch

/// A value that an operator takes: a tensor, a number, a list of them, a name, a generator.
public protocol OperatorArgument {
    /// Writes the value in the form of the binding.
    ///
    /// - Parameter frame: keeps what the value points to for the length of the call.
    /// - Returns: the value; pointers in it are good until the frame is released.
    func lower(into frame: inout ArgumentFrame) -> ct_value
}

/// Memory that the arguments of one call point to.
public struct ArgumentFrame {
    private var blocks: [UnsafeMutableRawPointer] = []

    mutating func copy<Element>(_ elements: [Element]) -> UnsafeRawPointer? {
        guard !elements.isEmpty else { return nil }
        let block = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        block.initialize(from: elements, count: elements.count)
        blocks.append(UnsafeMutableRawPointer(block))
        return UnsafeRawPointer(block)
    }

    func release() {
        for block in blocks {
            block.deallocate()
        }
    }
}

extension ct_value {
    static var none: ct_value { ct_value() }

    init(_ kind: ct_kind, integer: Int = 0, real: Double = 0) {
        self.init(kind: kind, count: 0, integer: Int64(integer), real: real, pointer: nil)
    }

    init(_ kind: ct_kind, count: Int = 0, pointer: UnsafeRawPointer?) {
        self.init(kind: kind, count: Int32(count), integer: 0, real: 0, pointer: pointer)
    }
}

extension Tensor: OperatorArgument {
    /// The tensor's handle; whoever calls keeps the tensor alive.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSOR, pointer: UnsafeRawPointer(handle.raw))
    }
}

extension Int: OperatorArgument {
    /// An integer.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGER, integer: self)
    }
}

extension Double: OperatorArgument {
    /// A real number.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REAL, real: self)
    }
}

extension Float: OperatorArgument {
    /// A real number.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REAL, real: Double(self))
    }
}

extension Bool: OperatorArgument {
    /// A truth value.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_BOOLEAN, integer: self ? 1 : 0)
    }
}

extension String: OperatorArgument {
    /// A name, as the mode of an operator.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_STRING, pointer: frame.copy(Array(utf8CString)))
    }
}

extension DType: OperatorArgument {
    /// libtorch's number of the type.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGER, integer: Int(rawValue))
    }
}

extension Device: OperatorArgument {
    /// The device's name.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        description.lower(into: &frame)
    }
}

extension Array: OperatorArgument where Element: ListArgument {
    /// A list of values.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        Element.lower(self, into: &frame)
    }
}

/// A value that operators take lists of.
public protocol ListArgument {
    /// Writes a list of such values in the form of the binding.
    static func lower(_ list: [Self], into frame: inout ArgumentFrame) -> ct_value
}

extension Int: ListArgument {
    /// A list of integers.
    public static func lower(_ list: [Int], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGERS, count: list.count, pointer: frame.copy(list))
    }
}

extension Bool: ListArgument {
    /// A list of truth values.
    public static func lower(_ list: [Bool], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGERS, count: list.count, pointer: frame.copy(list.map { $0 ? 1 : 0 }))
    }
}

extension Double: ListArgument {
    /// A list of real numbers.
    public static func lower(_ list: [Double], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REALS, count: list.count, pointer: frame.copy(list))
    }
}

extension Tensor: ListArgument {
    /// A list of tensors.
    public static func lower(_ list: [Tensor], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSORS, count: list.count, pointer: frame.copy(list.map(\.handle.raw)))
    }
}

extension Tensor?: ListArgument {
    /// A list of tensors with gaps.
    public static func lower(_ list: [Tensor?], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSORS, count: list.count, pointer: frame.copy(list.map { $0?.handle.raw }))
    }
}
