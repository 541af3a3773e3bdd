/// What the lists of a root name, good lines and bad ones.
struct ListedData {
    /// An image and the splits that have it.
    struct ImageEntry {
        /// Its samples in each split, in the order of their classes.
        var samples: [Split: [Sample]] = [:]

        var sample: Sample? { samples.values.first?.first }
        var splits: [Split] { Split.allCases.filter { samples[$0] != nil } }
    }

    /// By `Dataset/NAME`.
    private(set) var images: [String: ImageEntry] = [:]
    /// The images in the order in which the lists name them first.
    private(set) var order: [String] = []
    private(set) var findings: [DataFinding] = []

    /// Reads all lists of a root.
    ///
    /// - Throws: ``DataError`` when a list cannot be read at all, or there is none.
    init(_ data: UltrasoundData) throws(DataError) {
        let lists = DataList.all(root: data.root)
        guard !lists.isEmpty else {
            throw .empty(root: data.root, what: "list: MainPatient/train.txt and so on are needed")
        }
        var samples: [DataList: Set<Sample>] = [:]
        for list in lists {
            let found = try read(list, of: data)
            samples[list] = Set(found)
            for sample in found { add(sample, to: list.split) }
        }
        for split in Split.allCases {
            compare(lists.filter { $0.split == split }, samples, split, data)
        }
    }

    private mutating func read(
        _ list: DataList, of data: UltrasoundData
    ) throws(DataError) -> [Sample] {
        var samples: [Sample] = []
        var seen: Set<Sample> = []
        for line in try LayoutFile.lines(list.path) {
            do throws(DataError) {
                let named = try data.samples(of: line.text, number: line.number, path: list.name)
                let fresh = named.filter { seen.insert($0).inserted }
                if fresh.count < named.count {
                    findings.append(
                        DataFinding(
                            .repeatedLine, "\(list.name):\(line.number)",
                            "'\(line.text)' is there twice and counts twice"))
                }
                samples += fresh
                guard samples.count <= UltrasoundData.mostSamples else {
                    throw .unreadable(
                        path: list.path,
                        reason: "it has more than \(UltrasoundData.mostSamples) samples")
                }
                if let own = list.dataset, let dataset = named.first?.dataset,
                    data.known(own) != dataset
                {
                    findings.append(
                        DataFinding(
                            .badLine, "\(list.name):\(line.number)",
                            "'\(line.text)' is not of '\(own)'"))
                }
            } catch {
                findings.append(
                    DataFinding(.badLine, "\(list.name):\(line.number)", "\(error)"))
            }
        }
        return samples
    }

    private mutating func add(_ sample: Sample, to split: Split) {
        if images[sample.image] == nil { order.append(sample.image) }
        var image = images[sample.image] ?? ImageEntry()
        var samples = image.samples[split] ?? []
        if !samples.contains(where: { $0.label == sample.label }) {
            samples.append(sample)
            image.samples[split] = samples.sorted { $0.label < $1.label }
        }
        images[sample.image] = image
    }

    /// The list of all against those of the data sets.
    private mutating func compare(
        _ lists: [DataList], _ samples: [DataList: Set<Sample>], _ split: Split,
        _ data: UltrasoundData
    ) {
        if lists.isEmpty {
            findings.append(
                DataFinding(.absentList, "\(split.rawValue).txt", "there is no such list"))
        }
        guard let all = lists.first(where: { $0.dataset == nil }), let named = samples[all] else {
            return
        }
        for list in lists {
            guard let dataset = list.dataset.flatMap(data.known), let own = samples[list] else {
                continue
            }
            let inAll = named.filter { $0.dataset == dataset }
            let differences = [
                ("lacks", own.subtracting(inAll), "of '\(list.name)'"),
                ("has", inAll.subtracting(own), "that '\(list.name)' lacks"),
            ]
            for (verb, samples, which) in differences {
                guard let example = samples.map(\.id).min() else { continue }
                // A set that the list of all leaves out whole, as one only for testing, is meant.
                let kind: DataFinding.Kind = inAll.isEmpty ? .absentList : .listsDiffer
                findings.append(
                    DataFinding(
                        kind, all.name, "\(verb) \(samples.count) samples \(which), as \(example)"))
            }
        }
    }
}
