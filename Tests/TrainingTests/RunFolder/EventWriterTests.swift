import Foundation
import Imaging
import TestSupport
import Testing

@testable import Training

@Suite("TensorBoard events")
struct EventWriterTests {
    /// Values of RFC 3720, B.4, and the usual check value of the polynomial.
    @Test("records have CRC-32C checksums")
    func check() {
        #expect(EventRecord.crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(EventRecord.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(EventRecord.crc32c(Array(0..<32)) == 0x46DD_794E)
    }

    /// The file is made by Tools/fixtures/tensorboard_events.py.
    @Test("files are byte for byte those of TensorBoard's own writer")
    func bytes() throws {
        try withTemporaryFolder { folder in
            var time = 1_700_000_000.0
            let path = folder + "/events"
            let writer = try EventWriter(path: path, resumingAt: 300) {
                time += 0.25
                return time
            }
            writer.add(["val/größe": .nan, "train/loss": 0.4375, "lr": 5e-4], step: 310)
            writer.add(
                png: Array(0...255), size: Size(height: 256, width: 300), channels: 3,
                tag: "val_pred/worst", step: 310)
            writer.add(["train/loss": -0.0], step: 3_000_000_000)
            writer.add(["train/loss": 1e30], step: 0)
            try writer.flush()
            let golden = Shared.package.appending(path: "Tests/Fixtures/training/events.tfevents")
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: path)) == Data(contentsOf: golden))
        }
    }

    @Test("events are in the file after a flush")
    func flush() throws {
        try withTemporaryFolder { folder in
            let writer = try EventWriter(folder: folder)
            let before = try size(writer.path)
            writer.add(["a": 1], step: 1)
            #expect(try size(writer.path) == before)
            try writer.flush()
            #expect(try size(writer.path) > before)
        }
    }

    private func size(_ path: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: path)).count
    }

    @Test("the file of a later start sorts after earlier files")
    func names() throws {
        try withTemporaryFolder { folder in
            let paths = try (0..<4).map { _ in try EventWriter(folder: folder).path }
            #expect(paths == paths.sorted() && Set(paths).count == 4)
        }
    }

    private struct Read: Decodable {
        struct ImageEntry: Decodable, Equatable {
            let step, width, height: Int
            let bytes: [UInt8]
        }
        let scalars: [String: [[Double]]]
        let images: [String: [ImageEntry]]
    }

    /// `SAMUS_PYTHON`, else the Python of `make peers`, else the system's Python.
    private static let python: String = {
        if let named = ProcessInfo.processInfo.environment["SAMUS_PYTHON"] { return named }
        let peer = Shared.package.appending(path: ".deps/peers/bin/python").path
        return FileManager.default.isExecutableFile(atPath: peer) ? peer : "python3"
    }()

    private static func run(_ arguments: [String]) -> (code: Int32, output: Data)? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    private static let hasTensorBoard = run([python, "-c", "import tensorboard"])?.code == 0

    @Test(
        "TensorBoard's EventAccumulator reads the events; a resumed run replaces the steps it repeats",
        .enabled(if: hasTensorBoard, "no Python with tensorboard: make peers brings one"))
    func accumulator() throws {
        try withTemporaryFolder { folder in
            let first = try EventWriter(folder: folder)
            for step in 1...5 { first.add(["loss": Double(step)], step: 10 * step) }
            let grey = Image(width: 3, height: 2, channels: 1, pixels: [0, 1, 2, 3, 4, 5])
            try first.add(grey, tag: "image", step: 10)
            try first.flush()
            // The incomplete record of a program that was killed during a write.
            let half = try FileHandle(forWritingTo: URL(fileURLWithPath: first.path))
            try half.seekToEnd()
            try half.write(contentsOf: Data([40, 0, 0, 0]))
            try half.close()
            let second = try EventWriter(folder: folder, resumingAt: 30)
            for step in 4...6 { second.add(["loss": Double(-step)], step: 10 * step) }
            try second.flush()

            let script = Shared.package.appending(path: "Tools/parity/read_tensorboard.py").path
            let result = try #require(Self.run([Self.python, script, folder]))
            let read = try JSONDecoder().decode(Read.self, from: result.output)
            #expect(
                read.scalars == [
                    "loss": [[10, 1], [20, 2], [30, 3], [40, -4], [50, -5], [60, -6]]
                ])
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            #expect(
                read.images == [
                    "image": [.init(step: 10, width: 3, height: 2, bytes: signature)]
                ])
        }
    }
}
