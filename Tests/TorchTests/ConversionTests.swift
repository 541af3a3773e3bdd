import TestSupport
import Testing
import Torch

@Suite("Element types")
struct ConversionTests {
    static let types: [DType] = [
        .float32, .float16, .bfloat16, .float64, .int64, .int32, .uint8, .bool,
    ]

    @Test("every type converts to every other as in PyTorch", arguments: types)
    func converts(from source: DType) throws {
        let golden = try Fixtures.conversion.get().section("\(source)")
        let input = golden["input"]
        #expect(input.dtype == source)
        for target in Self.types {
            let found = input.to(target)
            #expect(found.dtype == target)
            expectClose(found, golden["\(target)"], absolute: 0, "\(source) to \(target)")
        }
    }

    @Test("Swift arrays are equal after conversion to a tensor and back")
    func roundTrips() {
        expectRoundTrip([Float(0.1), -.infinity, .greatestFiniteMagnitude], .float32)
        expectRoundTrip([0.1, Double.pi, -.leastNonzeroMagnitude], .float64)
        expectRoundTrip([Int.min, 0, .max], .int64)
        expectRoundTrip([Int64.min, 0, .max], .int64)
        expectRoundTrip([Int32.min, 0, .max], .int32)
        expectRoundTrip([Int16.min, 0, .max], .int16)
        expectRoundTrip([Int8.min, 0, .max], .int8)
        expectRoundTrip([UInt8.min, 7, .max], .uint8)
        expectRoundTrip([true, false, true], .bool)
        #if !(os(macOS) && arch(x86_64))
            expectRoundTrip([Float16(0.1), -2, .greatestFiniteMagnitude], .float16)
        #endif
        expectRoundTrip([Float](), .float32)
    }

    @Test("byte counts and type numbers are libtorch's", arguments: DType.allCases)
    func facts(dtype: DType) {
        let tensor = Tensor.zeros([3], dtype: dtype)
        #expect(tensor.withUnsafeBytes(\.count) == 3 * dtype.byteCount)
        #expect(tensor.dtype == dtype)
        if dtype.isFloatingPoint {
            #expect(tensor.requiringGrad().requiresGrad)
        }
    }

    @Test("converting to the same type does not copy")
    func sameType() {
        let x = Tensor([Float(1), 2])
        x.to(.float32).fill(with: 3)
        x.to(.cpu).fill(with: 4)
        x.contiguous().detached()[0].fill(with: 5)
        #expect(x.floats() == [5, 4])
        x.clone().fill(with: 6)
        #expect(x.floats() == [5, 4])
    }

    @Test("gradients pass through a conversion")
    func gradients() {
        let x = Tensor([Float(1), 2]).requiringGrad()
        (x.to(.float64) * 3).sum().backward()
        #expect(x.grad?.dtype == .float32)
        #expect(x.grad?.floats() == [3, 3])
    }

    @Test("channelsLast changes the memory layout, not the elements")
    func channelsLast() {
        let x = Tensor.normal([2, 3, 4, 5])
        let y = x.contiguous(.channelsLast)
        #expect(y.strides == [60, 1, 15, 3])
        #expect(!y.isContiguous)
        #expect(y.floats() == x.floats())
    }

    @Test("item() reads one element, and descriptions state type, shape and device")
    func scalars() {
        #expect(Tensor(Float(2.5)).item() == 2.5)
        #expect(Tensor([[1], [true]].count).item() == 2)
        #expect(Tensor(true).item() == 1)
        #expect("\(Tensor.zeros([2, 3], dtype: .bfloat16))" == "Tensor(bfloat16, [2, 3], cpu)")
        #expect(Tensor.zeros([2, 3]).size(-1) == 3)
    }

    private func expectRoundTrip<Element: TensorElement & Equatable>(
        _ elements: [Element], _ dtype: DType, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let tensor = Tensor(elements)
        #expect(tensor.dtype == dtype, sourceLocation: sourceLocation)
        #expect(tensor.shape == [elements.count], sourceLocation: sourceLocation)
        #expect(tensor.elements() == elements, sourceLocation: sourceLocation)
    }
}
