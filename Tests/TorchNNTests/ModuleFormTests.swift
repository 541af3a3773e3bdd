import Checkpoints
import TestSupport
import Testing
import Torch

@testable import TorchNN

private final class Tied: Module {
    let first: Linear
    let second: Linear

    override init() {
        first = Linear(1, 1, bias: false)
        second = first
    }
}

private final class Constants: Module {
    let table = Buffer(Tensor([Float(1), 2]), isSaved: false)
    let weight = Parameter(constant: 1, [2])
}

private final class Pair: Module {
    let pair = (Linear(1, 1), Linear(1, 1))
}

private final class Bare: Module {
    let mean = Tensor([Float(0)])
}

@Suite("Members of a module")
struct ModuleFormTests {
    @Test("a weight shared by two submodules is trained once")
    func tied() {
        let module = Tied()
        #expect(module.parameters.count == 1)
        #expect(module.namedValues().map(\.name) == ["first.weight", "second.weight"])
    }

    @Test("an unsaved buffer moves with the module and is in no checkpoint")
    func unsaved() throws {
        let module = Constants()
        #expect(module.namedValues().map(\.name) == ["weight"])
        module.move(to: Device(.meta))
        #expect(module.table.value.device.kind == .meta)
    }

    @Test("booleans of a file are 0 or 1, whatever its bytes")
    func truth() throws {
        let stored = StoredTensor(elementType: .bool, shape: [3], bytes: [0, 2, 255])
        let tensor = try Tensor(stored)
        #expect(tensor.dtype == .bool)
        #expect(tensor.to(.uint8).elements(as: UInt8.self) == [0, 1, 1])
    }

    #if compiler(>=6.2)
        @Test("weights in unsupported containers trap")
        func hidden() async {
            await #expect(processExitsWith: .failure) { _ = Pair().parameters }
            await #expect(processExitsWith: .failure) { _ = Bare().parameters }
        }

        @Test("a batch norm refuses to train on one value per channel")
        func single() async {
            await #expect(processExitsWith: .failure) {
                _ = BatchNorm2d(2)(Tensor.ones([1, 2, 1, 1]))
            }
        }
    #endif
}
