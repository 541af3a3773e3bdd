import Checkpoints
import Foundation
import Testing

@Suite("Python")
struct PythonParityTests {
    /// Runs a program to its end.
    ///
    /// - Returns: exit code and output, or nil when it cannot be started.
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

    static let hasPackages =
        run(["python3", "-c", "import numpy, safetensors.torch, torch"])?.code == 0

    @Test(
        "reads what Swift writes as it reads the originals",
        .enabled(if: hasPackages, "no python3 with torch, numpy and safetensors"))
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
        let script = Fixtures.package.appendingPathComponent("Scripts/check-safetensors-parity.py")
        let result = try #require(Self.run(["python3", script.path] + pairs))
        #expect(result.code == 0, "\(result.output)")
    }
}
