import Foundation
import Testing

@testable import Inference

@Suite("The search for OpenVINO's library")
struct LibraryTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func search(_ environment: [String: String]) -> OpenVINOSearch {
        OpenVINOSearch(
            environment: environment, program: folder.url.appendingPathComponent("a/b/c/d/e"))
    }

    @Test("only SAMUS_OPENVINO is searched if it is set, and the error states the remedy")
    func missing() {
        let empty = folder.url.appendingPathComponent("nothing").path
        let places = search(["SAMUS_OPENVINO": empty])
        #expect(throws: OpenVINOError.libraryMissing(searched: ["SAMUS_OPENVINO=\(empty)"])) {
            try OpenVINOLibrary(places)
        }
        #expect(
            OpenVINOError.libraryMissing(searched: places.searched).description.contains(
                "make setup"))
    }

    @Test("the checkout, the program's folder and the system are searched in this order")
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
        // Without Package.swift, a folder above the program is not trusted.
        #expect(!candidates().contains { $0.contains(".deps") })
        try Data().write(to: folder.url.appendingPathComponent("a/b/Package.swift"))
        #if os(Linux)
            let newest = ".deps/openvino/libs/libopenvino_c.so.2641"
            #expect(candidates().first?.hasSuffix(newest) == true)
        #endif
        #expect(!search([:]).candidates.contains { $0.contains(".deps") })
        #expect(
            search([:]).searched.contains(folder.url.appendingPathComponent("a/b/c/d/lib").path))
        #expect(candidates().last?.contains("/") == false)
    }

    @Test("a file that is not a library, and another library, are refused")
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

    @Test(
        "the installed library reports its version and a CPU",
        .enabled(if: Runtime.isInstalled, Runtime.reason))
    func version() throws {
        #expect(try OpenVINOLibrary.shared().version.hasPrefix("20"))
        #expect(try OpenVINOCore(.shared()).devices().contains("CPU"))
    }
}
