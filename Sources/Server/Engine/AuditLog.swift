import FileIO
import Foundation
import Imaging
import Inference
import Segmentation
import Synchronization

/// A file to which one JSON line is added for each mask: who, what, with which model and result.
///
/// Names of files and patients are not in it: images are named by the SHA-256 of their files.
final class AuditLog: Sendable {
    private struct Entry: Encodable {
        struct Clicks: Encodable {
            let x: Double
            let y: Double
            let foreground: Bool
        }

        let formatVersion = 1
        let ts: String
        let clientId: String?
        let action: String
        let imageSha256: String
        let frame: Int
        let model: String
        let weightsSha256: String
        let clicks: [Clicks]
        let box: [Double]?
        let outputSha256: [String]
        let seconds: Double
        let version: String
    }

    private struct CallEntry: Encodable {
        let formatVersion = 1
        let ts: String
        let action: String
        let model: String
        let weightsSha256: String
        let inputSha256: [String]
        let outputSha256: [String]
        let seconds: Double
        let version: String
    }

    private struct EventEntry: Encodable {
        let formatVersion = 1
        let ts: String
        let action: String
        let model: String
        let weightsSha256: String
        let version: String
    }

    private let path: String
    private let handle: Mutex<FileHandle>

    /// Opens the file for appending; makes it, readable by the owner alone, where there is none.
    ///
    /// - Throws: ``ServerConfigurationError/auditLog(_:reason:)``.
    init(_ path: String) throws(ServerConfigurationError) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .auditLog(path, reason: String(cString: strerror(errno)))
        }
        self.path = path
        handle = Mutex(FileHandle(fileDescriptor: descriptor, closeOnDealloc: true))
    }

    /// Adds the line of an answer.
    func append(_ answer: SegmentationService.Answer, version: String) {
        let entry = Entry(
            ts: Date.now.timestamp,
            clientId: answer.question.clientName.map { Self.hash($0) },
            action: answer.question.action, imageSha256: answer.image.sha256,
            frame: answer.question.frame, model: answer.model.name,
            weightsSha256: answer.model.sha256,
            clicks: (answer.prompt?.clicks ?? []).map {
                Entry.Clicks(x: $0.point.x, y: $0.point.y, foreground: $0.isForeground)
            },
            box: answer.prompt?.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
            outputSha256: answer.masks.map { SHA256.hexDigest(of: $0.mask.values) },
            seconds: answer.encodeSeconds + answer.decodeSeconds, version: version)
        write(entry)
    }

    /// A call of a network with tensors.
    struct Call {
        let action: String
        let model: ModelDescription
        let version: String
        let seconds: Double
    }

    /// Adds the line of a call of a network.
    func append(_ call: Call, inputs: [FloatTensor], outputs: [FloatTensor]) {
        func hashes(_ tensors: [FloatTensor]) -> [String] {
            tensors.map { tensor in
                SHA256.hexDigest(of: tensor.values.withUnsafeBytes { Array($0) })
            }
        }
        write(
            CallEntry(
                ts: Date.now.timestamp, action: call.action, model: call.model.name,
                weightsSha256: call.model.sha256, inputSha256: hashes(inputs),
                outputSha256: hashes(outputs), seconds: call.seconds, version: call.version))
    }

    /// Adds the line of something that changes how the server answers.
    func append(action: String, model: ModelDescription, version: String) {
        write(
            EventEntry(
                ts: Date.now.timestamp, action: action, model: model.name,
                weightsSha256: model.sha256, version: version))
    }

    private func write(_ entry: some Encodable) {
        guard let line = try? JSON.encode(entry) else { return }
        // One call for a whole line: lines of several processes do not mix.
        handle.withLock { handle in
            do {
                try handle.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
            } catch {
                ServerLog.failed("the audit log cannot be written", because: error)
            }
        }
    }

    /// The beginning of the SHA-256 of a name.
    static func hash(_ name: String) -> String {
        String(SHA256.hexDigest(of: Array(name.utf8)).prefix(16))
    }
}
