import Imaging

/// What the images of a root tell that is wrong, or worth a look.
struct DataFindings {
    private let listed: ListedData
    private let facts: [String: SampleFacts]

    init(_ listed: ListedData, _ facts: [String: SampleFacts]) {
        self.listed = listed
        self.facts = facts
    }

    var all: [DataFinding] {
        listed.order.flatMap(ofImage) + sameImages + samePatients
    }

    private func ofImage(_ name: String) -> [DataFinding] {
        guard let image = listed.images[name], let sample = image.sample,
            let read = facts[name]
        else { return [] }
        var findings: [DataFinding] = []
        if image.splits.count > 1 {
            findings.append(
                DataFinding(.sameImage, name, "listed in \(words(image.splits))"))
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
        let labels = Set(image.samples.values.joined().map(\.label))
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
    private var sameImages: [DataFinding] {
        var groups: [Fingerprint: [String]] = [:]
        for name in listed.order {
            if let pixels = facts[name]?.pixels { groups[pixels, default: []].append(name) }
        }
        return groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }.map { names in
            let places = names.map { name in
                "\(name) (\(words(listed.images[name]?.splits ?? [])))"
            }
            let others = places.dropFirst()
            let text =
                "the same pixels as \(others.prefix(4).joined(separator: ", "))"
                + (others.count > 4 ? " and \(others.count - 4) more" : "")
            let splits = Set(names.flatMap { listed.images[$0]?.splits ?? [] })
            return DataFinding(splits.count > 1 ? .sameImage : .duplicate, places[0], text)
        }
    }

    private var samePatients: [DataFinding] {
        var splits: [String: [Split: String]] = [:]
        for name in listed.order {
            guard let image = listed.images[name], let sample = image.sample,
                let patient = sample.patient
            else { continue }
            for split in image.splits {
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
                .samePatient, patient, "has images in \(places.joined(separator: " and "))")
        }
    }

    private func words(_ splits: [Split]) -> String {
        splits.map(\.rawValue).joined(separator: " and ")
    }
}

/// Something that is wrong with data sets, or worth a look.
public struct DataFinding: Codable, Equatable, Sendable {
    /// What it is.
    public enum Kind: String, Codable, CaseIterable, Sendable {
        case badLine = "bad-line"
        case missing
        case unreadable
        case sizes
        case unknownLabel = "unknown-label"
        case sameImage = "same-image-in-two-splits"
        case samePatient = "same-patient-in-two-splits"
        case listsDiffer = "lists-differ"
        case repeatedLine = "repeated-line"
        case duplicate = "duplicate-in-split"
        case emptyMask = "empty-mask"
        case unlisted
        case absentList = "absent-list"

        /// Whether figures made with such data would be wrong, or could not be made.
        public var isError: Bool {
            switch self {
            case .badLine, .missing, .unreadable, .sizes, .unknownLabel, .sameImage,
                .samePatient, .listsDiffer:
                true
            case .repeatedLine, .duplicate, .emptyMask, .unlisted, .absentList: false
            }
        }
    }

    /// What it is.
    public let kind: Kind
    /// The image, patient, data set or list.
    public let place: String
    /// What was found there.
    public let text: String

    init(_ kind: Kind, _ place: String, _ text: String) {
        self.kind = kind
        self.place = place
        self.text = text
    }
}

/// What a check of data sets found.
public struct DataReport: Codable, Equatable, Sendable {
    /// One data set.
    public struct DataSet: Codable, Equatable, Sendable {
        /// Its folder's name.
        public let name: String
        /// Its classes, background included.
        public let classes: Int
        /// Images that a list names.
        public let images: Int
        /// Images on the disk that no list names.
        public let unlisted: Int
        /// Listed images with known mm per pixel.
        public let measured: Int
        /// Listed images whose patient is known.
        public let withPatient: Int
        /// Smallest and largest width of its images, in pixels; empty when none can be read.
        public let widths: [Int]
        /// Smallest and largest height.
        public let heights: [Int]
        /// What it has in each split that has any of it.
        public let splits: [Part]
    }

    /// A split of a data set.
    public struct Part: Codable, Equatable, Sendable {
        /// Which split.
        public let split: Split
        /// Images.
        public let images: Int
        /// Known patients.
        public let patients: Int
        /// Samples of each class, the first of class 1: lines that name it.
        public let samples: [Int]
        /// Of these, samples whose label has no pixel of the class.
        public let empty: [Int]
    }

    /// The data sets, by name.
    public let dataSets: [DataSet]
    /// All that was found, what is most serious first.
    public let findings: [DataFinding]

    /// What makes figures wrong or impossible.
    public var errors: [DataFinding] { findings.filter(\.kind.isError) }
    /// What is worth a look.
    public var warnings: [DataFinding] { findings.filter { !$0.kind.isError } }
}
