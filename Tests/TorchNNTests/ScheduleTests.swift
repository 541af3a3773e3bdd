import TestSupport
import Testing
import Torch
import TorchNN

@Suite("Learning rate, clipping, moving average")
struct ScheduleTests {
    @Test("polynomial decay as the SAMUS authors use it: 250 warm-up steps, power 0.9")
    func polynomial() {
        let schedule = LearningRateSchedule(
            1e-3, shape: .polynomial(power: 0.9), warmUp: 250, total: 1000)
        #expect(schedule.rate(at: 0) == 1e-3 / 250)
        #expect(schedule.rate(at: 249) == 1e-3)
        // (1 - 375 / 750) ^ 0.9
        #expect(abs(schedule.rate(at: 625) - 1e-3 * 0.535886731268) < 1e-12)
        #expect(schedule.rate(at: 5000) == 0)
    }

    @Test("cosine ends at its lowest share; constant stays constant")
    func cosine() {
        let schedule = LearningRateSchedule(2, shape: .cosine(lowest: 0.1), total: 100)
        #expect(schedule.rate(at: 0) == 2)
        #expect(abs(schedule.rate(at: 50) - 1.1) < 1e-12)
        #expect(abs(schedule.rate(at: 100) - 0.2) < 1e-12)
        #expect(LearningRateSchedule(3, total: 10).rate(at: 9) == 3)
    }

    private func pair() -> [Parameter] {
        let parameters = [Parameter(Tensor([Float(3), 0])), Parameter(Tensor([Float(4)]))]
        ((parameters[0].value * parameters[0].value).sum() / 2
            + (parameters[1].value * parameters[1].value).sum() / 2).backward()
        return parameters
    }

    @Test("clipping scales all gradients together")
    func clipping() {
        let parameters = pair()
        #expect(GradientClipping.clip(parameters, to: 10) == 5)
        #expect(parameters[0].grad?.floats() == [3, 0])
        #expect(GradientClipping.clip(parameters, to: 1) == 5)
        #expect(abs(GradientClipping.norm(of: parameters) - 1) < 1e-5)
    }

    private final class One: Module {
        let weight = Parameter(Tensor([Float(1)]))
    }

    @Test("the moving average follows the weights, replaces them, and restores them")
    func average() throws {
        let network = One()
        let average = MovingAverage(of: network, decay: 0.9)
        withoutGrad { network.weight.value.detached().fill(with: 2.0) }
        // The first decay is (1 + 0) / (10 + 0).
        average.update()
        let expected: Float = 0.1 * 1 + 0.9 * 2
        let seen = average.applied { network.weight.value.floats()[0] }
        #expect(abs(seen - expected) < 1e-6)
        #expect(network.weight.value.floats() == [2])

        let other = MovingAverage(of: network, decay: 0.9)
        try other.load(average.stateDictionary, steps: average.steps)
        #expect(other.applied { network.weight.value.floats()[0] } == seen)
        #expect(throws: ModuleLoadError.self) { try other.load(StateDictionary(), steps: 0) }
    }

    @Test("Adam resumes bit for bit from saved moments")
    func resumed() throws {
        func step(_ parameter: Parameter, _ optimizer: Adam) {
            parameter.value.setGrad(nil)
            (parameter.value * parameter.value).sum().backward()
            optimizer.step()
        }
        let one = Parameter(Tensor([Float(1), -2]))
        let first = Adam([one], learningRate: 0.1)
        step(one, first)
        let kept = first.stateDictionary([("w", one)])
        #expect(kept.names == ["w.exp_avg", "w.exp_avg_sq", "w.step"])
        let other = Parameter(one.value.detached().clone())
        let second = Adam([other], learningRate: 0.1)
        try second.load(kept, [("w", other)])
        step(one, first)
        step(other, second)
        #expect(one.value.floats() == other.value.floats())
        var wrong = kept
        wrong["w.exp_avg"] = Tensor([Float(1)])
        #expect(throws: ModuleLoadError.self) { try second.load(wrong, [("w", other)]) }
    }
}
