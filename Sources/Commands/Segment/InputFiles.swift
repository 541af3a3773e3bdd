import Foundation

/// Finds the images that the arguments of a command name: files, folders and patterns.
enum InputFiles {
    /// An image and the name of its results.
    struct Found: Equatable {
        let path: String
        let name: String
    }

    static let extensions: Set<String> = ["png", "jpg", "jpeg"]

    /// Expands arguments, in order.
    ///
    /// A folder stands for all PNG and JPEG files below it, except masks and overlays that this
    /// program wrote; a pattern that the shell has not expanded (`*`, `?`, `[`) for the files that
    /// match it.
    ///
    /// - Parameter arguments: paths and patterns.
    /// - Returns: at least one image for each argument.
    /// - Throws: ``InputError`` for a path that does not exist or has no image.
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

    /// The name of an image's results: the name of its file without the extension.
    static func resultName(of path: String) -> String {
        URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    }

    private static func single(_ path: String) -> Found {
        Found(path: path, name: resultName(of: path))
    }

    private static func images(in folder: String) throws(InputError) -> [Found] {
        let root = URL(fileURLWithPath: folder).resolvingSymlinksInPath().standardizedFileURL
        var unreadable: String?
        let enumerator = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles]
        ) { url, _ in
            unreadable = url.path
            return false
        }
        var found: [Found] = []
        for case let url as URL in enumerator ?? .init() where isInputImage(url) {
            // Results are written to the same subfolders.
            let relative = url.standardizedFileURL.pathComponents
                .dropFirst(root.pathComponents.count).joined(separator: "/")
            let path = (folder as NSString).appendingPathComponent(relative)
            found.append(Found(path: path, name: (relative as NSString).deletingPathExtension))
        }
        guard enumerator != nil, unreadable == nil else {
            throw .unreadableFolder(unreadable ?? folder)
        }
        guard !found.isEmpty else { throw .noImages(folder) }
        return found.sorted { $0.path < $1.path }
    }

    /// A PNG or JPEG file by its extension, but not a mask or an overlay of a former run.
    private static func isInputImage(_ url: URL) -> Bool {
        let name = url.lastPathComponent.lowercased()
        return extensions.contains(url.pathExtension.lowercased())
            && !name.hasSuffix(".mask.png") && !name.hasSuffix(".overlay.png")
    }

    private static func matches(of pattern: String) throws(InputError) -> [Found] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0 else { throw .noMatch(pattern) }
        let paths = (0..<Int(result.gl_pathc)).compactMap { index in
            result.gl_pathv[index].map { String(cString: $0) }
        }
        let images = paths.filter { isInputImage(URL(fileURLWithPath: $0)) }
        guard !images.isEmpty else { throw .noMatch(pattern) }
        return images.map(single)
    }
}

/// Why the inputs of a run cannot be used.
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
            "the folder '\(path)' contains no PNG or JPEG file"
        case .noMatch(let pattern):
            "no PNG or JPEG file matches '\(pattern)'"
        case .sameResults(let first, let second) where first == second:
            "'\(first)' is given twice: put its objects into one entry"
        case .sameResults(let first, let second):
            "'\(first)' and '\(second)' would have results of the same name: segment them in two "
                + "runs with different --output"
        case .nameTooLong(let path):
            "the name of '\(path)' is too long for the names of its results"
        case .resultIsInput(let path):
            "a result would replace '\(path)', which is an input: choose another --output"
        }
    }
}
