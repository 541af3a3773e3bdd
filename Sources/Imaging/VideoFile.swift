import FileIO
import Foundation

/// A video (GIF, AVI or MP4), which the installed programs `ffprobe` and `ffmpeg` decode.
///
/// Both programs get arguments and no shell, an empty environment, the file alone and the reader of
/// its format. Frames come through a pipe, one at a time, and their size is checked before memory is
/// allocated.
public struct VideoFile: Equatable, Sendable {
    /// The formats that are read.
    public enum Format: String, Sendable, CaseIterable {
        case gif, avi
        /// MP4 and QuickTime.
        case mp4 = "mov"

        /// The format of a file by its first bytes; nil for anything else.
        ///
        /// - Parameter path: the file; anything but a regular file gives nil.
        public init?(ofFile path: String) {
            guard let file = try? RegularFile(path), file.byteCount >= 12,
                let start = try? file.bytes(in: 0..<12)
            else { return nil }
            func has(_ text: String, at place: Int) -> Bool {
                start[place...].starts(with: text.utf8)
            }
            if has("GIF8", at: 0) {
                self = .gif
            } else if has("RIFF", at: 0), has("AVI ", at: 8) {
                self = .avi
            } else if has("ftyp", at: 4) {
                self = .mp4
            } else {
                return nil
            }
        }
    }

    /// The path.
    public let path: String
    /// The format.
    public let format: Format
    /// Number of frames, at least 1.
    public let frames: Int
    /// The time of each frame in seconds after the first; nil where the file does not state them.
    public let times: [Double]?

    /// The largest number of frames.
    public static let largestCount = 1_000_000

    /// Counts the frames of a file; every frame is decoded once.
    ///
    /// - Parameter path: the file.
    /// - Returns: the video.
    /// - Throws: ``VideoError``, for example when the programs are not installed.
    public static func read(_ path: String) throws(VideoError) -> VideoFile {
        guard let format = Format(ofFile: path) else { throw .notAVideo(name: path) }
        let pipe = try ProgramPipe(
            "ffprobe", about: path,
            ["-v", "error"] + input(path, format)
                + [
                    "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time",
                    "-of", "csv=p=0",
                ])
        // A line has at most 32 bytes.
        let text = String(decoding: try pipe.all(limit: 32 * largestCount), as: UTF8.self)
        // Otherwise a cine would be shortened without a word.
        guard pipe.succeeded else {
            throw .damaged(name: path, reason: pipe.complaint ?? "ffprobe could not read all of it")
        }
        // Some versions add a line without a time for data beside the frames.
        let lines = text.split(separator: "\n")
            .map { $0.trimmingCharacters(in: [",", " ", "\r"]) }.filter { !$0.isEmpty }
        guard !lines.isEmpty else {
            throw .damaged(name: path, reason: pipe.complaint ?? "it has no frame")
        }
        guard lines.count <= largestCount else {
            throw .damaged(name: path, reason: "it has more than \(largestCount) frames")
        }
        let stated = lines.compactMap { Double($0) }.filter(\.isFinite)
        let start = stated.first ?? 0
        let times = stated.count == lines.count ? stated.map { $0 - start } : nil
        return VideoFile(path: path, format: format, frames: lines.count, times: times)
    }

    /// The arguments that name the file, whatever characters are in its path.
    fileprivate static func input(_ path: String, _ format: Format) -> [String] {
        [
            "-protocol_whitelist", "file", "-f", format.rawValue, "-i",
            "file:" + URL(fileURLWithPath: path).path,
        ]
    }
}

/// Decodes the frames of one video.
///
/// Frames in order need one pass through the file; any other order starts again.
public final class VideoFrameReader {
    private let file: VideoFile
    private let limits: ImageLimits
    private var pipe: ProgramPipe?
    private var next = 0

    /// - Parameters:
    ///   - file: the video.
    ///   - limits: the largest accepted frame.
    public init(_ file: VideoFile, limits: ImageLimits = .standard) {
        self.file = file
        self.limits = limits
    }

