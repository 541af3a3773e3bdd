import Checkpoints
import Foundation
import Testing

@Suite("Safetensors files written by Swift are read by Python")
struct PythonParityTests {
    /// Runs a program and waits until it ends.
    ///
    /// - Returns: exit code and output; nil if the program cannot be started.
    private static func run(_ arguments: [String]) -> (code: Int32, output: String)? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// `SAMUS_PYTHON`, else the Python of `make peers`, else the system's Python.
    static let python: String = {
        if let named = ProcessInfo.processInfo.environment["SAMUS_PYTHON"] { return named }
        let peer = Fixtures.package.appendingPathComponent(".deps/peers/bin/python").path
        return FileManager.default.isExecutableFile(atPath: peer) ? peer : "python3"
    }()

    static let hasPackages =
        run([python, "-c", "import numpy, safetensors.torch, torch"])?.code == 0

    @Test(
        "Python reads the same tensors from a copy written by Swift as from the original",
        .enabled(
            if: hasPackages, "no Python with torch, numpy and safetensors: run 'make peers'"))
    func parity() throws {
        let folder = try TemporaryFolder()
        var pairs: [String] = []
        for name in Fixtures.readable where name != "storage-view-legacy.pth" {
            let found = try Checkpoint.read(Fixtures.path(name))
            let tensors = found.names.compactMap { name in found[name].map { (name, $0) } }
            let path = folder.path(name + ".out")
            try Safetensors.write(tensors, metadata: ["original": "é \"\\\n"], to: path)
            pairs += [Fixtures.path(name), path]
        }
        let script = Fixtures.package.appendingPathComponent("Tools/parity/compare_safetensors.py")
        let result = try #require(Self.run([Self.python, script.path] + pairs))
        #expect(result.code == 0, "\(result.output)")
    }
}
