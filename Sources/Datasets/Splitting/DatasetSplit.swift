import FileIO
import Foundation
import Imaging

/// A split of datasets into train, val and test, before it is written.
public struct DatasetSplit: Sendable {
    /// The split of one dataset.
    public struct Part: Sendable {
        /// The dataset.
        public let dataset: String
        /// Number of images in each split.
        public let images: [Split: Int]
        /// Number of groups in each split: patients, and images without a known patient.
        public let groups: [Split: Int]
        /// Number of images without a known patient.
        public let withoutPatient: Int
        /// What is wrong with the dataset's `index.csv` and files.
        public let findings: [DatasetFinding]
    }

    /// The datasets, by name.
    public let parts: [Part]
    /// The lists: file names in `MainPatient`, and contents.
    public let lists: [(name: String, text: String)]
    private let data: DatasetCollection
    private let lines: [DatasetLines]
    private let replaces: Bool

    /// Splits datasets, by patient where known.
    ///
    /// Covers every image in `img`. Images of a patient stay together, and so do equal images. Each
    /// dataset is split independently; the same seed gives the same lists. Nothing is written.
    ///
    /// - Parameters:
    ///   - data: the datasets.
    ///   - options: fractions, seed, datasets.
    ///   - shouldContinue: called after each image; false stops.
    /// - Throws: ``SplitError``, for instance when lists exist and must not be replaced.
    public init(
        _ data: DatasetCollection, options: SplitOptions = SplitOptions(),
        shouldContinue: (DatasetCheck.Progress) -> Bool = { _ in true }
    ) throws(SplitError) {
        self.data = data
        replaces = options.replaces
        let datasets = try Self.datasets(options.datasets, of: data)
        let existing = DatasetList.all(root: data.root)
        if !options.replaces && !existing.isEmpty {
            throw .listsExist(existing.map(\.name))
        }
        let images = try Self.images(datasets, of: data, shouldContinue: shouldContinue)
        var parts: [Part] = []
        var lines: [DatasetLines] = []
        for dataset in datasets {
            let own = images.filter { $0.sample.dataset == dataset }
            let (splits, part) = Self.splitDataset(
                own, dataset, options, data.folders[dataset]?.findings ?? [])
            parts.append(part)
            lines.append(DatasetLines(dataset, data.classes[dataset] ?? 2, own, splits))
        }
        self.parts = parts
        self.lines = lines
        lists = try Self.lists(lines, replacing: existing, data)
    }

    /// Writes all lists together, merged with what other processes wrote since the split was made.
    ///
    /// - Throws: ``SplitError/cannotWrite(path:reason:)``, ``SplitError/changed(dataset:)``; the
    ///   former lists then stay.
    public func write() throws(SplitError) {
        let lock = try Self.writing { () throws(FileError) in try FolderLock(data.root) }
        let current: DatasetCollection
        do throws(DatasetError) {
            current = try DatasetCollection(root: data.root, isLocked: true)
        } catch {
            throw .data(error)
        }
        let existing = DatasetList.all(root: data.root)
        if !replaces && !existing.isEmpty { throw .listsExist(existing.map(\.name)) }
        for part in parts {
            guard current.classes[part.dataset] == data.classes[part.dataset],
                current.folders[part.dataset]?.names(in: "img").count
                    == part.images.values.reduce(0, +)
            else { throw .changed(dataset: part.dataset) }
        }
        let lists = try Self.lists(lines, replacing: existing, current)
        try Self.writing { () throws(FileError) in
            var files = FileTransaction()
            for list in lists {
                try files.add(
                    Array(list.text.utf8), at: "\(data.root)/MainPatient/\(list.name)")
            }
            try files.commit(holding: lock)
        }
    }

    private static func writing<Result>(
        _ body: () throws(FileError) -> Result
    ) throws(SplitError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
    }

    private static func datasets(
        _ names: [String], of data: DatasetCollection
    ) throws(SplitError) -> [String] {
        guard !names.isEmpty else { return data.classes.keys.sorted() }
        var known: Set<String> = []
        for name in names {
            guard let dataset = data.known(name) else {
                let all = data.classes.keys.sorted().joined(separator: ", ")
                throw .data(
                    .empty(root: data.root, what: "dataset '\(name)'; class.json has \(all)"))
            }
            known.insert(dataset)
        }
        return known.sorted()
    }

