import Checkpoints
import Foundation
import Testing

@Suite("Unsupported and malicious checkpoints are refused with the cause")
struct RefusalTests {
    static func error(_ name: String) throws -> CheckpointError {
        try #require(throws: CheckpointError.self) {
            try Checkpoint.read(Fixtures.path("refused/\(name)"))
        }
    }

    @Test(
        "a pickle that runs a program is refused with the position of the call",
        arguments: ["command.pth", "command-legacy.pth"])
    func command(name: String) throws {
        guard case .forbiddenGlobal("posix.system", let offset) = try Self.error(name) else {
            Issue.record("\(try Self.error(name))")
            return
        }
        // The offset is that of the operation GLOBAL in the file.
        let bytes = try Fixtures.bytes("refused/\(name)")
        #expect(bytes[offset...].starts(with: "cposix\nsystem\n".utf8))
    }

    @Test(
        "the message of each refused file states the cause",
        arguments: [
            ("complex.pth", "'weight' has the element type complex64, which is not supported"),
            (
                "complex-legacy.pth",
                "'weight' has the element type complex64, which is not supported"
            ),
            ("uint16.pth", "'weight' has the element type uint16, which is not supported"),
            ("uint16.safetensors", "'weight' has the element type U16, which is not supported"),
            ("list.pth", "the file contains no dictionary of tensors"),
            ("list-legacy.pth", "the file contains no dictionary of tensors"),
            (
                "two.pth",
                "the file contains weights under the keys 'model' and 'state_dict': save only one"
            ),
            (
                "two-legacy.pth",
                "the file contains weights under the keys 'model' and 'state_dict': save only one"
            ),
            ("expanded.pth", "bytes of all tensors: found 40000"),
            ("expanded-legacy.pth", "bytes of all tensors: found 40000"),
            (
                "compressed.pth",
                "the zip entry 'archive/data.pkl' is compressed, which PyTorch never writes"
            ),
            (
                "bomb.pth",
                "the zip entry 'archive/data.pkl' is compressed, which PyTorch never writes"
            ),
            ("encrypted.pth", "the zip entry 'archive/data.pkl' is encrypted"),
            (
                "big-endian.pth",
                "the weights were saved on a big-endian machine, which is not supported"
            ),
        ])
    func messages(name: String, message: String) throws {
        #expect(try Self.error(name).description.hasPrefix(message))
    }

    @Test(
        "TorchScript and other zip archives are recognized",
        arguments: [
            ("torchscript.pth", CheckpointError.OtherFormat.torchScript), ("no-pickle.pth", .zip),
        ])
    func archives(name: String, format: CheckpointError.OtherFormat) throws {
        let path = Fixtures.path("refused/\(name)")
        #expect(try Self.error(name) == .notACheckpoint(path: path, format))
    }

    @Test(
        "one flipped bit in a weight is refused by the checksum",
        arguments: ["module.pth", "views.pth", "zip64.pth"])
    func flippedBit(name: String) throws {
        var bytes = try Fixtures.bytes(name)
        let storage = Data(bytes).range(of: Data("data/0FB".utf8))
        let padding = try #require(storage).upperBound
        let length = Int(bytes[padding]) + Int(bytes[padding + 1]) << 8
        bytes[padding + 2 + length] ^= 1
        let folder = try TemporaryFolder()
        let path = try folder.file(bytes)
        let error = #expect(throws: CheckpointError.self) { try Checkpoint.read(path) }
        guard case .wrongChecksum(let entry) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(entry.hasSuffix("/data/0"))
    }

    @Test("an archive with the same entry twice is refused")
    func overlap() throws {
        let folder = try TemporaryFolder()
        var bytes = try Fixtures.bytes("module.pth")
        let records = bytes.indices.dropLast(3).filter {
            bytes[$0...].starts(with: [0x50, 0x4B, 0x01, 0x02])
        }
        // Replace the second record by a copy of the first.
        let (first, second) = (records[0], records[1])
        let firstBytes = bytes[first..<second]
        bytes.replaceSubrange(second..<records[2], with: firstBytes)
        let moved = firstBytes.count - (records[2] - second)
        let end = bytes.count - 22
        let size = Int(bytes[end + 12]) + Int(bytes[end + 13]) << 8 + moved
        bytes[end + 12] = UInt8(size & 0xFF)
        bytes[end + 13] = UInt8(size >> 8)
        // Remove the locator of the zip64 record, which would contradict.
        bytes[end - 20] = 0
        let path = try folder.file(bytes)
        #expect(throws: CheckpointError.refusedEntry("module/data.pkl", .repeated)) {
            try Checkpoint.read(path)
        }
    }
}
