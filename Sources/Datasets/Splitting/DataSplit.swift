import FileIO
import Foundation
import Imaging

/// A division of data sets into train, val and test, not yet written.
public struct DataSplit: Sendable {
    /// What a data set was divided into.
    public struct Part: Sendable {
        /// The data set.
        public let dataset: String
        /// Images in each split.
        public let images: [Split: Int]
        /// Groups that stay together, in each split: patients, and images of unknown ones.
        public let groups: [Split: Int]
        /// Images whose patient is not known.
        public let withoutPatient: Int
    }

    /// The data sets, by name.
    public let parts: [Part]
    /// The lists: names in `MainPatient`, and contents.
    public let lists: [(name: String, text: String)]
    private let root: String

    /// Divides data sets by patient where known.
    ///
    /// Every image in `img` has its place. Images of a patient stay together, and so do equal
    /// ones. Each data set is divided by itself; the same seed gives the same lists. Nothing is
    /// written.
    ///
    /// - Parameters:
    ///   - data: the data sets.
    ///   - options: shares, seed, which sets.
    ///   - goesOn: told how far it is; false stops.
    /// - Throws: ``SplitError``, as when lists are there that are not to be replaced.
    public init(
        _ data: UltrasoundData, options: SplitOptions = SplitOptions(),
        goesOn: (DataCheck.Step) -> Bool = { _ in true }
    ) throws(SplitError) {
        root = data.root
        let dataSets = try Self.dataSets(options.dataSets, of: data)
        let existing = DataList.all(root: data.root)
        if !options.replaces && !existing.isEmpty {
            throw .listsExist(existing.map(\.name))
        }
        let images = try Self.images(dataSets, of: data, goesOn: goesOn)
        var parts: [Part] = []
        var lines: [DataSetLines] = []
        for dataset in dataSets {
            let own = images.filter { $0.sample.dataset == dataset }
            let (splits, part) = Self.divided(own, dataset, options)
            parts.append(part)
            lines.append(DataSetLines(dataset, data.classes[dataset] ?? 2, own, splits))
        }
        self.parts = parts
        lists = try Self.lists(lines, replacing: existing, data)
    }

