import Torch
import TorchNN

/// Weights that a formula computes from their names, so that large networks can be compared without
/// large files; see the README of the golden values.
public struct FormulaWeights: TensorSource {
    /// The names of the network's tensors.
    public let names: [String]
    private let shapes: [String: [Int]]

    /// Weights for all parameters and buffers of a network.
    public init(for module: Module) {
        let values = module.namedValues()
        names = values.map(\.name)
        shapes = Dictionary(
            values.map { ($0.name, $0.value.value.shape) }, uniquingKeysWith: { one, _ in one })
    }

    /// The shape of a tensor; nil if there is none of that name.
    public func shape(of name: String) -> [Int]? { shapes[name] }

    /// float32 for all tensors.
    public func dtype(of name: String) -> DType? { shapes[name].map { _ in .float32 } }

    /// Computes a tensor.
    public func read(_ name: String, into target: Tensor) throws {
        let factor = Self.factor(of: name, shape: target.shape)
        var values = try Self.numbers(name, count: target.elementCount) * factor
        if target.shape.count == 1 && name.hasSuffix("weight") {
            values = values + 1
        }
        target.assign(from: values.reshaped(target.shape))
    }

    private static func factor(of name: String, shape: [Int]) -> Double {
        let isToken =
            name.contains("token") && shape.count == 2 && shape[0] <= 4
            || name.hasPrefix("prompt_encoder") && shape.count == 2 && shape[0] == 1
        if shape.count == 1 { return 0.1 }
        if name.contains("rel_pos") { return 0.3 }
        if name == "image_encoder.pos_embed" || isToken { return 0.5 }
        if name.contains("gaussian") { return 1.7 }
        return (3 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
    }

    /// Uniform numbers in -1..<1: SplitMix64's mixing of the name's CRC-32 and the index.
    ///
    /// - Parameters:
    ///   - name: the name that determines the numbers.
    ///   - count: number of elements.
    /// - Returns: numbers, `[count]`.
    /// - Throws: `TorchError` when libtorch lacks an operator for them.
    public static func numbers(_ name: String, count: Int) throws -> Tensor {
        let golden = UInt64(0x9E37_79B9_7F4A_7C15)
        let first = UInt64(0xBF58_476D_1CE4_E5B9)
        let second = UInt64(0x94D0_49BB_1331_11EB)
        let start = UInt64(crc32(name)) &* golden
        let indexes = Tensor.arange(from: 1, to: Double(count) + 1, dtype: .int64)
        var z = indexes * signed(first) + signed(start)
        z = try mixed(z, shift: 30) * signed(first)
        z = try mixed(z, shift: 27) * signed(second)
        z = try shifted(try mixed(z, shift: 31), by: 40)
        return (z.to(.float64) / Double(1 << 24) * 2 - 1).to(.float32)
    }

    private static func mixed(_ z: Tensor, shift: Int) throws -> Tensor {
        try attempt("bitwise_xor.Tensor", [z, try shifted(z, by: shift)])[0]
    }

    /// A logical shift to the right; libtorch's is arithmetic.
    private static func shifted(_ z: Tensor, by bits: Int) throws -> Tensor {
        let moved = try attempt("bitwise_right_shift.Tensor_Scalar", [z, bits])[0]
        return try attempt("bitwise_and.Scalar", [moved, (1 << (64 - bits)) - 1])[0]
    }

    private static func signed(_ value: UInt64) -> Int { Int(bitPattern: UInt(value)) }

    private static func crc32(_ text: String) -> UInt32 {
        ~text.utf8.reduce(UInt32.max) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
        }
    }
}
