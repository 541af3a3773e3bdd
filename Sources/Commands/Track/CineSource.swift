import FileIO
import Foundation
import Imaging

/// The frames of a cine: a DICOM, NIfTI or video file, or a folder of numbered images.
///
/// At most 64 frames and about 64 MB of pixels are in memory.
final class CineSource {
    /// The file or folder.
    let path: String
    /// The name of the results.
    let name: String
    /// Number of frames.
    let count: Int
    /// The time of each frame in seconds after the first; nil where it is not stated.
    let times: [Double]?
    /// The images of a folder, in order.
    private let files: [String]?
    private let reader: FrameReader
    private let goesForwardOnly: Bool
    private var size: Size?
    private var window: [Int: InputFrame] = [:]
    private var lastRead = 0

    private static let largestWindow = 64
    private static let largestWindowBytes = 64 << 20

    /// Opens a cine.
    ///
    /// - Parameters:
    ///   - path: a file, or a folder of numbered images.
    ///   - spacing: pixel sizes from the command line.
    /// - Throws: ``CineError``, ``InputError``, and why a file cannot be read.
    init(_ path: String, spacing: SpacingSource) throws {
        self.path = path
        reader = FrameReader(spacing: spacing)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw InputError.notFound(path)
        }
        if isFolder.boolValue {
            let numbered = try Self.numberedImages(in: path)
            files = numbered
            name = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
            count = numbered.count
            times = nil
            goesForwardOnly = false
        } else {
            files = nil
            name = InputFiles.resultName(of: path)
            count = try reader.frames(of: path) ?? 0
            times = try count > 1 ? reader.times(of: path) : nil
            let kind = ImageFileKind(path)
            goesForwardOnly = kind == .dicom || kind == .video
        }
        guard count > 1 else { throw CineError.oneFrame(path) }
    }

    /// Every file that is read.
    var inputs: [String] { files ?? [path] }

    /// Reads a frame.
    ///
    /// - Parameter number: from 1.
    /// - Returns: the frame.
    /// - Throws: why it cannot be used: it cannot be read, or has another size than the first one that
    ///   was read.
    func frame(_ number: Int) throws -> InputFrame {
        // A decoder that goes forward only would start again for each frame of a way back.
        if goesForwardOnly, number < lastRead, window[number] == nil, let size {
            fillWindow(endingAt: number, size)
        }
        lastRead = number
        let frame = try window.removeValue(forKey: number) ?? read(number)
        if let size, frame.image.size != size {
            throw CineError.otherSize(frame.image.size, needed: size)
        }
        size = frame.image.size
        return frame
    }

    /// The size of a frame with a prompt, which ``frame(_:)`` then has without reading it again.
    ///
    /// - Throws: as ``frame(_:)``, and ``BlankImageError``.
    func size(ofFrame number: Int) throws -> Size {
        let frame = try frame(number)
        try frame.image.checkNotBlank()
        window[number] = frame
        return frame.image.size
    }

    private func fillWindow(endingAt last: Int, _ size: Size) {
        let length = min(Self.largestWindow, max(1, Self.largestWindowBytes / (3 * size.area)))
        window = [:]
        for number in max(1, last - length + 1)...last {
            // A frame that cannot be read is tried again alone, and its error is reported then.
            window[number] = try? read(number)
        }
    }

    private func read(_ number: Int) throws -> InputFrame {
        guard let files else { return try reader.read(path, frame: number) }
        return try reader.read(files[number - 1], frame: nil)
    }

    /// The images of a folder by the last number in their names.
    private static func numberedImages(in folder: String) throws -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw InputError.unreadableFolder(folder)
        }
        var numbered: [(number: Int, name: String)] = []
        for name in names.sorted() where !name.hasPrefix(".") {
            let path = (folder as NSString).appendingPathComponent(name)
            let kind = (name as NSString).pathExtension.lowercased()
            guard ["png", "jpg", "jpeg", "dcm"].contains(kind), !ResultName.isResult(name) else {
                continue
            }
            let stem = InputFiles.withoutExtension(name)
            guard let digits = stem.matches(of: #/[0-9]+/#).last, let number = Int(digits.output)
            else { throw CineError.noNumber(path) }
            if let other = numbered.first(where: { $0.number == number }) {
                throw CineError.sameNumber(other.name, name)
            }
            numbered.append((number, name))
        }
        guard !numbered.isEmpty else { throw InputError.noImages(folder) }
        return numbered.sorted { $0.number < $1.number }.map {
            (folder as NSString).appendingPathComponent($0.name)
        }
    }
}

/// Why a cine or one of its frames cannot be used.
enum CineError: Error, Equatable {
    case oneFrame(String)
    case noNumber(String)
    case sameNumber(String, String)
    case otherSize(Size, needed: Size)
    case noSuchFrame(Int, frames: Int)
}

extension CineError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    var description: String {
        switch self {
        case .oneFrame(let path):
            "'\(path)' has one frame, and a track needs several: use 'samus segment'"
        case .noNumber(let path):
            "the name of '\(path)' has no number, and the images of a folder are put in order by "
                + "the last number in their names"
        case .sameNumber(let first, let second):
            "'\(first)' and '\(second)' have the same number: the last number in a name is that of "
                + "the frame"
        case .otherSize(let size, let needed):
            "the frame has \(size) pixels, and other frames have \(needed)"
        case .noSuchFrame(let number, let frames):
            "there is no frame \(number): the cine has \(frames) frames"
        }
    }
}