    /// Decodes one frame.
    ///
    /// - Parameter frame: its number, from 0.
    /// - Returns: an RGB image, turned as players turn it; grey where all channels are nearly equal.
    /// - Throws: ``VideoError``.
    public func frame(_ frame: Int) throws(VideoError) -> Image {
        let pipe: ProgramPipe
        if let open = self.pipe, next == frame {
            pipe = open
        } else {
            // Every frame gets a time of its own: none is repeated or left out to fit a rate.
            pipe = try ProgramPipe(
                "ffmpeg", about: file.path,
                ["-nostdin", "-v", "error"] + VideoFile.input(file.path, file.format)
                    + [
                        "-map", "0:v:0", "-vf", "select=gte(n\\,\(frame)),settb=1/25,setpts=N",
                        "-r", "25", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe",
                        "pipe:1",
                    ])
        }
        // After an error, the next frame starts a new pass.
        self.pipe = nil
        let image = try image(from: pipe, frame: frame)
        self.pipe = pipe
        next = frame + 1
        return image
    }

    /// A binary PPM: `P6`, width, height and the largest value, then red, green, blue of each pixel.
    private func image(from pipe: ProgramPipe, frame: Int) throws(VideoError) -> Image {
        var fields: [Int] = []
        let magic = try pipe.word()
        guard magic == "P6" else {
            throw .damaged(
                name: file.path,
                reason: pipe.complaint ?? "it ends before its frame \(frame + 1)")
        }
        for _ in 0..<3 {
            guard let number = Int(try pipe.word()), number > 0 else {
                throw .damaged(name: file.path, reason: "its frame \(frame + 1) has no size")
            }
            fields.append(number)
        }
        let (area, overflows) = fields[0].multipliedReportingOverflow(by: fields[1])
        guard !overflows, area <= limits.pixels, fields[2] == 255 else {
            throw .damaged(
                name: file.path,
                reason: "its frame \(frame + 1) has \(fields[0])x\(fields[1]) pixels; at most "
                    + "\(limits.pixels) are read")
        }
        guard let pixels = try pipe.bytes(3 * area) else {
            throw .damaged(
                name: file.path, reason: pipe.complaint ?? "it ends in its frame \(frame + 1)")
        }
        let image = Image(width: fields[0], height: fields[1], channels: 3, pixels: pixels)
        return image.isNearlyGrey ? image.grey() : image
    }
}

extension Image {
    /// Whether red, green and blue differ by at most 8 everywhere, as in a grey video whose colours
    /// were rounded by its compression.
    public var isNearlyGrey: Bool {
        guard channels == 3 else { return true }
        return pixels.withUnsafeBufferPointer { pixels in
            for start in stride(from: 0, to: pixels.count, by: 3) {
                let (red, green, blue) = (pixels[start], pixels[start + 1], pixels[start + 2])
                if max(red, green, blue) - min(red, green, blue) > 8 { return false }
            }
            return true
        }
    }
}

/// Writes an MP4 with the installed program `ffmpeg`.
public enum VideoWriter {
    /// Whether `ffmpeg` is installed.
    public static var isAvailable: Bool { ProgramPipe.path(of: "ffmpeg") != nil }

    /// Converts an animated PNG.
    ///
    /// - Parameters:
    ///   - path: the animated PNG.
    ///   - target: the file to write; an existing one is replaced.
    ///   - comment: a comment in the file.
    /// - Throws: ``VideoError``.
    public static func convert(
        animation path: String, to target: String, comment: String
    ) throws(VideoError) {
        let pipe = try ProgramPipe(
            "ffmpeg", about: path,
            [
                "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-f", "apng", "-i",
                "file:" + path, "-map_metadata", "-1", "-metadata", "comment=\(comment)",
                // Video encoders take even sizes only.
                "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags",
                "+faststart", "-y", "-f", "mp4", "file:" + target,
            ])
        _ = try pipe.all(limit: 1 << 16)
        guard pipe.succeeded else {
            throw .damaged(name: path, reason: pipe.complaint ?? "ffmpeg did not write an MP4")
        }
    }
}

/// Why a video cannot be read or written.
public enum VideoError: Error, Equatable, Sendable {
    /// The file is not a GIF, AVI or MP4.
    case notAVideo(name: String)
    /// A program is not installed.
    case programMissing(name: String, program: String)
    /// A program cannot be started.
    case programUnusable(program: String, reason: String)
    /// The file is truncated, damaged, or has too many or too large frames.
    case damaged(name: String, reason: String)