    private static func images(
        _ datasets: [String], of data: DatasetCollection,
        shouldContinue: (DatasetCheck.Progress) -> Bool
    ) throws(SplitError) -> [ImageToSplit] {
        let samples = datasets.flatMap { dataset in
            (data.folders[dataset]?.names(in: "img") ?? []).flatMap {
                data.samples(dataset: dataset, name: $0, labels: [1])
            }
        }
        guard !samples.isEmpty else {
            throw .data(.empty(root: data.root, what: "images in img of its datasets"))
        }
        var images: [ImageToSplit] = []
        var problems: [String] = []
        let isDone = inspectImages(samples, limits: .standard) { index, facts in
            if let problem = facts.problem { problems.append("\(problem.place): \(problem.text)") }
            images.append(ImageToSplit(sample: samples[index], inspected: facts))
            return shouldContinue(
                DatasetCheck.Progress(
                    done: index + 1, total: samples.count, image: samples[index].image))
        }
        guard isDone else { throw .interrupted }
        if let first = problems.first { throw .unusable(first: first, count: problems.count) }
        return images
    }

    private static func splitDataset(
        _ images: [ImageToSplit], _ dataset: String, _ options: SplitOptions,
        _ findings: [DatasetFinding]
    ) -> (splits: [Split], part: Part) {
        var groups = DisjointSets(count: images.count)
        var firsts: [GroupKey: Int] = [:]
        for (index, image) in images.enumerated() {
            for key in image.keys {
                if let first = firsts[key] { groups.unite(first, index) }
                firsts[key] = firsts[key] ?? index
            }
        }
        let roots = images.indices.map { groups.root($0) }
        let members = Set(roots).sorted()
        let counted = Dictionary(roots.map { ($0, 1) }, uniquingKeysWith: +)
        let sizes = members.map { counted[$0] ?? 0 }
        var name = Fingerprint()
        name.add(dataset)
        var random = SampleRandom(
            seed: options.seed, Int(truncatingIfNeeded: name.value))
        let assigned = assignSplits(
            sizes, val: options.val, test: options.test, using: &random)
        let bySplit = Dictionary(uniqueKeysWithValues: zip(members, assigned))
        let splits = roots.map { bySplit[$0] ?? .train }
        func counts(_ splits: [Split]) -> [Split: Int] {
            Dictionary(splits.map { ($0, 1) }, uniquingKeysWith: +)
        }
        return (
            splits,
            Part(
                dataset: dataset, images: counts(splits), groups: counts(assigned),
                withoutPatient: images.count { $0.sample.patient == nil }, findings: findings)
        )
    }

    private static func lists(
        _ lines: [DatasetLines], replacing existing: [DatasetList], _ data: DatasetCollection
    ) throws(SplitError) -> [(name: String, text: String)] {
        let replaced = Set(lines.map(\.dataset))
        var files: [(name: String, text: String)] = []
        func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
        for split in Split.allCases {
            var all: [String] = []
            let lists = existing.filter { $0.split == split }
            let ofAll = lists.filter { $0.dataset == nil }
            // Without a common list the new one would hide the lists of the other datasets.
            for list in ofAll.isEmpty ? lists : ofAll {
                do throws(DatasetError) {
                    all += try LayoutFile.lines(list.path).map(\.text).filter { line in
                        let parts = line.split(separator: "/")
                        guard parts.count >= 2 else { return true }
                        let dataset = data.known(String(parts[parts.count - 2]))
                        return dataset.map { !replaced.contains($0) } ?? true
                    }
                } catch {
                    throw .data(error)
                }
            }
            all += lines.flatMap { $0.lines[split] ?? [] }
            files.append(("\(split.rawValue).txt", text(all)))
            for dataset in lines {
                let own = dataset.lines[split] ?? []
                let names = existing.filter {
                    $0.split == split && $0.dataset.flatMap(data.known) == dataset.dataset
                }.map(\.name)
                let name = names.first ?? "\(split.rawValue)-\(dataset.dataset).txt"
                if !own.isEmpty || !names.isEmpty { files.append((name, text(own))) }
                // A list under the dataset's other name must not keep former lines.
                files += names.dropFirst().map { ($0, text(own)) }
            }
        }
        return files
    }
}

/// Options of a split.
public struct SplitOptions: Equatable, Sendable {
    /// Fraction of a dataset's images in val, 0 to 1.
    public var val = 0.1
    /// Fraction of a dataset's images in test, 0 to 1.
    public var test = 0.2
    /// Seed of the random order of the groups.
    public var seed: UInt64 = 0
    /// The datasets; all of them when empty.
    public var datasets: [String] = []
    /// Whether existing lists are replaced.
    public var replaces = false

    /// 10 % val, 20 % test, all datasets, no list replaced.
    public init() {}
}

