import Datasets

/// The samples that a configuration selects.
struct SampleSelection {
    let train: [Sample]
    let validation: [Sample]

    /// - Parameter configuration: which datasets, and which fraction of them.
    /// - Throws: `DatasetError` when the data cannot be read or no training sample is selected.
    init(_ configuration: TrainingConfiguration) throws {
        let root = configuration.data ?? ""
        let data = try DatasetCollection(root: root)
        let names = try Self.names(configuration.sets, of: data)
        func selected(_ split: Split, _ fraction: Double) throws -> [Sample] {
            let samples = try data.samples(split).filter { names.contains($0.dataset) }
            return Self.part(samples, fraction, seed: configuration.seed)
        }
        train = try selected(.train, configuration.fraction)
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

    private static func names(_ text: String?, of data: DatasetCollection) throws -> Set<String> {
        let all = Set(data.classes.keys)
        guard let text else { return all }
        let isExcluding = text.hasPrefix("-")
        let names = Set(text.dropFirst(isExcluding ? 1 : 0).split(separator: ",").map(String.init))
        guard names.isSubset(of: all) else {
            throw DatasetError.empty(
                root: data.root,
                what: "dataset \(names.subtracting(all).sorted().joined(separator: ", ")); it has "
                    + all.sorted().joined(separator: ", "))
        }
        return isExcluding ? all.subtracting(names) : names
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
