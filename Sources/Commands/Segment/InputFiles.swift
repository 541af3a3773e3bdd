import DICOM
import FileIO
import Foundation
import Imaging

/// Finds the images that the arguments of a command name: files, folders and patterns.
enum InputFiles {
    /// An image file and the name of its results.
    struct Found: Equatable {
        let path: String
        let name: String
        /// Whether the user named the file, and not its folder.
        var isNamed = true
    }

    /// One image of a file; `frame` counts from 1 and is nil for a file with one image.
    struct Frame: Equatable {
        let path: String
        let name: String
        /// The name of results of all frames together.
        let fileName: String
        let frame: Int?
    }

    private static let extensions: Set<String> = ["png", "jpg", "jpeg"]

    /// Expands arguments, in order.
    ///
    /// A folder stands for all PNG, JPEG, DICOM and NIfTI files below it, except masks and overlays
    /// that this program wrote; a DICOMDIR for the images that it
    /// lists; a pattern that the shell has not expanded (`*`, `?`, `[`) for the files that match it.
    /// Videos are taken where they are named, or match a pattern.
    ///
    /// - Parameter arguments: paths and patterns.
    /// - Returns: at least one image for each argument.
    /// - Throws: ``InputError`` for a path that does not exist or has no image, `DICOMError` for a
    ///   DICOMDIR that cannot be read.
    static func expand(_ arguments: [String]) throws -> [Found] {
        var found: [Found] = []
        for argument in arguments {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) {
                if isFolder.boolValue {
                    found += try images(in: argument)
                } else {
                    found += try listed(in: argument) ?? [single(argument)]
                }
            } else if argument.contains(where: { "*?[".contains($0) }) {
                found += try matches(of: argument)
            } else {
                throw InputError.notFound(argument)
            }
        }
        return found
    }

    /// The images of files with several frames.
    ///
    /// A file that cannot be read is one image, so that only its own segmentation fails. DICOM files
    /// without an image are passed over where the user named their folder.
    ///
    /// - Parameters:
    ///   - files: the files.
    ///   - selection: which frames; nil where each file must have one image.
    /// - Returns: the images in order, and notes.
    /// - Throws: ``InputError`` when the selection does not fit a file, ``ExitError`` when the DICOM
    ///   decoder is missing.
    static func frames(
        of files: [Found], _ selection: FrameSelection?
    ) throws -> (frames: [Frame], notes: [String]) {
        let reader = FrameReader()
        var frames: [Frame] = []
        var withoutImage: [String] = []
        for file in files {
            let numbers: [Int?]
            do {
                guard let count = try reader.frames(of: file.path) ?? (file.isNamed ? 1 : nil)
                else {
                    withoutImage.append(file.path)
                    continue
                }
                numbers = try Self.numbers(selection, of: count, in: file.path)
            } catch let error as InputError {
                throw error
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch let error as VideoError where error.isAboutProgram {
                throw ExitError(.unavailable, "\(error)")
            } catch {
                numbers = [nil]
            }
            frames += numbers.map {
                Frame(
                    path: file.path, name: resultName(file.name, frame: $0), fileName: file.name,
                    frame: $0)
            }
        }
        guard let first = withoutImage.first else { return (frames, []) }
        guard !frames.isEmpty else { throw InputError.noImages(files[0].path) }
        let others = withoutImage.count - 1
        let note =
            "note: passed over, as it has no image: '\(first.visibleLine)'"
            + (others > 0 ? ", and \(counted(others, "other file"))" : "")
        return (frames, [note])
    }

    private static func numbers(
        _ selection: FrameSelection?, of count: Int, in path: String
    ) throws(InputError) -> [Int?] {
        switch selection {
        case nil:
            guard count == 1 else { throw .severalFrames(path, count) }
            return [nil]
        case .all:
            return count == 1 ? [nil] : (1...count).map { $0 }
        case .number(let number):
            guard number <= count else { throw .noFrame(path, frame: number, frames: count) }
            return [count == 1 ? nil : number]
        }
    }

    /// The name of the results of one frame: `NAME.frame0005`.
    static func resultName(_ name: String, frame: Int?) -> String {
        guard let frame else { return name }
        let digits = String(frame)
        return name + ".frame" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The images that a DICOMDIR lists; nil for another file.
    private static func listed(in path: String) throws -> [Found]? {
        guard URL(fileURLWithPath: path).lastPathComponent.uppercased() == "DICOMDIR",
            let images = try DICOMFile.read(path).listedImages()
        else { return nil }
        guard !images.isEmpty else { throw InputError.noImages(path) }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().relativePath
        return images.map { image in
            let name =
                image.hasPrefix(folder + "/") ? String(image.dropFirst(folder.count + 1)) : image
            return Found(path: image, name: name, isNamed: false)
        }
    }

    /// The name of an image's results: the name of its file without the extension.
    static func resultName(of path: String) -> String {
        withoutExtension(URL(fileURLWithPath: path).lastPathComponent)
    }

    /// A path without `.png`, `.dcm` or `.nii.gz`.
    ///
    /// A DICOM file without an extension may have a UID as its name, whose dots are not extensions.
    static func withoutExtension(_ path: String) -> String {
        let isNumber = (path as NSString).pathExtension.allSatisfy(\.isNumber)
        if isNumber { return path }
        let shorter = (path as NSString).deletingPathExtension
        return path.lowercased().hasSuffix(".nii.gz")
            ? (shorter as NSString).deletingPathExtension : shorter
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

    /// An image by its extension or, for DICOM, its first bytes, but not a mask or an overlay of a
    /// former run, nor a DICOMDIR, whose images are in the same folder.
    fileprivate static func isInputImage(_ path: String) -> Bool {
        let name = (path as NSString).lastPathComponent.lowercased()
        if name == "dicomdir" || ResultName.isResult(path) { return false }
        return extensions.contains((name as NSString).pathExtension)
            || ImageFileKind(path) != .image
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
            ? "'\(first.visibleLine)' is not a PNG, JPEG, DICOM or NIfTI file and is left out"
            : "\(others.count) files are not PNG, JPEG, DICOM or NIfTI and are left out, such as"
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
            } else if InputFiles.isInputImage(path), ImageFileKind(path) != .video {
                // Results are written to the same subfolders.
                found.append(
                    .init(path: path, name: InputFiles.withoutExtension(inner), isNamed: false))
            } else if !ResultName.isResult(name) {
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
    case noMasks(String)
    case noMatch(String)
    case sameResults(first: String, second: String)
    case nameTooLong(String)
    case nameNotUTF8(String)
    case resultIsInput(String)
    /// DICOM results refer to a DICOM image.
    case notDICOM(String)
    case severalFrames(String, Int)
    case noFrame(String, frame: Int, frames: Int)
    /// A format that is not read, where it is known.
    case unknownFormat(String, String?)
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
            "the folder '\(path)' contains no PNG, JPEG, DICOM or NIfTI file"
        case .noMasks(let path):
            "the folder '\(path)' contains no mask (PNG, NIfTI, NAME.seg.dcm) and no result of "
                + "'samus segment'"
        case .noMatch(let pattern):
            "no PNG, JPEG, DICOM or NIfTI file matches '\(pattern)'"
        case .sameResults(let first, let second) where first == second:
            "'\(first)' is given twice: put its objects into one entry"
        case .sameResults(let first, let second):
            "'\(first)' and '\(second)' would have results of the same name: segment them in two "
                + "runs with different --output"
        case .nameNotUTF8(let path):
            "the name of '\(path)' is not UTF-8, so that it cannot be opened: rename the file"
        case .nameTooLong(let path):
            "the name of '\(path)' is too long for the names of its results"
        case .severalFrames(let path, let frames):
            "'\(path)' has \(frames) frames: add --frame N, counted from 1, or --frame all"
        case .noFrame(let path, let frame, let frames):
            "'\(path)' has \(counted(frames, "frame")): there is no frame "
                + "\(frame)"
        case .unknownFormat(let path, let format):
            "'\(path)' is \(format.map { "a \($0) file" } ?? "not an image of a known format"): a "
                + "PNG, JPEG, DICOM, NIfTI, GIF, AVI or MP4 file is needed"
        case .notDICOM(let path):
            "'\(path)' is not a DICOM file: --format dicom-seg and sr refer to one, so leave them "
                + "out for other files"
        case .resultIsInput(let path):
            "a result would replace '\(path)', which is an input: choose another --output"
        }
    }
}
