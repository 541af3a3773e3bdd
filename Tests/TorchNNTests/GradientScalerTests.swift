import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite("The scaler of float16 gradients agrees with PyTorch's GradScaler")
struct GradientScalerTests {
    /// Made by Tools/fixtures/gradient_scaler.py.
    private struct Reference: Decodable {
        let steps: Int
        /// Values of the second element in steps that are not finite.
        let bad: [String: String]
        let gradient: [Float]
        /// The scale after each step that changed it.
        let scale_changes: [[Double]]
        /// The unscaled gradients of the first steps.
        let unscaled: [[String]]
    }

    private func parameter(_ gradient: [Float]) -> Parameter {
        let parameter = Parameter(.zeros([gradient.count]))
        parameter.value.setGrad(Tensor(gradient))
        return parameter
    }

    @Test("scale and gradients are the same in each of 4,050 steps")
    func agrees() throws {
        let path = Shared.package.appending(path: "Tests/Fixtures/gradient-scaler.json")
        let reference = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: path))
        var scaler = GradientScaler()
        var changes: [[Double]] = []
        for step in 0..<reference.steps {
            var gradient = reference.gradient
            if let bad = reference.bad["\(step)"] { gradient[1] = try #require(Float(bad)) }
            let scale = scaler.scale
            let one = parameter(gradient.map { $0 * scale })
            let isFinite = scaler.unscale([one])
            if step < reference.unscaled.count {
                let expected = try reference.unscaled[step].map { try #require(Float($0)) }
                let found = try #require(one.grad).floats()
                // Not equal to itself: NaN.
                #expect(zip(found, expected).allSatisfy { $0 == $1 || ($0 != $0 && $1 != $1) })
            }
            scaler.update(isFinite: isFinite)
            #expect(isFinite == (reference.bad["\(step)"] == nil))
            if scaler.scale != scale { changes.append([Double(step), Double(scaler.scale)]) }
        }
        #expect(changes == reference.scale_changes)
        #expect(scaler.skippedSteps == reference.bad.count)
    }

    @Test("an infinite gradient of any parameter is found")
    func found() {
        let scaler = GradientScaler()
        #expect(!scaler.unscale([parameter([1, 2]), parameter([3, .infinity])]))
        #expect(scaler.unscale([parameter([1, 2]), parameter([3, 4])]))
        #expect(scaler.unscale([]))
    }

    @Test("numbers that no training can have are refused")
    func possible() throws {
        func scaler(_ json: String) throws -> GradientScaler {
            try JSONDecoder().decode(GradientScaler.self, from: Data(json.utf8))
        }
        #expect(GradientScaler().isPossible)
        #expect(try !scaler(#"{"scale":0,"finiteSteps":0,"skippedSteps":0}"#).isPossible)
        #expect(try !scaler(#"{"scale":1,"finiteSteps":2000,"skippedSteps":0}"#).isPossible)
    }
}
