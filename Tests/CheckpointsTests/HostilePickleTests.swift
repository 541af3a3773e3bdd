import Checkpoints
import Foundation
import Testing

@Suite("Malicious pickles are refused", .serialized)
struct HostilePickleTests {
    /// Magic number, version and properties of the machine, as PyTorch wrote them before 1.6.
    private func header() throws -> [UInt8] {
        let bytes = try Fixtures.bytes("mixed-legacy.pth")
        let start = try #require(Data(bytes).range(of: Data("little_endian".utf8))).lowerBound
        let end = try #require(bytes[start...].firstIndex(of: UInt8(ascii: ".")))
        return [UInt8](bytes[...end]) + [0x80, 2]
    }

    private func read(_ body: [UInt8], limits: Checkpoint.Limits = .standard) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        return try Checkpoint.read(try folder.file(try header() + body), limits: limits)
    }

    /// Each argument is repeated up to a million bytes, almost the limit of operations.
    ///
    /// The tests of the command measure the peak memory in a separate process.
    @Test(
        "a pickle that repeats any operation a million times is refused",
        arguments: [
            [0x7D], [0x5D], [0x28], [0x4E, 0x85], [0x4E, 0x32], [0x85], [0x4E, 0x4E, 0x86],
            [0x5D, 0x4E, 0x61], [0x5D, 0x94], [0x7D, 0x4E, 0x4E, 0x73], [0x8F, 0x28, 0x4E, 0x90],
            [0x28, 0x4E, 0x4E, 0x74], [0x4B, 1], [0x8A, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [0x58, 16, 0, 0, 0] + [UInt8](repeating: 0x61, count: 16), [0x43, 1, 1],
        ] as [[UInt8]])
    func growth(operations: [UInt8]) throws {
        var body: [UInt8] = [0x4E]
        body.reserveCapacity(1_000_000)
        for _ in 0..<(990_000 / operations.count) { body += operations }
        body.append(0x2E)
        #expect(throws: CheckpointError.self) { try read(body) }
    }

    @Test("a pickle is refused at the limit of operations")
    func operations() throws {
        var limits = Checkpoint.Limits.standard
        limits.maximumPickleOperations = 1000
        let body = [UInt8](repeating: 0x4E, count: 2000)
        #expect(
            throws: CheckpointError.tooLarge("operations of a pickle", found: 1001, limit: 1000)
        ) { try read(body, limits: limits) }
    }

    @Test(
        "a length that exceeds the file is refused",
        arguments: [
            [0x58, 0xFF, 0xFF, 0xFF, 0xFF], [0x58, 0xFF, 0xFF, 0xFF, 0x7F], [0x8A, 0xFF],
            [0x54, 0xFF, 0xFF, 0xFF, 0xFF], [0x42, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x8E, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x96, 0, 0, 0, 0, 1, 0, 0, 0],
        ] as [[UInt8]])
    func lengths(operation: [UInt8]) throws {
        #expect(throws: CheckpointError.self) { try read(operation + [0, 0, 0x2E]) }
    }

    @Test("containers that contain themselves are refused without endless recursion")
    func selfReference() throws {
        // d = {}; d['model'] = d; and l = []; l.append(l), a million deep in tuples.
        let key: [UInt8] = [0x58, 5, 0, 0, 0] + "model".utf8
        let emptyList: [UInt8] = [0x80, 2, 0x5D, 0x2E]
        #expect(throws: CheckpointError.noTensors(keys: ["model"])) {
            try read([0x7D, 0x71, 0] + key + [0x68, 0, 0x73, 0x2E] + emptyList)
        }
        let list: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x61]
        let deep = [UInt8](repeating: 0x85, count: 900_000)
        #expect(throws: CheckpointError.noTensors(keys: [])) {
            try read(list + deep + [0x2E] + emptyList)
        }
    }

    @Test("nested dictionaries with repeated keys are refused in a short time")
    func search() throws {
        // Each dictionary contains the previous one 50,000 times under a key that is searched.
        var body: [UInt8] = [0x58, 5, 0, 0, 0] + "model".utf8 + [0x71, 0, 0x30]
        body += [0x7D, 0x71, 1, 0x30]
        for _ in 0..<4 {
            body += [0x7D, 0x28]
            for _ in 0..<50_000 { body += [0x68, 0, 0x68, 1] }
            body += [0x75, 0x71, 1, 0x30]
        }
        #expect(throws: CheckpointError.duplicateName("model")) {
            try read(body + [0x68, 1, 0x2E, 0x80, 2, 0x5D, 0x2E])
        }
    }

    @Test("copying a long list into many dictionaries is refused")
    func copies() throws {
        // OrderedDict(list) costs as many operations as the list is long.
        let pair: [UInt8] = [0x4E, 0x4E, 0x86]
        var body: [UInt8] = [0x63] + [UInt8]("collections\nOrderedDict\n".utf8) + [0x71, 0]
        body += [0x5D, 0x28]
        for _ in 0..<50_000 { body += pair }
        body += [0x65, 0x85, 0x71, 1]
        for _ in 0..<50_000 { body += [0x68, 0, 0x68, 1, 0x52] }
        let error = #expect(throws: CheckpointError.self) { try read(body + [0x2E]) }
        guard case .tooLarge("operations of a pickle", _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "operations that tensors do not need are refused with their name",
        arguments: [
            ([0x69], "INST"), ([0x50], "PERSID"), ([0x82, 1], "EXT1"),
            ([0x4E, 0x4E, 0x62], "BUILD of something other than a dictionary"),
            ([0xFE], "0xFE"),
        ] as [([UInt8], String)])
    func forbidden(operations: [UInt8], name: String) throws {
        let offset = try header().count + (operations.count == 3 ? 2 : 0)
        #expect(throws: CheckpointError.forbiddenOperation(name, offset: offset)) {
            try read(operations)
        }
    }

    @Test(
        "functions that can run code are refused with their name",
        arguments: [
            "builtins.eval", "builtins.getattr", "__builtin__.exec", "os.system", "posix.popen",
            "subprocess.Popen", "importlib.import_module", "urllib.request.urlopen",
        ])
    func globals(name: String) throws {
        let dot = try #require(name.lastIndex(of: "."))
        let (module, member) = (name[..<dot], name[name.index(after: dot)...])
        let offset = try header().count
        let global = [0x63] + [UInt8]("\(module)\n\(member)\n".utf8)
        #expect(throws: CheckpointError.forbiddenGlobal(name, offset: offset)) {
            try read(global + [0x29, 0x52, 0x2E])
        }
        let texts = [module, member].reduce(into: [UInt8]()) { bytes, text in
            bytes += [0x8C, UInt8(text.utf8.count)] + text.utf8
        }
        #expect(throws: CheckpointError.forbiddenGlobal(name, offset: offset + texts.count)) {
            try read(texts + [0x93, 0x29, 0x52, 0x2E])
        }
    }

    private func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + text.utf8 }

    private func global(_ module: String, _ name: String) -> [UInt8] {
        [0x63] + "\(module)\n\(name)\n".utf8
    }

    /// A tensor of two numbers in the storage '0'.
    private var tensor: [UInt8] {
        let storage =
            [0x28] + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu")
            + [0x4B, 2, 0x4E, 0x74, 0x51]
        return global("torch._utils", "_rebuild_tensor_v2") + [0x28] + storage
            + [0x4B, 0, 0x4B, 2, 0x85, 0x4B, 1, 0x85, 0x89] + global("collections", "OrderedDict")
            + [0x29, 0x52, 0x74, 0x52]
    }

    /// What follows the dictionary: the list of storages, and the storage '0'.
    private var storages: [UInt8] {
        [0x2E, 0x80, 2, 0x5D] + text("0") + [0x61, 0x2E, 2, 0, 0, 0, 0, 0, 0, 0]
            + [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
    }

    @Test("objects of other classes beside the weights are left out, and never made")
    func otherClasses() throws {
        // argparse.Namespace(), made by NEWOBJ and filled by BUILD.
        let namespace =
            global("argparse", "Namespace") + [0x29, 0x81, 0x7D] + text("lr") + [
                0x4B, 1, 0x73, 0x62,
            ]
        // numpy.dtype('f8').__setstate__(...), and scalar(dtype, bytes).
        let type =
            global("numpy", "dtype") + text("f8") + [0x85, 0x52, 0x29, 0x62]
        let number =
            global("numpy._core.multiarray", "scalar") + type + [0x43, 1, 0, 0x86, 0x52]
        let partial = global("functools", "partial") + [0x29, 0x52, 0x29, 0x52]
        let weights = [0x7D] + text("weight") + tensor + [0x73]
        let body =
            [0x7D, 0x28] + text("args") + namespace + text("loss") + number + text("call") + partial
            + text("net") + weights + [0x75]
        let found = try read(body + storages)
        #expect(found.names == ["weight"])
        #expect(try found["weight"]?.bytes() == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    }

    @Test("an optimizer's state is recognized; two dictionaries of weights are refused")
    func otherDictionaries() throws {
        let weights = [0x7D] + text("weight") + tensor + [0x73]
        let both = [0x7D, 0x28] + text("net") + weights + text("optimizer") + weights + [0x75]
        #expect(try read(both + storages).names == ["weight"])
        let two = [0x7D, 0x28] + text("net_a") + weights + text("net_b") + weights + [0x75]
        #expect(throws: CheckpointError.severalStateDictionaries(["net_a", "net_b"])) {
            try read(two + storages)
        }
        let state = [0x7D, 0x28] + text("state") + [0x7D] + text("param_groups") + [0x5D, 0x75]
        let error = #expect(throws: CheckpointError.self) {
            try read(state + [0x2E, 0x80, 2, 0x5D, 0x2E])
        }
        #expect(error?.description == "it is the state of an optimizer, which contains no weights")
    }
}
