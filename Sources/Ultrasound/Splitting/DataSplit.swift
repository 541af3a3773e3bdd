import Files
import Foundation
import Imaging

/// A division of data sets into train, val and test, not yet written.
public struct DataSplit: Sendable {
    /// What a data set was divided into.
    public struct Part: Sendable {
        /// The data set.
        public let dataset: String
        /// Pictures in each split.
        public let pictures: [Split: Int]
        /// Groups that stay together, in each split: patients, and pictures of unknown ones.
        public let groups: [Split: Int]
        /// Pictures whose patient is not known.
        public let withoutPatient: Int
    }

    /// The data sets, by name.
    public let parts: [Part]
    /// The lists: names in `MainPatient`, and contents.
    public let lists: [(name: String, text: String)]
    private let root: String

    /// Divides data sets by patient where known.
    ///
    /// Every picture in `img` has its place. Pictures of a patient stay together, and so do equal
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
        let pictures = try Self.pictures(dataSets, of: data, goesOn: goesOn)
        var parts: [Part] = []
        var lines: [DataSetLines] = []
        for dataset in dataSets {
            let own = pictures.filter { $0.sample.dataset == dataset }
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
            var files: [AtomicFile] = []
            for list in lists {
                let file = try AtomicFile("\(root)/MainPatient/\(list.name)")
                try file.append(Array(list.text.utf8))
                try file.seal()
                files.append(file)
            }
            for file in files { try file.commit() }
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

    private static func pictures(
        _ dataSets: [String], of data: UltrasoundData, goesOn: (DataCheck.Step) -> Bool
    ) throws(SplitError) -> [SplitPicture] {
        let samples = dataSets.flatMap { dataset in
            (data.folders[dataset]?.names(in: "img") ?? []).flatMap {
                data.samples(dataset: dataset, name: $0, labels: [1])
            }
        }
        guard !samples.isEmpty else {
            throw .data(.empty(root: data.root, what: "pictures in img of its data sets"))
        }
        var pictures: [SplitPicture] = []
        var problems: [String] = []
        let isDone = PictureReading.each(samples, limits: .standard) { index, facts in
            if let problem = facts.problem { problems.append("\(problem.place): \(problem.text)") }
            pictures.append(SplitPicture(sample: samples[index], facts: facts))
            return goesOn(
                DataCheck.Step(
                    done: index + 1, total: samples.count, picture: samples[index].picture))
        }
        guard isDone else { throw .interrupted }
        if let first = problems.first { throw .unusable(first: first, count: problems.count) }
        return pictures
    }

    private static func divided(
        _ pictures: [SplitPicture], _ dataset: String, _ options: SplitOptions
    ) -> (splits: [Split], part: Part) {
        var groups = Groups(count: pictures.count)
        var firsts: [GroupKey: Int] = [:]
        for (index, picture) in pictures.enumerated() {
            for key in picture.keys {
                if let first = firsts[key] { groups.join(first, index) }
                firsts[key] = firsts[key] ?? index
            }
        }
        let roots = pictures.indices.map { groups.root($0) }
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
                dataset: dataset, pictures: counts(splits), groups: counts(dealt),
                withoutPatient: pictures.count { $0.sample.patient == nil })
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
