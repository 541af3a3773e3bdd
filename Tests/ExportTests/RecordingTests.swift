import TestSupport
import Testing
import Torch

@testable import Export

@Suite("A recording knows which sizes follow its inputs")
struct RecordingTests {
    private func recording(
        _ body: ([Tensor]) -> [Tensor]
    ) throws -> Recording {
        try Recording(
            axes: [
                .init(name: "images", input: 0, place: 0, length: 2),
                .init(name: "points", input: 0, place: 1, length: 3),
            ],
            inputs: { [.ones([$0[0], $0[1], 4])] }, body)
    }

    @Test("shapes as sums of axes")
    func shapes() throws {
        let found = try recording { inputs in
            let x = inputs[0]
            let padding = Tensor.zeros([x.size(0), 2, 4])
            return [Tensor.concatenate([x, padding], axis: 1).flattened(from: 1)]
        }
        #expect(found.steps.map(\.op) == ["cat", "flatten.using_ints"])
        let shape = found.steps[0].results[0].shape
        #expect(shape.map(\.fixed) == [nil, nil, 4])
        #expect(shape[0].axis == 0)
        #expect(shape[1].factors == [0, 1] && shape[1].base == 2)
        guard case .list(let parts) = found.steps[0].arguments[0],
            case .stretched(let one, let sizes) = parts[1]
        else {
            Issue.record("the padding does not follow the images")
            return
        }
        #expect(one.shape == [1, 2, 4])
        #expect(sizes[0].axis == 0)
    }

    @Test("a constant that changes with an axis is refused")
    func changingConstant() {
        #expect(throws: RecordingError.self) {
            _ = try recording { [$0[0] * Double($0[0].size(0))] }
        }
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                [inputs[0] + Tensor.arange(to: Double(inputs[0].size(1))).unsqueezed(1)]
            }
        }
    }

    @Test("a size that is no sum of the axes is refused")
    func product() {
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                let x = inputs[0].flattened(from: 0, to: 1)
                return [x + Tensor.zeros([inputs[0].size(0) * inputs[0].size(1), 4])]
            }
        }
    }

    @Test("other steps for other lengths are refused")
    func otherSteps() {
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                (0..<inputs[0].size(0)).map { inputs[0][$0] }
            }
        }
    }
}
