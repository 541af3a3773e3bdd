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
        var search = FolderSearch(folder: folder)
        try search.visit("", above: [])
        guard !search.found.isEmpty else { throw .noImages(folder) }
        if let note = search.note { Terminal.log("note: \(folder.visibleLine): \(note)") }
        return search.found.sorted { $0.path < $1.path }
    }

    /// A PNG or JPEG file by its extension, but not a mask or an overlay of a former run.
    fileprivate static func isInputImage(_ path: String) -> Bool {
        let name = (path as NSString).lastPathComponent.lowercased()
        return extensions.contains((name as NSString).pathExtension) && !isResult(path)
    }

    /// A mask, an overlay or a record of a former run.
    fileprivate static func isResult(_ path: String) -> Bool {
        let name = path.lowercased()
        return [".mask.png", ".overlay.png", ".json"].contains(where: name.hasSuffix)
    }

    private static func matches(of pattern: String) throws(InputError) -> [Found] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0 else { throw .noMatch(pattern) }
        let paths = (0..<Int(result.gl_pathc)).compactMap { index in
            result.gl_pathv[index].map { String(cString: $0) }
        }
        let images = paths.filter { isInputImage($0) }
        guard !images.isEmpty else { throw .noMatch(pattern) }
        return images.map(single)
    }
}

/// The images below a folder; links to files and folders are followed.
private struct FolderSearch {
    let folder: String
    private(set) var found: [InputFiles.Found] = []
    /// Files that are neither images nor results.
    private var others: [String] = []

    init(folder: String) {
        self.folder = folder
    }

    /// A note on files that are passed over; nil where there are none.
    var note: String? {
        guard let first = others.min() else { return nil }
        return others.count == 1
            ? "'\(first.visibleLine)' is not a PNG or JPEG file and is left out"
            : "\(others.count) files are not PNG or JPEG and are left out, such as"
                + " '\(first.visibleLine)'"
    }

    /// Searches a subfolder.
    ///
    /// - Parameters:
    ///   - relative: its path below the folder.
    ///   - above: the folders that contain it; one that is linked into itself is not entered again.
    /// - Throws: ``InputError/unreadableFolder(_:)``.
    mutating func visit(_ relative: String, above: Set<FileIdentity>) throws(InputError) {
        let path = relative.isEmpty ? folder : (folder as NSString).appendingPathComponent(relative)
        guard let identity = FileIdentity(path),
            let names = try? FileManager.default.contentsOfDirectory(atPath: path)
        else { throw .unreadableFolder(path) }
        guard !above.contains(identity) else { return }
        for name in names.sorted() where !name.hasPrefix(".") {
            let inner = relative.isEmpty ? name : "\(relative)/\(name)"
            let path = (folder as NSString).appendingPathComponent(inner)
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                isFolder.boolValue
            {
                try visit(inner, above: above.union([identity]))
            } else if InputFiles.isInputImage(name) {
                // Results are written to the same subfolders.
                found.append(.init(path: path, name: (inner as NSString).deletingPathExtension))
            } else if !InputFiles.isResult(name) {
                others.append(inner)
            }
        }
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
    case nameNotUTF8(String)
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
        case .nameNotUTF8(let path):
            "the name of '\(path)' is not UTF-8, so that it cannot be opened: rename the file"
        case .nameTooLong(let path):
            "the name of '\(path)' is too long for the names of its results"
        case .resultIsInput(let path):
            "a result would replace '\(path)', which is an input: choose another --output"
        }
    }
}
