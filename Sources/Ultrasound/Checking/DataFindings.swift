/// What the pictures of a root tell that is wrong, or worth a look.
struct DataFindings {
    private let listed: ListedData
    private let facts: [String: PictureFacts]

    init(_ listed: ListedData, _ facts: [String: PictureFacts]) {
        self.listed = listed
        self.facts = facts
    }

    var all: [DataFinding] {
        listed.order.flatMap(ofPicture) + samePictures + samePatients
    }

    private func ofPicture(_ name: String) -> [DataFinding] {
        guard let picture = listed.pictures[name], let sample = picture.sample,
            let read = facts[name]
        else { return [] }
        var findings: [DataFinding] = []
        if picture.splits.count > 1 {
            findings.append(
                DataFinding(.samePicture, name, "listed in \(words(picture.splits))"))
        }
        if let problem = read.problem { return findings + [problem] }
        let unknown = read.areas.keys.filter { $0 >= sample.classes }.sorted()
        if !unknown.isEmpty {
            findings.append(
                DataFinding(
                    .unknownLabel, name,
                    "its label has the values \(unknown.prefix(8).map(String.init).joined(separator: ", "));"
                        + " the classes are 1 to \(sample.classes - 1)"))
        }
        let labels = Set(picture.samples.values.joined().map(\.label))
        let empty = labels.filter { read.areas[$0] == nil }.sorted()
        if read.areas.keys.allSatisfy({ $0 == 0 }) {
            findings.append(DataFinding(.emptyMask, name, "its label is empty"))
        } else if !empty.isEmpty {
            let classes = empty.map(String.init).joined(separator: ", ")
            findings.append(
                DataFinding(.emptyMask, name, "its label has no pixel of class \(classes)"))
        }
        return findings
    }

    /// Other names for the same pixels, across data sets too.
    private var samePictures: [DataFinding] {
        var groups: [Fingerprint: [String]] = [:]
        for name in listed.order {
            if let pixels = facts[name]?.pixels { groups[pixels, default: []].append(name) }
        }
        return groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }.map { names in
            let places = names.map { name in
                "\(name) (\(words(listed.pictures[name]?.splits ?? [])))"
            }
            let others = places.dropFirst()
            let text =
                "the same pixels as \(others.prefix(4).joined(separator: ", "))"
                + (others.count > 4 ? " and \(others.count - 4) more" : "")
            let splits = Set(names.flatMap { listed.pictures[$0]?.splits ?? [] })
            return DataFinding(splits.count > 1 ? .samePicture : .duplicate, places[0], text)
        }
    }

    private var samePatients: [DataFinding] {
        var splits: [String: [Split: String]] = [:]
        for name in listed.order {
            guard let picture = listed.pictures[name], let sample = picture.sample,
                let patient = sample.patient
            else { continue }
            for split in picture.splits {
                let known = splits["\(sample.dataset)/\(patient)"]?[split]
                splits["\(sample.dataset)/\(patient)", default: [:]][split] = known ?? sample.name
            }
        }
        return splits.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map {
            patient, names in
            let places = Split.allCases.compactMap { split in
                names[split].map { "\(split.rawValue) (as \($0))" }
            }
            return DataFinding(
                .samePatient, patient, "has pictures in \(places.joined(separator: " and "))")
        }
    }

    private func words(_ splits: [Split]) -> String {
        splits.map(\.rawValue).joined(separator: " and ")
    }
}
