import Checkpoints
import FileIO

/// One class of a network that segments several classes at once.
public struct ClassLabel: Hashable, Sendable, Codable {
    /// The value of its pixels in labels, 1 to 255; 0 is the background.
    public var value: Int
    /// The name for results, for example `left ventricle`.
    public var name: String

    /// - Parameters:
    ///   - value: the value of its pixels in labels, 1 to 255.
    ///   - name: the name for results; nil for `class 1`, with the value.
    public init(value: Int, name: String? = nil) {
        self.value = value
        self.name = name ?? "class \(value)"
    }

    /// The key of a list of classes in a checkpoint's metadata.
    public static let metadataKey = "samus.classes"

    /// The largest number of classes, which is that of the values in a label of 8 bits.
    public static let largestCount = 255

    fileprivate static let longestName = 200
}

extension [ClassLabel] {
    /// Whether values are ascending from 1 to 255 and names are short and not empty.
    public var isValid: Bool {
        let values = map(\.value)
        return (1...ClassLabel.largestCount).contains(count)
            && values.allSatisfy((1...ClassLabel.largestCount).contains)
            && zip(values, values.dropFirst()).allSatisfy(<)
            && allSatisfy { (1...ClassLabel.longestName).contains($0.name.utf8.count) }
    }

    /// The list for a checkpoint's metadata: JSON, `[{"name":"left ventricle","value":1}]`.
    public var metadata: String? {
        (try? JSON.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads the list of a checkpoint's metadata.
    ///
    /// - Parameter metadata: JSON as ``metadata`` has it; the result is nil for anything else.
    public init?(metadata: String) {
        guard metadata.utf8.count <= 1 << 17,
            let labels = try? JSON.decode([ClassLabel].self, from: metadata.utf8), labels.isValid
        else { return nil }
        self = labels
    }

    /// The values and names for a person: `1 left ventricle, 2 myocardium`.
    public var text: String { map { "\($0.value) \($0.name)" }.joined(separator: ", ") }
}

extension Checkpoint {
    /// The classes that a network of these sizes segments at once; nil for a network of one object.
    ///
    /// Classes that the metadata do not state are numbered from 1.
    ///
    /// - Parameter configuration: the network's sizes.
    /// - Returns: one entry for each output channel but the background.
    /// - Throws: ``ConfigurationError/classes(stated:outputs:)`` where the metadata state another
    ///   number of classes than the network has.
    public func classes(
        of configuration: ModelConfiguration
    ) throws(ConfigurationError) -> [ClassLabel]? {
        guard configuration.classes > 1 else { return nil }
        guard let text = metadata[ClassLabel.metadataKey] else {
            return (1...configuration.classes).map { ClassLabel(value: $0) }
        }
        guard let stated = [ClassLabel](metadata: text), stated.count == configuration.classes
        else {
            throw .classes(
                stated: String(text.prefix(80)), outputs: configuration.classes + 1)
        }
        return stated
    }
}
