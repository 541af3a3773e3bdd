import Datasets
import Segmentation

/// The samples that a configuration selects.
struct SampleSelection {
    let train: [Sample]
    let validation: [Sample]
    /// The classes that are segmented at once; nil where each sample is an object of its own.
    let classes: [ClassLabel]?

    /// - Parameter configuration: which datasets and classes, and which fraction of them.
    /// - Throws: `DatasetError` when the data cannot be read or no training sample is selected,
    ///   ``TrainingError/option(_:)`` for classes that the data do not have.
    init(_ configuration: TrainingConfiguration) throws {
        let root = configuration.data ?? ""
        let data = try DatasetCollection(root: root)
        var sets = try Self.sets(configuration.sets, of: data)
        let classes = try configuration.classes.map { text in
            try ClassSelection(text, of: sets, in: data).labels
        }
        self.classes = classes
        if let values = classes.map({ Set($0.map(\.value)) }) {
            sets = sets.mapValues { $0.intersection(values) }
        }
        func selected(_ split: Split, _ fraction: Double) throws -> [Sample] {
            let samples = try data.samples(split).filter { sample in
                sets[sample.dataset]?.contains(sample.label) ?? false
            }
            return Self.part(samples, fraction, seed: configuration.seed)
        }
        let samples = try selected(.train, configuration.fraction)
        // With several classes at once, an image is one sample.
        train = classes == nil ? samples : Self.firstOfEachImage(samples)
        guard !train.isEmpty else {
            throw DatasetError.empty(root: root, what: "training samples in these datasets")
        }
        var validation: [Sample] = []
        if data.hasList(.val) {
            do {
                validation = try selected(.val, configuration.validationFraction)
            } catch DatasetError.empty {}
        }
        // Samples of one image follow each other, so that the image is encoded once.
        self.validation = validation.sorted { $0.id < $1.id }
    }

    /// A fingerprint of the samples' names and their order.
    var fingerprint: String {
        Fingerprint(of: (train + validation).map(\.id).joined(separator: "\n")).text
    }

    /// The selected classes of each dataset.
    ///
    /// - Parameters:
    ///   - text: datasets, or classes as `Echo-CAMUS#1`, separated by commas; with `-` in front all
    ///     but these; nil for all.
    ///   - data: the datasets.
    /// - Returns: labels by dataset.
    /// - Throws: `DatasetError` that names what the data do not have.
    private static func sets(
        _ text: String?, of data: DatasetCollection
    ) throws -> [String: Set<Int>] {
        let all = data.classes.mapValues { Set(1..<$0) }
        guard let text else { return all }
        let isExcluding = text.hasPrefix("-")
        var named: [String: Set<Int>] = [:]
        var unknown: [String] = []
        for word in text.dropFirst(isExcluding ? 1 : 0).split(separator: ",").map(String.init) {
            let parts = word.split(separator: "#", omittingEmptySubsequences: false)
            // A dataset's own name may contain the sign.
            let name = all[word] == nil && parts.count == 2 ? String(parts[0]) : word
            let labels = name == word ? all[word] : Int(parts[1]).map { [$0] }
            guard let labels, let known = all[name], labels.isSubset(of: known) else {
                unknown.append(word)
                continue
            }
            named[name, default: []].formUnion(labels)
        }
        guard unknown.isEmpty else {
            throw DatasetError.empty(
                root: data.root,
                what: "dataset \(unknown.sorted().joined(separator: ", ")); it has "
                    + all.keys.sorted().joined(separator: ", "))
        }
        guard isExcluding else { return named }
        return all.merging(named) { $0.subtracting($1) }
    }

    /// One sample of each image, in their order.
    private static func firstOfEachImage(_ samples: [Sample]) -> [Sample] {
        var images: Set<String> = []
        return samples.filter { images.insert($0.image).inserted }
    }

    /// A seeded part of the images with all samples of each, in their order.
    private static func part(_ samples: [Sample], _ fraction: Double, seed: UInt64) -> [Sample] {
        guard fraction < 1 else { return samples }
        var random = SampleRandom(seed: seed, -3)
        let images = Array(Set(samples.map(\.image))).sorted().shuffled(using: &random)
        let count = max(Int((fraction * Double(images.count)).rounded()), 1)
        let selected = Set(images.prefix(count))
        return samples.filter { selected.contains($0.image) }
    }
}
