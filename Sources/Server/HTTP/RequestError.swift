import DICOM
import FileIO
import HTTPTypes
import Hummingbird
import Imaging
import Inference
import Segmentation

/// Why a request cannot be answered: a status and one sentence for the person who sent it.
struct RequestError: Error, Equatable {
    let status: HTTPResponse.Status
    let message: String
    /// Seconds after which the same request may succeed.
    var retryAfter: Int?

    init(_ status: HTTPResponse.Status, _ message: String, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
    }

    static func badRequest(_ message: String) -> RequestError { RequestError(.badRequest, message) }
    static func notFound(_ message: String) -> RequestError { RequestError(.notFound, message) }
    static func unprocessable(_ message: String) -> RequestError {
        RequestError(.unprocessableContent, message)
    }
}

extension RequestError {
    /// The answer to an error of the libraries; paths of this machine are left out.
    init(_ error: any Error) {
        switch error {
        case let error as RequestError: self = error
        case let error as PromptError: self = .unprocessable(error.description)
        case let error as JSONError: self = .badRequest(error.description)
        case let error as FileReadError: self = .init(error.status, "the file: \(error.reason)")
        case let error as ImageError: self.init(error.status, error.description)
        case let error as NIfTIError: self = .unprocessable(error.description)
        case let error as DICOMError:
            self =
                error.isAboutDecoder
                ? .init(.notImplemented, "this server cannot read DICOM: samus-dicom is missing")
                : .unprocessable(error.renamed(to: "image").description)
        case let error as TensorError: self = .unprocessable(error.description)
        case let error as EngineError: self = .unprocessable(error.description)
        case ModelBundleError.noPrompts(let model):
            self = .unprocessable("\(model) takes no prompts: set prompt_free")
        case let error as HTTPError:
            self.init(error.status, error.body ?? error.status.reasonPhrase)
        case is CancellationError: self.init(.serviceUnavailable, "the request was cancelled")
        case let error as any HTTPResponseError:
            self.init(error.status, error.status.reasonPhrase)
        default: self.init(.internalServerError, "the server failed; its log has the reason")
        }
    }
}

extension FileReadError {
    /// Files are served by their names: a missing one is not a failure of the server.
    fileprivate var status: HTTPResponse.Status {
        switch self {
        case .notFound: .notFound
        case .tooLarge: .contentTooLarge
        case .notUTF8, .notARegularFile: .unprocessableContent
        case .notPermitted, .changed, .failed: .internalServerError
        }
    }
}

extension ImageError {
    fileprivate var status: HTTPResponse.Status {
        switch self {
        case .tooManyPixels, .tooManyBytes: .contentTooLarge
        case .notAnImage, .unsupportedFormat, .empty: .unsupportedMediaType
        default: .unprocessableContent
        }
    }
}

extension DICOMError {
    /// The same error with a name in place of a path of this machine.
    fileprivate func renamed(to name: String) -> DICOMError {
        switch self {
        case .cannotRead(_, let reason): .cannotRead(name: name, reason: reason)
        case .notDICOM: .notDICOM(name: name)
        case .noImage: .noImage(name: name)
        case .noFrame(_, let frame, let frames): .noFrame(name: name, frame: frame, frames: frames)
        case .unsupported(_, let reason): .unsupported(name: name, reason: reason)
        case .tooLarge(_, let reason): .tooLarge(name: name, reason: reason)
        case .noIdentity(_, let attribute): .noIdentity(name: name, attribute: attribute)
        case .damaged(_, let reason): .damaged(name: name, reason: reason)
        case .decoderStopped(_, let signal): .decoderStopped(name: name, signal: signal)
        case .decoderMissing, .decoderUnusable: self
        }
    }
}
