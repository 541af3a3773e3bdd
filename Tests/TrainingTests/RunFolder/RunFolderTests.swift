import Foundation
import Testing

@testable import Training

@Suite("Run folders")
struct RunFolderTests {
    @Test("run folders are named exp, exp2, exp3; the first free name is used")
    func names() throws {
        try withTemporaryFolder { project in
            let first = try RunFolder.create(in: project)
            let second = try RunFolder.create(in: project)
            try FileManager.default.createDirectory(
                atPath: project + "/exp4", withIntermediateDirectories: false)
            #expect(first.path == project + "/exp" && second.path == project + "/exp2")
            #expect(try RunFolder.create(in: project).path == project + "/exp3")
            #expect(try RunFolder.create(in: project).path == project + "/exp5")
            #expect(FileManager.default.fileExists(atPath: first.weights))
        }
    }

    @Test("an existing run is replaced with --force only, and only the files of a run are removed")
    func replacing() throws {
        try withTemporaryFolder { project in
            let path = try makeRun(project)
            #expect(throws: RunFolderError.exists(path: path)) {
                try RunFolder.create(in: project, name: "a")
            }
            let folder = try RunFolder.create(in: project, name: "a", replacing: true)
            let left = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            #expect(left == [".lock", "notes.txt", "weights"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.weights) == [])
        }
    }

    /// A finished run, and a file that is not of the run.
    private func makeRun(_ project: String) throws -> String {
        let folder = try RunFolder.create(in: project, name: "a")
        for file in [folder.arguments, folder.bestWeights, folder.path + "/notes.txt"] {
            try Data("x: 1".utf8).write(to: URL(fileURLWithPath: file))
        }
        return folder.path
    }

    @Test("a folder without a run is not replaced")
    func strange() throws {
        try withTemporaryFolder { project in
            let path = project + "/thesis"
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
            try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/results.csv"))
            #expect(throws: RunFolderError.notARun(path: path)) {
                try RunFolder.create(in: project, name: "thesis", replacing: true)
            }
            #expect(FileManager.default.fileExists(atPath: path + "/results.csv"))
        }
    }

    @Test(
        "a name that is not a plain folder name is refused",
        arguments: ["", ".", "..", "a/b", "/tmp"])
    func badNames(name: String) throws {
        try withTemporaryFolder { project in
            #expect(throws: RunFolderError.badName(name)) {
                try RunFolder.create(in: project, name: name, replacing: true)
            }
        }
    }

    @Test("a run is found by its folder, its weights folder or a file in it")
    func resuming() throws {
        try withTemporaryFolder { project in
            let path = try makeRun(project)
            for suffix in ["", "/", "/weights", "/weights/last.safetensors", "/args.yaml"] {
                let folder = try RunFolder.resume(path + suffix)
                #expect(folder.arguments.hasSuffix("/a/args.yaml") || suffix == "/")
            }
            #expect(RunFolder.latest(in: project) == path)
            #expect(throws: RunFolderError.noRun(path: project)) {
                try RunFolder.resume(project)
            }
        }
    }

    @Test("on resume, partial files of a killed process are removed, and nothing else")
    func halfWritten() throws {
        try withTemporaryFolder { project in
            let path = try makeRun(project)
            let left = path + "/weights/.last.safetensors.samus-node7-12-3k9.partial"
            let ofUser = path + "/weights/.download.partial"
            for file in [left, ofUser] {
                try Data("x".utf8).write(to: URL(fileURLWithPath: file))
            }
            let folder = try RunFolder.resume(path)
            #expect(!FileManager.default.fileExists(atPath: left))
            #expect(FileManager.default.fileExists(atPath: ofUser))
            #expect(FileManager.default.fileExists(atPath: folder.bestWeights))
        }
    }

    @Test("a run folder is locked for one process, which the error message names")
    func locked() throws {
        try withTemporaryFolder { project in
            let path = try makeRun(project)
            do {
                let held = try RunFolder.resume(path)
                let error = try #require(throws: RunFolderError.self) {
                    try RunFolder.resume(path)
                }
                #expect("\(error)".contains("another process writes to"))
                #expect("\(error)".contains("process \(getpid()) on "))
                #expect(throws: RunFolderError.self) {
                    try RunFolder.create(in: project, name: "a", replacing: true)
                }
                #expect(FileManager.default.fileExists(atPath: held.bestWeights))
            }
            _ = try RunFolder.resume(path)
        }
    }
}

/// Runs `body` with a temporary folder, and removes the folder afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
}
