/// Why a folder cannot be used as a model bundle.
public enum ModelBundleError: Error, Equatable, Sendable {
    case cannotRead(path: String, reason: String)
    case notARegularFile(path: String)
    case manifestTooLarge(bytes: Int, limit: Int)
    case notAManifest(String)
    case unknownFormat(Int)
    case outOfBounds(String)
    case otherSize(file: String, expected: Int, found: Int)
    case otherContent(file: String, expected: String, found: String)
    case externalData(file: String)
    case takesNoPrompts(model: String)
}

extension ModelBundleError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "'\(path)' of the model bundle cannot be read: \(reason)"
        case .notARegularFile(let path):
            "'\(path)' of the model bundle is not a regular file"
        case .manifestTooLarge(let bytes, let limit):
            "model.json has \(bytes) bytes, more than the \(limit) that any bundle needs"
        case .notAManifest(let reason):
            "model.json is not that of a model bundle: \(reason)"
        case .unknownFormat(let format):
            "model.json is of format \(format), this program knows format "
                + "\(ModelBundle.Manifest.currentFormat): a newer samus may read it"
        case .outOfBounds(let needed):
            "model.json is not that of a model bundle; what is wrong: \(needed)"
        case .otherSize(let file, let expected, let found):
            "'\(file)' has \(found) bytes, model.json says \(expected): the bundle is not whole"
        case .otherContent(let file, let expected, let found):
            "'\(file)' is not the file that model.json names: its SHA-256 is \(found), it should "
                + "be \(expected)"
        case .externalData(let file):
            "'\(file)' names data in another file, which a model bundle cannot: nothing would tell "
                + "whether it changed"
        case .takesNoPrompts(let model):
            "\(model) has no decoder for prompts: it finds its object by itself"
        }
    }
}