/// Why datasets cannot be split.
public enum SplitError: Error, Equatable, Sendable {
    /// The data cannot be read.
    case data(DatasetError)
    /// Lists exist and must not be replaced.
    case listsExist([String])
    /// Images or labels cannot be used.
    case unusable(first: String, count: Int)
    /// Another process changed a dataset while it was split.
    case changed(dataset: String)
    /// A list cannot be written.
    case cannotWrite(path: String, reason: String)
    /// Stopped by the caller.
    case interrupted
}

extension SplitError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .data(let error): "\(error)"
        case .listsExist(let names):
            "MainPatient has lists already (\(names.prefix(4).joined(separator: ", "))"
                + (names.count > 4 ? " and \(names.count - 4) more" : "")
                + "): --force replaces them (but prefer a published split; --set NAME splits"
                + " one dataset)"
        case .unusable(let first, let count):
            "\(counted(count, "file")) cannot be used, nothing was written; the first: \(first)"
        case .changed(let dataset):
            "'\(dataset)' was changed by another program while it was split; nothing was written:"
                + " start again"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted: "stopped; nothing was written"
        }
    }
}

/// An image that is assigned to a split.
struct ImageToSplit {
    let sample: Sample
    let inspected: InspectedImage

    /// Images with a common key stay together.
    var keys: [GroupKey] {
        [sample.patient.map(GroupKey.patient), inspected.pixels.map(GroupKey.pixels)].compactMap {
            $0
        }
    }
}

/// A property that keeps images together.
enum GroupKey: Hashable {
    case patient(String)
    case pixels(Fingerprint)
}

/// The lines of one dataset.
struct DatasetLines {
    let dataset: String
    let lines: [Split: [String]]

    /// - Parameters:
    ///   - dataset: its name.
    ///   - classes: background included.
    ///   - images: in order.
    ///   - splits: of each image.
    init(_ dataset: String, _ classes: Int, _ images: [ImageToSplit], _ splits: [Split]) {
        self.dataset = dataset
        let writer = ImportedLists(root: "", dataset: dataset, classCount: classes)
        var lines: [Split: [String]] = [:]
        for (image, split) in zip(images, splits) {
            let entry = ImportedLists.Entry(
                name: image.sample.name, split: split,
                classes: (1..<classes).filter { image.inspected.areas[$0] != nil })
            lines[split, default: []] += writer.lines(entry)
        }
        self.lines = lines
    }
}

/// Assigns groups of images to test, val and train.
///
/// In a random order, a group goes to test if that brings the number of test images nearer to its
/// target, then to val by the same rule, else to train. With three groups or more, no split with
/// a fraction above 0 stays empty.
///
/// - Parameters:
///   - sizes: number of images in each group.
///   - val: fraction of the images, 0 to 1.
///   - test: fraction of the images, 0 to 1; with `val` at most 1.
///   - random: generator of the order.
/// - Returns: the split of each group.
func assignSplits(
    _ sizes: [Int], val: Double, test: Double, using random: inout SampleRandom
) -> [Split] {
    let total = Double(sizes.reduce(0, +))
    var splits = [Split](repeating: .train, count: sizes.count)
    let order = sizes.indices.shuffled(using: &random)
    for (split, fraction) in [(Split.test, test), (.val, val)] where fraction > 0 {
        let target = fraction * total
        var count = 0.0
        let free = order.filter { splits[$0] == .train }
        for group in free {
            let more = count + Double(sizes[group])
            guard abs(more - target) < abs(count - target) else { continue }
            splits[group] = split
            count = more
        }
        if count == 0, sizes.count >= 3, let smallest = free.min(by: { sizes[$0] < sizes[$1] }) {
            splits[smallest] = split
        }
    }
    // Train must not stay empty either.
    if val + test < 1, sizes.count >= 3, !splits.contains(.train),
        let group = order.first(where: { group in splits.count { $0 == splits[group] } > 1 })
    {
        splits[group] = .train
    }
    return splits
}

/// Disjoint sets of indices (union-find).
struct DisjointSets {
    private var parents: [Int]

    /// Each index is a set of its own.
    init(count: Int) {
        parents = Array(0..<count)
    }

    /// The smallest member of the set.
    mutating func root(_ member: Int) -> Int {
        var member = member
        while parents[member] != member {
            parents[member] = parents[parents[member]]
            member = parents[member]
        }
        return member
    }

    /// Unites the sets of two indices.
    mutating func unite(_ one: Int, _ other: Int) {
        let (first, second) = (root(one), root(other))
        parents[max(first, second)] = min(first, second)
    }
}
