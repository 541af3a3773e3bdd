import TestSupport
import Testing
import Torch

@Suite("Operators can be observed")
struct ObservationTests {
    @Test("calls are reported in order, with their results")
    func observing() {
        let x = Tensor([Float(1), 2, 3])
        var names: [String] = []
        var sums: [[Int]] = []
        OperatorLog.observing { call in
            guard ["mul.Tensor", "sum"].contains(call.name) else { return }
            names.append(call.name)
            sums.append(call.results[0].shape)
        } _: {
            _ = (x * x).sum()
        }
        #expect(names == ["mul.Tensor", "sum"])
        #expect(sums == [[3], []])
    }

    @Test("operators inside others are counted, and those of a backward pass")
    func counting() {
        let weight = Tensor([Float(1), 2, 3])
        weight.requiringGrad()
        let (_, counts) = OperatorLog.counting {
            (weight * weight).sum().backward()
        }
        #expect((counts["aten::mul"] ?? 0) == 3)
        #expect((counts["aten::expand"] ?? 0) >= 1)
    }

    @Test("schemas are those of libtorch")
    func schema() throws {
        #expect(try #require(OperatorLog.schema(of: "relu")).hasPrefix("aten::relu(Tensor self)"))
        #expect(OperatorLog.schema(of: "no_such_operator") == nil)
    }
}