    /// Writes the lists; all are on the disk before the first takes its name.
    ///
    /// - Throws: ``SplitError/cannotWrite(path:reason:)``; older lists are then as they were.
    public func write() throws(SplitError) {
        do throws(FileError) {
            var files = AtomicFileSet()
            for list in lists {
                try files.add(Array(list.text.utf8), at: "\(root)/MainPatient/\(list.name)")
            }
            try files.commit()
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
    }

    private static func dataSets(
        _ names: [String], of data: UltrasoundData
    ) throws(SplitError) -> [String] {
        guard !names.isEmpty else { return data.classes.keys.sorted() }
        var known: Set<String> = []
        for name in names {
            guard let dataset = data.known(name) else {
                let all = data.classes.keys.sorted().joined(separator: ", ")
                throw .data(
                    .empty(root: data.root, what: "data set '\(name)'; class.json has \(all)"))
            }
            known.insert(dataset)
        }
        return known.sorted()
    }

    private static func images(
        _ dataSets: [String], of data: UltrasoundData, goesOn: (DataCheck.Step) -> Bool
    ) throws(SplitError) -> [SplitImage] {
        let samples = dataSets.flatMap { dataset in
            (data.folders[dataset]?.names(in: "img") ?? []).flatMap {
                data.samples(dataset: dataset, name: $0, labels: [1])
            }
        }
        guard !samples.isEmpty else {
            throw .data(.empty(root: data.root, what: "images in img of its data sets"))
        }
        var images: [SplitImage] = []
        var problems: [String] = []
        let isDone = ImageReading.each(samples, limits: .standard) { index, facts in
            if let problem = facts.problem { problems.append("\(problem.place): \(problem.text)") }
            images.append(SplitImage(sample: samples[index], facts: facts))
            return goesOn(
                DataCheck.Step(
                    done: index + 1, total: samples.count, image: samples[index].image))
        }
        guard isDone else { throw .interrupted }
        if let first = problems.first { throw .unusable(first: first, count: problems.count) }
        return images
    }

    private static func divided(
        _ images: [SplitImage], _ dataset: String, _ options: SplitOptions
    ) -> (splits: [Split], part: Part) {
        var groups = Groups(count: images.count)
        var firsts: [GroupKey: Int] = [:]
        for (index, image) in images.enumerated() {
            for key in image.keys {
                if let first = firsts[key] { groups.join(first, index) }
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
        let dealt = Dealing.deal(sizes, val: options.val, test: options.test, using: &random)
        let bySplit = Dictionary(uniqueKeysWithValues: zip(members, dealt))
        let splits = roots.map { bySplit[$0] ?? .train }
        func counts(_ splits: [Split]) -> [Split: Int] {
            Dictionary(splits.map { ($0, 1) }, uniquingKeysWith: +)
        }
        return (
            splits,
            Part(
                dataset: dataset, images: counts(splits), groups: counts(dealt),
                withoutPatient: images.count { $0.sample.patient == nil })
        )
    }

    private static func lists(
        _ lines: [DataSetLines], replacing existing: [DataList], _ data: UltrasoundData
    ) throws(SplitError) -> [(name: String, text: String)] {
        let replaced = Set(lines.map(\.dataset))
        var files: [(name: String, text: String)] = []
        func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
        for split in Split.allCases {
            var all: [String] = []
            let lists = existing.filter { $0.split == split }
            let ofAll = lists.filter { $0.dataset == nil }
            // Without a list of all the new one would hide the lists of the other sets.
            for list in ofAll.isEmpty ? lists : ofAll {
                do throws(DataError) {
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
                // The other name of a set with two would still hold the older lines.
                files += names.dropFirst().map { ($0, text(own)) }
            }
        }
        return files
    }
}

/// How images are divided.
public struct SplitOptions: Equatable, Sendable {
    /// Share of a data set's images in val, 0 to 1.
    public var val = 0.1
    /// Share of a data set's images in test, 0 to 1.
    public var test = 0.2
    /// Of the order in which patients are dealt out.
    public var seed: UInt64 = 0
    /// The data sets; all of them when empty.
    public var dataSets: [String] = []
    /// Whether lists that are there are replaced.
    public var replaces = false

    /// A tenth for val, a fifth for test, all data sets, no list replaced.
    public init() {}
}

/// Why data sets cannot be divided.
public enum SplitError: Error, Equatable, Sendable {
    /// The data cannot be read.
    case data(DataError)
    /// There are lists, and they were not to be replaced.
    case listsExist([String])
    /// Images or labels cannot be used.
    case unusable(first: String, count: Int)
    /// A list cannot be written.
    case cannotWrite(path: String, reason: String)
    /// The caller stopped it.
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
                + "): --force replaces them; a published split is better kept (--set NAME divides"
                + " one data set)"
        case .unusable(let first, let count):
            "\(count) images or labels cannot be used, nothing was written; the first: \(first)"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted: "stopped; nothing was written"
        }
    }
}

/// An image to be divided.
struct SplitImage {
    let sample: Sample
    let facts: SampleFacts

    /// What ties it to others.
    var keys: [GroupKey] {
        [sample.patient.map(GroupKey.patient), facts.pixels.map(GroupKey.pixels)].compactMap { $0 }
    }
}

/// What two images share that must stay together.
enum GroupKey: Hashable {
    case patient(String)
    case pixels(Fingerprint)
}

/// The lines of one data set.
struct DataSetLines {
    let dataset: String
    let lines: [Split: [String]]

    /// - Parameters:
    ///   - dataset: its name.
    ///   - classes: background included.
    ///   - images: in order.
    ///   - splits: of each image.
    init(_ dataset: String, _ classes: Int, _ images: [SplitImage], _ splits: [Split]) {
        self.dataset = dataset
        let writer = ImportedLists(root: "", dataset: dataset, classCount: classes)
        var lines: [Split: [String]] = [:]
        for (image, split) in zip(images, splits) {
            let entry = ImportedLists.Entry(
                name: image.sample.name, split: split,
                classes: (1..<classes).filter { image.facts.areas[$0] != nil })
            lines[split, default: []] += writer.lines(entry)
        }
        self.lines = lines
    }
}

/// Dividing groups that must stay together.
enum Dealing {
    /// Deals groups out to test, val and train.
    ///
    /// In a random order each goes to test while that brings its number of images nearer to its
    /// share, then to val by the same rule, else to train. With three groups or more no split that
    /// has a share stays empty.
    ///
    /// - Parameters:
    ///   - sizes: images of each group.
    ///   - val: share of the images, 0 to 1.
    ///   - test: share of the images, 0 to 1; with `val` at most 1.
    ///   - random: of the order.
    /// - Returns: the split of each group.
    static func deal(
        _ sizes: [Int], val: Double, test: Double, using random: inout SampleRandom
    ) -> [Split] {
        let total = Double(sizes.reduce(0, +))
        var splits = [Split](repeating: .train, count: sizes.count)
        let order = sizes.indices.shuffled(using: &random)
        for (split, share) in [(Split.test, test), (.val, val)] where share > 0 {
            let wanted = share * total
            var count = 0.0
            let free = order.filter { splits[$0] == .train }
            for group in free {
                let more = count + Double(sizes[group])
                guard abs(more - wanted) < abs(count - wanted) else { continue }
                splits[group] = split
                count = more
            }
            if count == 0, sizes.count >= 3, let smallest = free.min(by: { sizes[$0] < sizes[$1] })
            {
                splits[smallest] = split
            }
        }
        // Train is not left empty where it has a share either.
        if val + test < 1, sizes.count >= 3, !splits.contains(.train),
            let group = order.first(where: { group in splits.count { $0 == splits[group] } > 1 })
        {
            splits[group] = .train
        }
        return splits
    }
}

/// Numbers joined into groups.
struct Groups {
    private var parents: [Int]

    /// Each number its own group.
    init(count: Int) {
        parents = Array(0..<count)
    }

    /// The number that stands for a group.
    mutating func root(_ member: Int) -> Int {
        var member = member
        while parents[member] != member {
            parents[member] = parents[parents[member]]
            member = parents[member]
        }
        return member
    }

    /// Makes two groups one.
    mutating func join(_ one: Int, _ other: Int) {
        let (first, second) = (root(one), root(other))
        parents[max(first, second)] = min(first, second)
    }
}
