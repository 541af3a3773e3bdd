/// Why OpenVINO cannot be used, or what it could not do.
public enum OpenVINOError: Error, Equatable, Sendable {
    case libraryMissing(looked: [String])
    case libraryUnusable(path: String, reason: String)
    case tooOld(path: String, version: String?, lacking: String?)
    case noDevice(asked: String, available: [String])
    case failed(doing: String, message: String)
    case otherPorts(file: String, port: String, expected: String, found: String)
    case otherShape(port: String, expected: [Int], found: [Int])
}

extension OpenVINOError: CustomStringConvertible {
    private static let remedy =
        "run 'make setup' in the checkout, or name its folder in SAMUS_OPENVINO"

    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .libraryMissing(let looked):
            "OpenVINO, which runs model bundles, is not here: \(Self.remedy) (looked at "
                + "\(looked.joined(separator: ", ")))"
        case .libraryUnusable(let path, let reason):
            "'\(path)' cannot be opened as OpenVINO: \(reason); \(Self.remedy)"
        case .tooOld(let path, let version, let lacking):
            "'\(path)' is \(version.map { "OpenVINO \($0)" } ?? "no OpenVINO, or too old a one"), "
                + "2026.0 or newer is needed"
                + "\(lacking.map { " (it has no function '\($0)')" } ?? ""); \(Self.remedy)"
        case .noDevice(let asked, let available):
            "OpenVINO sees no \(asked) on this machine, only \(available.joined(separator: ", "))"
        case .failed(let doing, let message):
            "OpenVINO cannot \(doing): \(message)"
        case .otherPorts(let file, let port, let expected, let found):
            "'\(file)' does not go with its model.json: '\(port)' is \(found), it should be "
                + expected
        case .otherShape(let port, let expected, let found):
            "the model gave '\(port)' with shape \(found), it should be \(expected)"
        }
    }
}
