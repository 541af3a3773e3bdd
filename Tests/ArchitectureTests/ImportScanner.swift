import Foundation

/// The imports of one source file.
enum ImportScanner {
    /// The modules named by a Swift file's import declarations.
    static func modules(inSwift source: String) -> [String] {
        let declaration =
            #/
            ^ \s* (?: @\w+ (?: \( [^\)]* \) )? \s+ )*
            (?: (?: public | package | internal | fileprivate | private ) \s+ )?
            import \s+
            (?: (?: typealias | struct | class | enum | actor | protocol | let | var | func ) \s+ )?
            ( \w+ )
            /#
        var isInsideString = false
        var found: [String] = []
        for line in source.split(separator: "\n") {
            let quotes = line.split(separator: "\"\"\"", omittingEmptySubsequences: false).count - 1
            defer { if quotes % 2 == 1 { isInsideString.toggle() } }
            guard !isInsideString else { continue }
            for statement in line.split(separator: ";") {
                if let match = statement.prefixMatch(of: declaration) {
                    found.append(String(match.1))
                }
            }
        }
        return found
    }

    /// The libraries whose headers a C or C++ file includes, by the names of the import rule.
    static func modules(inC source: String) -> [String] {
        let libraries = [
            "torch": "libtorch", "ATen": "libtorch", "c10": "libtorch", "caffe2": "libtorch",
            "png.h": "CLibPNG", "turbojpeg.h": "CTurboJPEG", "zlib.h": "CZlib",
            "openssl": "CCrypto", "openjpeg.h": "COpenJPEG", "dcmtk": "DCMTK",
            "cdcmtk.h": "CDCMTK",
        ]
        let include = #/^\s*\#\s*(?:include|import)\s*[<"]([^\/>"]+)/#
        return source.split(separator: "\n").compactMap { line in
            guard let match = line.prefixMatch(of: include) else { return nil }
            return libraries[String(match.1)]
        }
    }

    /// The imports of a file by its extension; none for files other than sources.
    static func modules(in file: URL) throws -> [String] {
        switch file.pathExtension {
        case "swift": modules(inSwift: try String(contentsOf: file, encoding: .utf8))
        case "c", "cc", "cpp", "h", "hpp", "m", "mm":
            modules(inC: try String(contentsOf: file, encoding: .utf8))
        default: []
        }
    }
}