    /// Whether a program is missing or broken, so that no video can be read.
    public var isAboutProgram: Bool {
        switch self {
        case .programMissing, .programUnusable: true
        case .notAVideo, .damaged: false
        }
    }
}

extension VideoError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notAVideo(let name):
            "'\(name)' is not a GIF, AVI or MP4 video"
        case .programMissing(let name, let program):
            "'\(name)' is a video, which needs the program \(program): install ffmpeg (Debian: "
                + "apt-get install ffmpeg; macOS: brew install ffmpeg)"
        case .programUnusable(let program, let reason):
            "\(program) cannot be started: \(reason)"
        case .damaged(let name, let reason):
            "the video '\(name)' cannot be read: \(reason)"
        }
    }
}

/// The output of a running program.
private final class ProgramPipe {
    private let process = Process()
    private let output: FileHandle
    private let errors: URL
    private var buffer: [UInt8] = []
    private var place = 0

    /// Starts a program from the folders of `PATH`.
    ///
    /// - Parameters:
    ///   - program: its name.
    ///   - about: the file that it reads, for errors.
    ///   - arguments: its arguments.
    /// - Throws: ``VideoError``.
    init(_ program: String, about: String, _ arguments: [String]) throws(VideoError) {
        guard let path = Self.path(of: program) else {
            throw .programMissing(name: about, program: program)
        }
        // A pipe for errors could fill up while the output is read.
        errors = FileManager.default.temporaryDirectory.appendingPathComponent(
            "samus-\(UUID().uuidString)")
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        // Variables can make these programs write files.
        process.environment = [:]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        output = pipe.fileHandleForReading
        guard FileManager.default.createFile(atPath: errors.path, contents: nil),
            let handle = FileHandle(forWritingAtPath: errors.path)
        else {
            throw .programUnusable(
                program: program, reason: "the folder for temporary files cannot be written to")
        }
        process.standardError = handle
        do {
            try process.run()
        } catch {
            throw .programUnusable(program: path, reason: error.localizedDescription)
        }
        try? pipe.fileHandleForWriting.close()
    }

    deinit {
        if process.isRunning { process.terminate() }
        unlink(errors.path)
    }

    /// The program's path; nil where no absolute folder of `PATH` has it.
    static func path(of program: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.lazy.filter { $0.hasPrefix("/") }.map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Waits for the end.
    var succeeded: Bool {
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }

    /// The last line that the program wrote to standard error; nil where it wrote none.
    var complaint: String? {
        // A program that still writes would wait for a reader for ever.
        try? output.close()
        process.waitUntilExit()
        guard let text = try? RegularFile.read(errors.path, limit: 1 << 20) else { return nil }
        let line = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).last
        return line.map { "ffmpeg says: \($0.prefix(200).description.visibleLine)" }
    }

    /// Everything up to the end; the program is ended where it writes more than `limit` bytes.
    func all(limit: Int) throws(VideoError) -> [UInt8] {
        while buffer.count <= limit, fill() {}
        if buffer.count > limit { process.terminate() }
        return buffer
    }

    /// The characters up to the next white space, which is skipped; empty at the end.
    func word() throws(VideoError) -> String {
        var word: [UInt8] = []
        while word.count < 16, let byte = next() {
            if byte == 32 || (9...13).contains(byte) { break }
            word.append(byte)
        }
        return String(decoding: word, as: UTF8.self)
    }

    /// The next bytes; nil where the output ends before.
    func bytes(_ count: Int) throws(VideoError) -> [UInt8]? {
        var found: [UInt8] = []
        found.reserveCapacity(count)
        while found.count < count {
            if place == buffer.count, !refill() { return nil }
            let part = min(count - found.count, buffer.count - place)
            found.append(contentsOf: buffer[place..<place + part])
            place += part
        }
        return found
    }

    private func next() -> UInt8? {
        if place == buffer.count, !refill() { return nil }
        defer { place += 1 }
        return buffer[place]
    }

    private func refill() -> Bool {
        buffer.removeAll(keepingCapacity: true)
        place = 0
        return fill()
    }

    private func fill() -> Bool {
        guard let data = (try? output.read(upToCount: 1 << 20)) ?? nil, !data.isEmpty else {
            return false
        }
        buffer.append(contentsOf: data)
        return true
    }
}
