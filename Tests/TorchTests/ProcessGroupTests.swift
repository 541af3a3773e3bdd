import Foundation
import TestSupport
import Testing
import Torch

@Suite("The launcher's environment variables")
struct RendezvousTests {
    private let variables = [
        "MASTER_ADDR": "node7", "MASTER_PORT": "29500", "RANK": "3", "WORLD_SIZE": "4",
    ]

    @Test("the variables of torchrun, PyTorchJob and Slurm are read")
    func whole() throws {
        let found = try Rendezvous.fromEnvironment(variables)
        #expect(found == Rendezvous(host: "node7", port: 29500, rank: 3, size: 4))
        let torchrun = variables.merging([
            "RANK": "0", "LOCAL_RANK": "1", "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": "2",
        ]) { $1 }
        let agent = try Rendezvous.fromEnvironment(torchrun)
        let served = try #require(agent)
        #expect(served.localRank == 1 && !served.isServing && served.restart == 2)
    }

    @Test("without the variables there is a single process")
    func alone() throws {
        for environment in [
            [:], ["MASTER_ADDR": "node7"], ["RANK": "0", "WORLD_SIZE": "1"],
        ] {
            let found = try Rendezvous.fromEnvironment(environment)
            #expect(found == nil)
        }
    }

    @Test(
        "variables that are missing or out of range are refused by name",
        arguments: [
            (["RANK": nil], "WORLD_SIZE set but not RANK"),
            (["MASTER_PORT": nil], "but not MASTER_PORT: set all of them"),
            (["MASTER_ADDR": ""], "but not MASTER_ADDR"),
            (["RANK": "4"], "RANK is '4', but must be a whole number from 0 to 3"),
            (["RANK": "-1"], "RANK is '-1'"),
            (["WORLD_SIZE": "two"], "WORLD_SIZE is 'two'"),
            (["MASTER_PORT": "70000"], "MASTER_PORT is '70000'"),
        ] as [([String: String?], String)])
    func refused(change: [String: String?], words: String) {
        var environment = variables
        for (name, value) in change { environment[name] = value }
        let error = #expect(throws: ProcessGroupError.self) {
            try Rendezvous.fromEnvironment(environment)
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}

#if compiler(>=6.3)
    @Suite("Process group", .timeLimit(.minutes(60)))
    struct ProcessGroupTests {
        @Test("sums, means, broadcasts, gathering and the differentiable sum are correct")
        func collectives() async {
            let meeting = Meeting()
            defer { meeting.end() }
            async let first: Void = collect(0, meeting)
            async let second: Void = collect(1, meeting)
            _ = await (first, second)
        }

        private func collect(_ rank: Int, _ meeting: Meeting) async {
            await #expect(processExitsWith: .success) {
                [rank = rank as Int, meeting = meeting as Meeting] in
                let group = try meeting.join(rank: rank, of: 2)
                try #require(group.rank == rank && group.size == 2)
                let own = Tensor([Float(rank + 1), 10])
                try group.sumInPlace(own)
                try #require(own.floats() == [3, 20])
                // A tensor that is not contiguous.
                let wide = Tensor.full([2, 3], rank + 1).to(.float32)
                try group.meanInPlace(wide.transposed(0, 1)[0..<2])
                try #require(
                    wide.floats() == [1.5, 1.5, Float(rank + 1), 1.5, 1.5, Float(rank + 1)])
                let told = Tensor([rank, 7 * rank])
                try group.broadcast(told, from: 1)
                try #require(told.elements(as: Int.self) == [1, 7])
                let all = try group.gather(Tensor([Double(rank)]))
                try #require(all.map { $0.item() } == [0, 1])
                let bytes = try group.gather(bytes: [UInt8](repeating: 5, count: 3 * rank))
                try #require(bytes == [[], [5, 5, 5]])
                try group.barrier()

                // f(s) = s², s = x0² + 3 x1²; the mean of the ranks' gradients is df/dx_r / R.
                let x = Tensor(Float(rank + 2)).requiringGrad()
                let pooled = try group.sum(x * x * Double(2 * rank + 1))
                try #require(pooled.item() == 31)
                (pooled * pooled).backward()
                let share = Double(2 * (rank + 2) * (2 * rank + 1))
                try #require(x.grad?.item() == 2 * 2 * 31 * share)
                try group.barrier()
            }
        }

        @Test("a killed process ends the others with an error")
        func killed() async {
            let meeting = Meeting()
            defer { meeting.end() }
            async let survivor = #expect(
                processExitsWith: .exitCode(3), observing: [\.standardErrorContent]
            ) { [meeting = meeting as Meeting] in
                let group = try meeting.join(rank: 0, of: 2, timeout: 20)
                do throws(ProcessGroupError) {
                    while true { try group.sumInPlace(.ones([1000]), for: "the sum of gradients") }
                } catch {
                    FileHandle.standardError.write(Data("\(error)\n".utf8))
                    exit(3)
                }
            }
            async let victim = #expect(processExitsWith: .signal(SIGKILL)) {
                [meeting = meeting as Meeting] in
                let group = try meeting.join(rank: 1, of: 2, timeout: 20)
                for _ in 0..<3 { try group.sumInPlace(.ones([1000])) }
                kill(getpid(), SIGKILL)
            }
            _ = await victim
            await expectWords(
                "rank 0 of 2 lost another process during the sum of gradients: ", survivor)
        }

        @Test("a hanging process is reported after the timeout")
        func hanging() async {
            let meeting = Meeting()
            defer { meeting.end() }
            async let survivor = #expect(
                processExitsWith: .exitCode(3), observing: [\.standardErrorContent]
            ) { [meeting = meeting as Meeting] in
                let group = try meeting.join(rank: 0, of: 2, timeout: 2)
                do throws(ProcessGroupError) {
                    try group.barrier()
                } catch {
                    FileHandle.standardError.write(Data("\(error)\n".utf8))
                    exit(3)
                }
            }
            async let sleeper = #expect(processExitsWith: .success) {
                [meeting = meeting as Meeting] in
                let group = try meeting.join(rank: 1, of: 2, timeout: 2)
                try await Task.sleep(for: .seconds(6))
                _ = group
            }
            _ = await sleeper
            await expectWords(
                "rank 0 of 2 waited 2.0 s for the other processes during a barrier", survivor)
        }

        @Test("when processes are missing, the error states how many joined")
        func absent() async {
            let error = #expect(throws: ProcessGroupError.self) {
                try ProcessGroup(Rendezvous(port: 0, rank: 0, size: 3), joinTimeout: 1)
            }
            #expect(
                error?.description.contains("only 1 of 3 processes joined within 1 s") == true,
                "\(error?.description ?? "")")
        }
    }
#endif
