import Foundation
import Testing

@Suite("The source tree")
struct TreeTests {
    @Test("contains no absolute path of a machine", .enabled(if: Checkout.trackedPaths() != nil))
    func machinePaths() {
        let folders = ["home", "root", "work"].map { "/" + $0 + "/" }
        for (path, bytes) in Checkout.trackedTexts() {
            for folder in folders {
                #expect(!holdsPath(bytes, folder), "\(folder) in \(path)")
            }
        }
    }

    @Test("contains no address of a package registry", .enabled(if: Checkout.trackedPaths() != nil))
    func registries() {
        // In two parts, so that this file is not found.
        let addresses = [("pypi", "org"), ("pythonhosted", "org"), ("download.pytorch", "org")]
            .map { Data("\($0).\($1)".utf8) }
        for (path, bytes) in Checkout.trackedTexts() {
            for address in addresses {
                #expect(bytes.range(of: address) == nil, "\(path)")
            }
        }
    }

    /// What only Linux or its C library has; macOS could not compile it.
    private static let linuxNames = [
        "import Glibc", "import Musl", "__rusage_who_t", "_CS_GNU_LIBC_VERSION", "<malloc.h>",
        "<sys/prctl.h>", "<sys/epoll.h>", "mallopt(", "prctl(", "gettid(", "memfd_create(",
        "O_TMPFILE", "sched_getaffinity(", "SOCK_STREAM.rawValue",
    ]

    @Test("names that only Linux has are inside #if", .enabled(if: Checkout.trackedPaths() != nil))
    func linuxOnly() {
        var count = 0
        for (path, bytes) in Checkout.trackedTexts()
        where path.hasPrefix("Sources/") && !path.hasSuffix(".md") {
            count += 1
            for line in Self.unconditionalLines(String(decoding: bytes, as: UTF8.self)) {
                let name = Self.linuxNames.first { line.contains($0) }
                #expect(name == nil, "\(name ?? "") in \(path): \(line)")
            }
        }
        #expect(count > 100)
    }

    @Test("lines inside #if are conditional, also nested ones")
    func conditions() {
        let text = "a\n#if os(Linux)\nb\n  #ifdef X\nc\n  #endif\nd\n#else\ne\n#endif\nf\n"
        #expect(Self.unconditionalLines(text) == ["a", "f"])
    }

    /// The lines that every system compiles.
    private static func unconditionalLines(_ text: String) -> [Substring] {
        var depth = 0
        return text.split(separator: "\n").filter { line in
            let word = line.drop { $0 == " " || $0 == "\t" }
            if word.hasPrefix("#if") { depth += 1 }
            defer { if word.hasPrefix("#endif") { depth -= 1 } }
            return depth == 0
        }
    }

    @Test("commands print through Terminal, which makes control characters visible")
    func printing() throws {
        for target in ["Commands", "TrainCommands"] {
            for file in Checkout.files(under: "Sources/\(target)")
            where file.lastPathComponent != "Terminal.swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                let calls = text.matches(of: #/(^|[^.\w])print\(/#.anchorsMatchLineEndings())
                    .filter { !text[..<$0.range.upperBound].hasSuffix("func print(") }
                #expect(calls.isEmpty, "\(file.lastPathComponent)")
            }
        }
    }

    @Test("the search does not match parts of a longer name")
    func paths() {
        let folder = "/" + "home/"
        #expect(holdsPath(Data("open \(folder)me".utf8), folder))
        #expect(holdsPath(Data("\(folder)me".utf8), folder))
        #expect(!holdsPath(Data("see Docs\(folder)page and $x\(folder)y".utf8), folder))
    }

    /// Whether `folder` is the beginning of an absolute path, with no name before it.
    private func holdsPath(_ bytes: Data, _ folder: String) -> Bool {
        let needle = Data(folder.utf8)
        var rest = bytes[...]
        while let range = rest.range(of: needle) {
            let before = range.lowerBound > bytes.startIndex ? bytes[range.lowerBound - 1] : 0
            let scalar = Character(UnicodeScalar(before))
            if !scalar.isLetter && !scalar.isNumber && !"_.-})".contains(scalar) { return true }
            rest = bytes[range.upperBound...]
        }
        return false
    }
}
