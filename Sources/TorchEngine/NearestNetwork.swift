import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// The network that shares the most tensors with a file, and how the file differs from it.
public struct NearestNetwork {
    /// The network's architecture.
    public let architecture: ModelArchitecture
    /// The network's sizes.
    public let sizes: ModelConfiguration
    /// Number of the network's tensors that the file has, by name and shape.
    public let shared: Int
    /// Number of the network's tensors.
    public let count: Int
    /// How the file's names were changed to match the network's; nil if they were not.
    public let renaming: String?
    /// The differences between the file and the network; nil if there are none.
    public let difference: ModuleLoadError?

    /// Compares tensors with one network.
    ///
    /// - Parameters:
    ///   - architecture: the network's architecture.
    ///   - sizes: the network's sizes.
    ///   - source: the tensors.
    ///   - renaming: how the names of the tensors were changed.
    public init(
        _ architecture: ModelArchitecture, sizes: ModelConfiguration, source: some TensorSource,
        renaming: String? = nil
    ) {
        // Uninitialized weights take no memory.
        let network = Initialization.skipped { NetworkRegistry.make(architecture, sizes) }
        let values = network.namedValues()
        self.architecture = architecture
        self.sizes = sizes
        shared = values.count { source.shape(of: $0.name) == $0.value.value.shape }
        count = values.count
        self.renaming = renaming
        difference = network.difference(from: source)
    }

    /// Finds the network that shares the most tensors, and among equals the one with the fewest
    /// differences.
    ///
    /// Candidates have the published sizes and the sizes detected from the tensors. The result is
    /// nil when no network shares a tensor.
    ///
    /// - Parameters:
    ///   - source: the tensors.
    ///   - sizes: the sizes of an architecture, where they can be detected from the tensors.
    public init?(
        to source: some TensorSource,
        sizes: (ModelArchitecture) -> ModelConfiguration? = { _ in nil }
    ) {
        var best: NearestNetwork?
        for form in RenamedTensors.forms(of: source) {
            for architecture in ModelArchitecture.all {
                for sizes in Set(architecture.published + [sizes(architecture)].compactMap { $0 }) {
                    let found = NearestNetwork(
                        architecture, sizes: sizes, source: form, renaming: form.renaming)
                    if best.map(found.isNearer) ?? (found.shared > 0) { best = found }
                }
            }
        }
        guard let best else { return nil }
        self = best
    }

    private func isNearer(than other: NearestNetwork) -> Bool {
        (shared, -differences) > (other.shared, -other.differences)
    }

    private var differences: Int { difference?.differences.count ?? 0 }
}

extension NearestNetwork: CustomStringConvertible {
    /// The network, the share of its tensors in the file, a guess at the file's origin, and the
    /// differences.
    public var description: String {
        let opening =
            "\(architecture.text(sizes)): \(shared) of its \(count) tensors match by name and shape"
            + (renaming.map { ", \($0)" } ?? "")
        guard let difference else { return opening }
        let guess = Guess(difference, architecture).map { "\n  \($0.text)" } ?? ""
        return "\(opening)\(guess)\n\(difference)"
    }

    /// Known kinds of files that nearly match, detected by tensor names.
    private enum Guess {
        case lowRank, encoder, adapters

        var text: String {
            switch self {
            case .lowRank:
                "It has low-rank additions (LoRA) without the weights that they are added to."
            case .encoder:
                "It has an image encoder only: prompt encoder and mask decoder are missing."
            case .adapters:
                "It has adapters that this network lacks, and that belong to no network of the registry."
            }
        }

        init?(_ difference: ModuleLoadError, _ architecture: ModelArchitecture) {
            let surplus = difference.unexpected.map { $0.lowercased() }
            func lacks(_ part: String) -> Bool {
                difference.missing.contains { $0.hasPrefix(part) }
            }
            if surplus.contains(where: { $0.contains("lora") || $0.hasPrefix("w_a_") }) {
                self = .lowRank
            } else if lacks("mask_decoder."), lacks("prompt_encoder."), !lacks("image_encoder.") {
                self = .encoder
            } else if architecture == .sam, surplus.contains(where: { $0.contains("adapter") }) {
                self = .adapters
            } else {
                return nil
            }
        }
    }
}

/// Tensors under changed names: with a prefix added or removed.
struct RenamedTensors: TensorSource {
    /// The changed names.
    let names: [String]
    /// How the names were changed, in words; nil when they were not.
    let renaming: String?
    private let source: any TensorSource
    private let original: [String: String]

    private init(
        _ source: any TensorSource, renaming: String?, _ rename: (String) -> String
    ) {
        names = source.names.map(rename)
        original = Dictionary(zip(names, source.names)) { first, _ in first }
        self.renaming = renaming
        self.source = source
    }

    /// The tensors under their own names, and without or with the prefixes of wrapper modules.
    static func forms(of source: some TensorSource) -> [RenamedTensors] {
        var forms = [RenamedTensors(source, renaming: nil) { $0 }]
        let encoder = "image_encoder."
        if source.names.contains(where: { $0.hasPrefix("blocks.") || $0.hasPrefix("patch_embed.") })
        {
            forms.append(
                RenamedTensors(source, renaming: "under names with '\(encoder)' before them") {
                    encoder + $0
                })
        }
        // A wrapper module: most names have the same first part.
        let firsts = source.names.compactMap { name in
            name.firstIndex(of: ".").map { String(name[...$0]) }
        }
        let counts = Dictionary(grouping: firsts) { $0 }.mapValues(\.count)
        if let (first, count) = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
            first != encoder, 2 * count > source.names.count,
            // The prefix is printed and must not contain line breaks.
            first.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 31 })
        {
            forms.append(
                RenamedTensors(source, renaming: "under names without their '\(first)'") {
                    $0.hasPrefix(first) ? String($0.dropFirst(first.count)) : $0
                })
        }
        return forms
    }

    func shape(of name: String) -> [Int]? {
        original[name].flatMap { source.shape(of: $0) }
    }

    func dtype(of name: String) -> DType? {
        original[name].flatMap { source.dtype(of: $0) }
    }

    func read(_ name: String, into target: Tensor) throws {
        try source.read(original[name] ?? name, into: target)
    }
}
