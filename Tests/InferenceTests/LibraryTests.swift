import Foundation
import Testing

@testable import Inference

@Suite("OpenVINO's library is looked for")
struct LibraryTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func search(_ environment: [String: String]) -> OpenVINOSearch {
        OpenVINOSearch(
            environment: environment, program: folder.url.appendingPathComponent("a/b/c/d/e"))
    }

    @Test("where SAMUS_OPENVINO says, and only there; a sentence says so")
    func missing() {
        let empty = folder.url.appendingPathComponent("nothing").path
        let places = search(["SAMUS_OPENVINO": empty])
        #expect(throws: OpenVINOError.libraryMissing(searched: ["SAMUS_OPENVINO=\(empty)"])) {
            try OpenVINOLibrary(places)
        }
        #expect(
            OpenVINOError.libraryMissing(searched: places.searched).description.contains("make setup"))
    }

    @Test("in the checkout, beside the program, in the system")
    func places() throws {
        let libraries = folder.url.appendingPathComponent("a/b/.deps/openvino/libs")
        try FileManager.default.createDirectory(
            at: libraries, withIntermediateDirectories: true)
        for version in ["2640", "2641"] {
            try Data().write(
                to: libraries.appendingPathComponent("libopenvino_c.so.\(version)"))
        }
        let built = folder.url.appendingPathComponent("a/b/.build/x86_64/release")
        try FileManager.default.createDirectory(at: built, withIntermediateDirectories: true)
        func candidates() -> [String] {
            OpenVINOSearch(environment: [:], program: built).candidates
        }
        // What lies in a folder above is not the program's own: anybody may have put it there.
        #expect(!candidates().contains { $0.contains(".deps") })
        try Data().write(to: folder.url.appendingPathComponent("a/b/Package.swift"))
        #if os(Linux)
            let newest = ".deps/openvino/libs/libopenvino_c.so.2641"
            #expect(candidates().first?.hasSuffix(newest) == true)
        #endif
        #expect(!search([:]).candidates.contains { $0.contains(".deps") })
        #expect(search([:]).searched.contains(folder.url.appendingPathComponent("a/b/c/d/lib").path))
        #expect(candidates().last?.contains("/") == false)
    }

    @Test("a file that is no library, and a library that is not OpenVINO")
    func wrong() throws {
        let file = folder.url.appendingPathComponent("libopenvino_c.so")
        try Data("no library".utf8).write(to: file)
        #expect {
            try OpenVINOLibrary(search(["SAMUS_OPENVINO": file.path]))
        } throws: {
            if case .libraryUnusable = $0 as? OpenVINOError { true } else { false }
        }
        #if os(Linux)
            let other = try #require(
                ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6"].first {
                    FileManager.default.fileExists(atPath: $0)
                })
            #expect {
                try OpenVINOLibrary(search(["SAMUS_OPENVINO": other]))
            } throws: {
                if case .tooOld(other, nil, .some) = $0 as? OpenVINOError { true } else { false }
            }
        #endif
    }

    @Test("and tells its version", .enabled(if: Runtime.isHere, Runtime.reason))
    func version() throws {
        #expect(try OpenVINOLibrary.shared().version.hasPrefix("20"))
        #expect(try OpenVINOCore(.shared()).devices().contains("CPU"))
    }
}
