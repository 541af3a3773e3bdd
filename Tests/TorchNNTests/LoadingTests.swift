import TestSupport
import Testing
import Torch

@testable import TorchNN

@Suite("Loading weights")
struct LoadingTests {
    @Test("a state dictionary loads into another module")
    func copies() throws {
        let first = Sequential(Linear(2, 3), BatchNorm2d(3))
        let second = Sequential(Linear(2, 3), BatchNorm2d(3))
        let state = first.stateDictionary()
        try second.load(state)
        for (one, other) in zip(first.namedValues(), second.namedValues()) {
            #expect(one.value.value.floats() == other.value.value.floats())
        }
        // A copy, which later training does not change.
        withoutGrad { first.parameters[0].value.fill(with: 5) }
        #expect(state["0.weight"]?.floats() == second.parameters[0].value.floats())
    }

    @Test("all differences are reported at once and nothing is changed")
    func allDifferences() throws {
        let module = Sequential(Linear(2, 3), Linear(3, 4))
        let before = module.stateDictionary()
        var state = StateDictionary()
        state["0.bias"] = .ones([4])
        state["1.weight"] = .ones([3, 4])
        state["2.weight"] = .ones([1])
        state["0.weight"] = .ones([3, 2], dtype: .int32)
        state["head"] = .ones([1])
        let error = #expect(throws: ModuleLoadError.self) { try module.load(state) }
        #expect(
            error
                == ModuleLoadError(
                    missing: ["1.bias"], unexpected: ["2.weight", "head"],
                    shapeMismatches: [
                        .init(name: "0.bias", expected: [3], found: [4]),
                        .init(name: "1.weight", expected: [4, 3], found: [3, 4]),
                    ],
                    typeMismatches: [.init(name: "0.weight", expected: .float32, found: .int32)]))
        #expect(
            error?.description == """
                the weights do not fit the model: 1 missing, 2 unexpected, 2 of another shape, \
                1 of another type
                  missing: '1.bias'
                  unexpected: '2.weight'
                  unexpected: 'head'
                  '0.bias' has shape [4], the model needs [3]
                  '1.weight' has shape [3, 4], the model needs [4, 3]
                  '0.weight' is of type int32, the model needs float32
                """)
        for (name, value) in module.namedValues() {
            #expect(value.value.floats() == before[name]?.floats(), "\(name)")
        }
    }

    @Test("the first ten differences are shown, all are available, nothing is read")
    func manyDifferences() throws {
        let module = Initialization.skipped { Sequential(Linear(2, 3)) }
        var state = StateDictionary()
        for index in 0..<12 { state["extra\(index)"] = .ones([1]) }
        let error = try #require(module.difference(from: state))
        #expect(error.differences.count == 14)
        #expect(error.differences[2] == "unexpected: 'extra0'")
        let lines = error.description.split(separator: "\n")
        #expect(lines.count == 12)
        #expect(lines[11] == "  … and 4 more")
        state["a\n  missing: 'b'"] = .ones([1])
        #expect(
            module.difference(from: state)?.differences.last
                == "unexpected: 'a\\n  missing: 'b''")
        #expect(error.leavingOut { $0.hasPrefix("extra") }?.unexpected == [])
        #expect(error.leavingOut { _ in true } == nil)
        #expect(module.difference(from: Sequential(Linear(2, 3)).stateDictionary()) == nil)
    }

    @Test("float16 weights are converted to the module's float32")
    func converts() throws {
        var state = StateDictionary()
        state["weight"] = Tensor([Float(0.1), 2]).to(.float16).reshaped([1, 2])
        let layer = Linear(2, 1, bias: false)
        try layer.load(state)
        #expect(layer.weight.value.dtype == .float32)
        expectClose(layer.weight.value, Tensor([Float(0.1), 2], shape: [1, 2]), absolute: 1e-4)
    }

    @Test("loading keeps parameters frozen or trainable")
    func keepsFrozen() throws {
        let layer = Linear(2, 1)
        layer.setTrainable(false) { $0 == "weight" }
        try layer.load(Linear(2, 1).stateDictionary())
        #expect(!layer.weight.isTrainable)
        #expect(layer.bias?.isTrainable == true)
    }

    @Test("weights can be loaded from tensors that require gradients")
    func loadsFromTrainedTensors() throws {
        let source = Linear(2, 1)
        var state = StateDictionary()
        for (name, parameter) in source.namedParameters() {
            state[name] = parameter.value * 2
        }
        let layer = Linear(2, 1)
        layer.setTrainable(false)
        try layer.load(state)
        #expect(layer.parameters.allSatisfy { !$0.isTrainable })
        #expect(layer.weight.value.floats() == source.weight.value.floats().map { $0 * 2 })
    }

    @Test("names keep their order; assigning nil removes one")
    func stateDictionary() {
        var state = StateDictionary()
        for name in ["c", "a", "b"] { state[name] = .zeros([1]) }
        state["a"] = .ones([2])
        state["c"] = nil
        state["d"] = nil
        #expect(state.names == ["a", "b"])
        #expect(state.shape(of: "a") == [2])
        #expect(state.shape(of: "c") == nil)
    }
}
