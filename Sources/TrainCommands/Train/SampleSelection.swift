import Datasets
import Training

/// The samples that options choose.
struct SampleSelection {
    let train: [Sample]
    let validation: [Sample]

    /// - Parameters:
    ///   - options: which data sets, how much of them.
    ///   - seed: of the parts.
    /// - Throws: `DatasetError` when the data cannot be read or nothing is left.
    init(_ options: TrainDataOptions, seed: UInt64) throws {
        let root = options.root ?? ""
        let data = try DatasetCollection(root: root)
        let wanted = try Self.sets(options.sets, of: data)
        func chosen(_ split: Split, _ share: Double) throws -> [Sample] {
            let samples = try data.samples(split).filter { wanted.contains($0.dataset) }
            return Self.part(samples, share, seed: seed)
        }
        train = try chosen(.train, options.fraction)
        guard !train.isEmpty else {
            throw DatasetError.empty(root: root, what: "samples to train with in these data sets")
        }
        // Samples of one image one after the other: it is encoded once.
        validation =
            try data.hasList(.val)
            ? Self.withoutEmpty { try chosen(.val, options.validationFraction) }
                .sorted { $0.id < $1.id } : []
    }

    /// What `body` gives; nothing where a list is empty.
    private static func withoutEmpty(_ body: () throws -> [Sample]) throws -> [Sample] {
        do {
            return try body()
        } catch DatasetError.empty {
            return []
        }
    }

    /// A number of the samples' names and order.
    var fingerprint: String {
        Fingerprint(of: (train + validation).map(\.id).joined(separator: "\n")).text
    }

    private static func sets(_ text: String?, of data: DatasetCollection) throws -> Set<String> {
        let all = Set(data.classes.keys)
        guard let text else { return all }
        let isExcluding = text.hasPrefix("-")
        let names = Set(text.dropFirst(isExcluding ? 1 : 0).split(separator: ",").map(String.init))
        guard names.isSubset(of: all) else {
            throw DatasetError.empty(
                root: data.root,
                what: "data set \(names.subtracting(all).sorted().joined(separator: ", ")); it has "
                    + all.sorted().joined(separator: ", "))
        }
        return isExcluding ? all.subtracting(names) : names
    }

    /// A seeded part of the images, all samples of each, in their order.
    private static func part(_ samples: [Sample], _ share: Double, seed: UInt64) -> [Sample] {
        guard share < 1 else { return samples }
        var random = SampleRandom(seed: seed, -3)
        let images = Array(Set(samples.map(\.image))).sorted().shuffled(using: &random)
        let kept = Set(images.prefix(max(Int((share * Double(images.count)).rounded()), 1)))
        return samples.filter { kept.contains($0.image) }
    }
}
