import Foundation

/// The images that the arguments of a command name: files, folders and patterns.
enum InputFiles {
    /// An image and its place in the results.
    struct Found: Equatable {
        let path: String
        let stem: String
    }

    static let endings: Set<String> = ["png", "jpg", "jpeg"]

    /// Expands arguments in order.
    ///
    /// A folder stands for all PNG and JPEG files below it but this program's own masks and overlays,
    /// a pattern that the shell has not expanded (`*`, `?`, `[`) for what it matches.
    ///
    /// - Parameter arguments: paths and patterns.
    /// - Returns: at least one image for each.
    /// - Throws: ``InputError`` for what does not exist or holds no image.
    static func expand(_ arguments: [String]) throws(InputError) -> [Found] {
        var found: [Found] = []
        for argument in arguments {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) {
                found += isFolder.boolValue ? try images(in: argument) : [single(argument)]
            } else if argument.contains(where: { "*?[".contains($0) }) {
                found += try matches(of: argument)
            } else {
                throw .notFound(argument)
            }
        }
        return found
    }

    /// The name of an image's results: the file's name without its ending.
    static func stem(of path: String) -> String {
        URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    }

    private static func single(_ path: String) -> Found {
        Found(path: path, stem: stem(of: path))
    }

    private static func images(in folder: String) throws(InputError) -> [Found] {
        let root = URL(fileURLWithPath: folder).resolvingSymlinksInPath().standardizedFileURL
        var unreadable: String?
        let walk = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles]
        ) { url, _ in
            unreadable = url.path
            return false
        }
        var found: [Found] = []
        for case let url as URL in walk ?? .init() where isImage(url) {
            // Results keep the folders below the one that was named.
            let below = url.standardizedFileURL.pathComponents
                .dropFirst(root.pathComponents.count).joined(separator: "/")
            let path = (folder as NSString).appendingPathComponent(below)
            found.append(Found(path: path, stem: (below as NSString).deletingPathExtension))
        }
        guard walk != nil, unreadable == nil else { throw .unreadableFolder(unreadable ?? folder) }
        guard !found.isEmpty else { throw .noImages(folder) }
        return found.sorted { $0.path < $1.path }
    }

    /// A PNG or JPEG file by its ending, but not a mask or an overlay of this program: an outline of
    /// an outline would stand among the findings.
    private static func isImage(_ url: URL) -> Bool {
        let name = url.lastPathComponent.lowercased()
        return endings.contains(url.pathExtension.lowercased())
            && !name.hasSuffix(".mask.png") && !name.hasSuffix(".overlay.png")
    }

    private static func matches(of pattern: String) throws(InputError) -> [Found] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0 else { throw .noMatch(pattern) }
        let paths = (0..<Int(result.gl_pathc)).compactMap { index in
            result.gl_pathv[index].map { String(cString: $0) }
        }
        let images = paths.filter { isImage(URL(fileURLWithPath: $0)) }
        guard !images.isEmpty else { throw .noMatch(pattern) }
        return images.map(single)
    }
}

/// Why arguments name no images.
enum InputError: Error, Equatable {
    case notFound(String)
    case unreadableFolder(String)
    case noImages(String)
    case noMatch(String)
    case sameResults(first: String, second: String)
    case nameTooLong(String)
    case resultIsInput(String)
}

extension InputError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    var description: String {
        switch self {
        case .notFound(let path):
            "there is no file or folder '\(path)'"
        case .unreadableFolder(let path):
            "the folder '\(path)' cannot be read"
        case .noImages(let path):
            "the folder '\(path)' holds no PNG or JPEG file"
        case .noMatch(let pattern):
            "no PNG or JPEG file matches '\(pattern)'"
        case .sameResults(let first, let second) where first == second:
            "'\(first)' is named twice: put its objects into one entry"
        case .sameResults(let first, let second):
            "'\(first)' and '\(second)' would have results of the same name: run them apart, "
                + "each with its own --output"
        case .nameTooLong(let path):
            "the name of '\(path)' is too long for the names of its results"
        case .resultIsInput(let path):
            "a result would replace '\(path)', which is an input: name another --output"
        }
    }
}
