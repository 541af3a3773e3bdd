import FileIO

/// The content of all lists, with findings about their lines.
struct DatasetListing {
    /// An image and the splits that list it.
    struct ImageEntry {
        /// Its samples in each split, in the order of their classes.
        var samples: [Split: [Sample]] = [:]

        var sample: Sample? { samples.values.first?.first }
        var splits: [Split] { Split.allCases.filter { samples[$0] != nil } }
    }

    /// By `Dataset/NAME`.
    private(set) var images: [String: ImageEntry] = [:]
    /// The images in the order of their first mention.
    private(set) var order: [String] = []
    private(set) var findings: [DatasetFinding] = []

    /// Reads all lists of a root.
    ///
    /// - Throws: ``DatasetError`` when a list cannot be read, or there is none.
    init(_ data: DatasetCollection) throws(DatasetError) {
        let lists = DatasetList.all(root: data.root)
        guard !lists.isEmpty else {
            throw .empty(root: data.root, what: "list: MainPatient/train.txt and so on are needed")
        }
        var samples: [DatasetList: Set<Sample>] = [:]
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
        _ list: DatasetList, of data: DatasetCollection
    ) throws(DatasetError) -> [Sample] {
        var samples: [Sample] = []
        var seen: Set<Sample> = []
        for line in try LayoutFile.lines(list.path) {
            do throws(DatasetError) {
                let named = try data.samples(of: line.text, number: line.number, path: list.name)
                let fresh = named.filter { seen.insert($0).inserted }
                if fresh.count < named.count {
                    findings.append(
                        DatasetFinding(
                            .repeatedLine, "\(list.name):\(line.number)",
                            "'\(line.text)' is repeated and counts twice"))
                }
                samples += fresh
                guard samples.count <= DatasetCollection.maximumSamples else {
                    throw .unreadable(
                        path: list.path,
                        reason: "it has more than \(DatasetCollection.maximumSamples) samples")
                }
                if let own = list.dataset, let dataset = named.first?.dataset,
                    data.known(own) != dataset
                {
                    findings.append(
                        DatasetFinding(
                            .badLine, "\(list.name):\(line.number)",
                            "'\(line.text)' is not of '\(own)'"))
                }
            } catch {
                findings.append(
                    DatasetFinding(.badLine, "\(list.name):\(line.number)", "\(error)"))
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

    /// Compares the common list with the lists of the datasets.
    private mutating func compare(
        _ lists: [DatasetList], _ samples: [DatasetList: Set<Sample>], _ split: Split,
        _ data: DatasetCollection
    ) {
        if lists.isEmpty {
            findings.append(
                DatasetFinding(.absentList, "\(split.rawValue).txt", "there is no such list"))
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
                // Leaving out a whole dataset, such as one only for testing, is not an error.
                let kind: DatasetFinding.Kind = inAll.isEmpty ? .absentList : .listsDiffer
                findings.append(
                    DatasetFinding(
                        kind, all.name,
                        "\(verb) \(counted(samples.count, "sample")) \(which), as \(example)"))
            }
        }
    }
}
