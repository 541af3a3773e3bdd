import FileIO
import Foundation
import Imaging

/// A running `samus-dicom`, which parses and decodes one file in a process of its own.
///
/// DCMTK and OpenJPEG are C and C++ that read files of other people. In that process memory and
/// time are limited, and the kernel refuses to open files, start programs or use the network; if it
/// crashes, this process gets an error.
package final class DICOMDecoder {
    private let path: String
    private let program: String
    private let process = Process()
    private let output: FileHandle
    private let errors: FileHandle

    /// Starts the decoder on a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - arguments: of `samus-dicom`.
    /// - Throws: ``DICOMError``.
    init(_ path: String, arguments: [String]) throws(DICOMError) {
        self.path = path
        program = try Self.findProgram()
        let file: RegularFile
        let descriptor: Int32
        do throws(FileReadError) {
            file = try RegularFile(path)
            descriptor = try file.duplicatedDescriptor()
        } catch {
            throw .cannotRead(name: path, reason: error.reason)
        }
        let (outputPipe, errorPipe) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        // Nothing of the environment may change what the decoder reads.
        process.environment = [:]
        process.standardInput = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        output = outputPipe.fileHandleForReading
        errors = errorPipe.fileHandleForReading
        do {
            try process.run()
        } catch {
            throw .decoderUnusable(path: program, reason: error.localizedDescription)
        }
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// The line that describes the file.
    ///
    /// - Returns: the file.
    /// - Throws: ``DICOMError``.
    func description() throws(DICOMError) -> DICOMFile {
        let line = try line()
        guard let answer = try? JSON.decode(Answer.self, from: line) else {
            throw .damaged(name: path, reason: "the decoder's answer about it cannot be read")
        }
        if let error = answer.error { throw self.error(error, answer.reason ?? "") }
        // The decoder has read a hostile file: what it states is checked here again.
        if let image = answer.image {
            guard image.width > 0, image.height > 0, image.frames > 0,
                image.channels == 1 || image.channels == 3,
                image.width <= 65535, image.height <= 65535,
                image.size.area <= ImageLimits.standard.pixels
            else { throw .damaged(name: path, reason: "it states a wrong size") }
        }
        return DICOMFile(
            path: path, transferSyntax: answer.transferSyntax ?? "", sopClass: answer.sopClass,
            sopInstance: answer.sopInstance, image: answer.image, references: answer.references)
    }

    /// The pixels of the next frame.
    ///
    /// - Parameter byteCount: of a frame.
    /// - Returns: the pixels.
    /// - Throws: ``DICOMError``.
    func nextFrame(byteCount: Int) throws(DICOMError) -> [UInt8] {
        guard try bytes(1) == [0] else {
            let line = try line()
            let answer = try? JSON.decode(Answer.self, from: line)
            throw error(answer?.error ?? "damaged", answer?.reason ?? "it cannot be decoded")
        }
        return try bytes(byteCount)
    }

    /// The line with Patient ID and UIDs, after ``description()``.
    ///
    /// - Returns: the identifiers.
    /// - Throws: ``DICOMError``.
    func identifiers() throws(DICOMError) -> DICOMIdentifiers {
        let line = try line()
        guard let found = try? JSON.decode(DICOMIdentifiers.self, from: line) else {
            throw .damaged(name: path, reason: "its identifiers cannot be read")
        }
        return found
    }

    /// The line with patient, study and identity, after ``description()``.
    ///
    /// - Returns: values by tag.
    /// - Throws: ``DICOMError``.
    func context() throws(DICOMError) -> DICOMContext {
        let line = try line()
        guard let found = try? JSON.decode(DICOMContext.self, from: line, keys: .exact) else {
            throw .damaged(name: path, reason: "its patient and study cannot be read")
        }
        return found
    }

    /// The line about the masks of a Segmentation object, after ``description()``; then
    /// ``nextFrame(byteCount:)`` gives the masks.
    ///
    /// - Parameter type: what the line contains.
    /// - Returns: the content of the line.
    /// - Throws: ``DICOMError``.
    func masks<Content: Decodable>(_ type: Content.Type) throws(DICOMError) -> Content {
        let line = try line()
        if let answer = try? JSON.decode(Answer.self, from: line), let kind = answer.error {
            throw error(kind, answer.reason ?? "")
        }
        guard let found = try? JSON.decode(type, from: line) else {
            throw .damaged(name: path, reason: "its segments cannot be read")
        }
        return found
    }

    /// The de-identified file, after ``description()``.
    ///
    /// - Parameter write: gets the bytes in order.
    /// - Throws: ``DICOMError``, also when the decoder stops before the last frame, or what `write`
    ///   throws.
    func deidentified(_ write: ([UInt8]) throws -> Void) throws {
        guard try bytes(1) == [0] else {
            let answer = try? JSON.decode(Answer.self, from: line())
            throw error(answer?.error ?? "damaged", answer?.reason ?? "it cannot be decoded")
        }
        try write(buffer)
        buffer = []
        while let data = try output.read(upToCount: 1 << 20), !data.isEmpty {
            try write([UInt8](data))
        }
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw DICOMError.damaged(name: path, reason: "not all of its frames can be decoded")
        }
    }

    /// What `samus-dicom` writes: a file, or an error.
    private struct Answer: Decodable {
        var error: String?
        var reason: String?
        var transferSyntax: String?
        var sopClass: String?
        var sopInstance: String?
        var image: DICOMImage?
        var references: [[String]]?
    }

    private func error(_ kind: String, _ reason: String) -> DICOMError {
        switch kind {
        case "not_dicom": .notDICOM(name: path)
        case "no_image": .noImage(name: path)
        case "unsupported": .unsupported(name: path, reason: reason)
        case "too_large": .tooLarge(name: path, reason: reason)
        // DCMTK finds attributes in any bytes.
        default:
            DICOMFile.isDICOM(path) ? .damaged(name: path, reason: reason) : .notDICOM(name: path)
        }
    }

    // A DICOMDIR with very many images has a long line.
    private static let longestLine = 32 << 20
    private var buffer: [UInt8] = []

    private func line() throws(DICOMError) -> [UInt8] {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return line
            }
            guard buffer.count < Self.longestLine else {
                throw .tooLarge(name: path, reason: "it lists too many files")
            }
            try fill()
        }
    }

    private func bytes(_ count: Int) throws(DICOMError) -> [UInt8] {
        buffer.reserveCapacity(count)
        while buffer.count < count { try fill() }
        let bytes = Array(buffer[..<count])
        buffer.removeSubrange(..<count)
        return bytes
    }

    private func fill() throws(DICOMError) {
        let data = (try? output.read(upToCount: 1 << 20)) ?? nil
        guard let data, !data.isEmpty else { throw ended() }
        buffer.append(contentsOf: data)
    }

    /// Why the output of the decoder has ended too early.
    private func ended() -> DICOMError {
        let message = (try? errors.read(upToCount: 4096)) ?? nil
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal {
            return .decoderStopped(name: path, signal: process.terminationStatus)
        }
        let words = String(decoding: message ?? Data(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard process.terminationStatus == 0 else {
            return .decoderUnusable(
                path: program,
                reason: words.isEmpty ? "exit code \(process.terminationStatus)" : words)
        }
        return .damaged(name: path, reason: "the decoder ended before its last pixel")
    }

    /// The program: `SAMUS_DICOM`, or `samus-dicom` next to this program.
    ///
    /// - Returns: the path of an executable file.
    /// - Throws: ``DICOMError/decoderMissing(searched:)``.
    package static func findProgram() throws(DICOMError) -> String {
        let given = ProcessInfo.processInfo.environment["SAMUS_DICOM"] ?? ""
        let path =
            given.isEmpty
            ? ProgramLocation.folder.appendingPathComponent("samus-dicom").path : given
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw .decoderMissing(searched: path)
        }
        return path
    }
}
