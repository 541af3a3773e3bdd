/// The targets of a Package.swift and what they depend on, read from its text.
///
/// `swift package dump-package` has the same information, but waits for the lock of `swift test`.
struct PackageManifest {
    struct Target {
        let name: String
        let dependencies: [String]
        let isTest: Bool
    }

    let targets: [Target]

    init(_ text: String) {
        let start =
            #/\.(target|executableTarget|systemLibrary|testTarget|plugin|macro)\(/#
        var targets: [Target] = []
        var rest = text[...]
        while let match = rest.firstMatch(of: start) {
            let body = Self.balanced(rest[match.range.upperBound...], open: "(", close: ")")
            rest = rest[body.endIndex...]
            guard let name = body.firstMatch(of: #/name:\s*"([^"]+)"/#)?.1 else { continue }
            targets.append(
                Target(
                    name: String(name), dependencies: Self.dependencies(body),
                    isTest: match.1 == "testTarget" || body.contains("path: \"Tests/")))
        }
        self.targets = targets
    }

    /// Names of targets and of other packages' products; the names of packages are left out.
    private static func dependencies(_ body: Substring) -> [String] {
        guard let list = body.firstRange(of: "dependencies: [") else { return [] }
        return balanced(body[list.upperBound...], open: "[", close: "]")
            .replacing(#/package:\s*"[^"]*"/#, with: "")
            .matches(of: #/"([^"]+)"/#).map { String($0.1) }
    }

    /// The text up to the bracket that closes the one before it.
    private static func balanced(_ text: Substring, open: Character, close: Character) -> Substring
    {
        var depth = 1
        var isInsideString = false
        for index in text.indices {
            switch text[index] {
            case "\"": isInsideString.toggle()
            case open where !isInsideString: depth += 1
            case close where !isInsideString: depth -= 1
            default: break
            }
            if depth == 0 { return text[..<index] }
        }
        return text
    }
}
