import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("samus train in two processes, as torchrun starts it", .serialized, .timeLimit(.minutes(60)))
struct TrainProcessesTests {
    private let scratch: Scratch
    private let root: String
    private let start: String

    /// Data, and weights of a small network.
    init() throws {
        scratch = try Scratch()
        root = scratch.path("data")
        start = scratch.path("runs/start/weights/last.safetensors")
        try MadeUpData.write(to: URL(filePath: root), train: 8, val: 3)
        let made = try Program()(
            "train", "--data", root, "--recipe", "full", "--network", "samus", "--width", "16",
            "--depth", "2", "--heads", "2", "--global-blocks", "1", "--epochs", "1", "--fraction",
            "0.3", "--validation-fraction", "0.3", "--project", scratch.path("runs"), "--name",
            "start")
        try #require(made.code == 0, "\(made.errors)")
    }

    /// With the recipe `decoder`, because batch statistics of a trained encoder differ between
    /// processes.
    private func arguments(_ name: String, batch: Int, _ more: String...) -> [String] {
        [
            "train", "--data", root, "--recipe", "decoder", "--from", start, "--epochs", "2",
            "--batch", "\(batch)", "--prompts", "click,corrections:1", "--project",
            scratch.path("runs"), "--name", name, "--deterministic", "--save-every", "0", "--ema",
            "0.9", "--learning-rate", "1e-4",
        ] + more
    }

    /// Starts both, rank 0 first.
    private func running(_ arguments: (Int) -> [String]) throws -> [Program.Running] {
        let port = try freePort()
        return try (0..<2).map { rank in
            var samus = Program()
            samus.environment = [
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)", "WORLD_SIZE": "2",
                "RANK": "\(rank)", "LOCAL_RANK": "\(rank)",
            ]
            return try samus.start(arguments(rank))
        }
    }

    private func weights(_ name: String) throws -> Checkpoint {
        try Checkpoint.read(scratch.path("runs/\(name)/weights/last.safetensors"))
    }

    private func column(_ title: String, of name: String) throws -> [Double] {
        let text = try String(
            contentsOfFile: scratch.path("runs/\(name)/results.csv"), encoding: .utf8)
        let rows = text.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let place = try #require(rows[0].firstIndex(of: title))
        return rows.dropFirst().compactMap { Double($0[place]) }
    }

    @Test("two processes give the weights and figures of one process with twice the batch size")
    func together() throws {
        let two = try running { _ in arguments("two", batch: 2) }.map { $0.outcome() }
        for outcome in two { #expect(outcome.code == 0, "\(outcome.errors)") }
        #expect(two[0].output.contains("2 processes of 1 thread"))
        #expect(two[1].output.isEmpty)
        let one = try Program().start(arguments("one", batch: 4)).outcome()
        #expect(one.code == 0, "\(one.errors)")
        let (mine, whole) = (try weights("two"), try weights("one"))
        #expect(mine.names == whole.names)
        // The gradient of a key's bias is rounding noise.
        for name in mine.names where !name.hasSuffix("k_proj.bias") {
            let values = try [mine, whole].map { try numbers(#require($0[name])) }
            let difference = zip(values[0], values[1]).map { abs($0 - $1) }.max() ?? 0
            #expect(difference <= 1e-5, "\(name): \(difference)")
        }
        for title in ["train/loss", "train/bce", "train/dice_loss", "val/dice", "val/iou"] {
            let (mine, whole) = (try column(title, of: "two"), try column(title, of: "one"))
            #expect(mine.count == 2)
            #expect(
                zip(mine, whole).allSatisfy { abs($0 - $1) < 1e-4 }, "\(title) \(mine) \(whole)")
        }
        let cases = try ["two", "one"].map {
            try String(contentsOfFile: scratch.path("runs/\($0)/per_case.csv"), encoding: .utf8)
                .split(separator: "\n").count
        }
        #expect(cases[0] == cases[1])
    }

    @Test("when one process is killed, the other reports it and ends; the run can be resumed")
    func lost() throws {
        let running = try running { _ in arguments("lost", batch: 2, "--epochs", "4000") }
        let state = scratch.path("runs/lost/weights/state.safetensors")
        while !FileManager.default.fileExists(atPath: state),
            running.allSatisfy({ $0.process.isRunning })
        {
            usleep(2000)
        }
        try #require(FileManager.default.fileExists(atPath: state), "no checkpoint was written")
        kill(running[1].process.processIdentifier, SIGKILL)
        let killed = Date()
        let ended = running[0].outcome()
        #expect(Date().timeIntervalSince(killed) < 60)
        #expect(ended.code == 69, "\(ended.errors)")
        #expect(ended.errors.contains("rank 0 of 2 lost another process"), "\(ended.errors)")
        #expect(try Checkpoint.read(state).names.contains { $0.hasPrefix("optimizer.") })

        let alone = try Program()("train", "--resume", scratch.path("runs/lost"))
        #expect(alone.code != 0)
        #expect(alone.errors.contains("other options"), "\(alone.errors)")
        let resumed = try self.running { _ in
            ["train", "--resume", scratch.path("runs/lost"), "--time-limit", "0.01"]
        }.map { $0.outcome() }
        for outcome in resumed { #expect(outcome.code == 0, "\(outcome.errors)") }
        #expect(resumed[0].output.contains("resuming at step"))
        #expect(resumed[0].output.contains("time limit after"))
    }

    @Test("a loss that is not finite in one process ends all, and leaves no checkpoint of it")
    func notFinite() throws {
        let ended = try running { _ in
            arguments("nan", batch: 2, "--learning-rate", "1e30", "--dice-per-image")
        }.map { $0.outcome() }
        #expect(ended.allSatisfy { $0.code == 69 })
        #expect(ended.allSatisfy { $0.errors.contains("is not a finite number") })
        #expect(scratch.files("runs/nan/weights").isEmpty)
    }

    @Test("incomplete launcher variables or different options are refused and leave no folder")
    func disagreeing() throws {
        var samus = Program()
        samus.environment = ["RANK": "0"]
        let half = try samus.start(arguments("half", batch: 2)).outcome()
        #expect(half.code == 64)
        #expect(half.errors.contains("RANK set but not WORLD_SIZE"), "\(half.errors)")
        let other = try running { arguments("other", batch: 2, "--seed", "\($0)") }
            .map { $0.outcome() }
        #expect(other.allSatisfy { $0.code == 69 })
        #expect(other.contains { $0.errors.contains("differ in options, weights or data") })
        #expect(!FileManager.default.fileExists(atPath: scratch.path("runs/other")))
    }
}

/// The numbers of a float32 tensor; empty for another type.
private func numbers(_ tensor: StoredTensor) throws -> [Float] {
    tensor.elementType == .float32 ? try tensor.elements(as: Float.self) : []
}

/// A port that no process listens on.
private func freePort() throws -> Int {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(listener, $0, length) == 0 ? getsockname(listener, $0, &length) : -1
        }
    }
    try #require(result == 0, "no port")
    return Int(UInt16(bigEndian: address.sin_port))
}
