import Imaging

/// Findings from the content of images and labels.
struct DatasetFindings {
    private let listed: DatasetListing
    private let facts: [String: InspectedImage]

    init(_ listed: DatasetListing, _ facts: [String: InspectedImage]) {
        self.listed = listed
        self.facts = facts
    }

    var all: [DatasetFinding] {
        listed.order.flatMap(ofImage) + sameImages + samePatients
    }

    private func ofImage(_ name: String) -> [DatasetFinding] {
        guard let image = listed.images[name], let sample = image.sample,
            let read = facts[name]
        else { return [] }
        var findings: [DatasetFinding] = []
        if image.splits.count > 1 {
            findings.append(
                DatasetFinding(.sameImage, name, "listed in \(words(image.splits))"))
        }
        if let problem = read.problem { return findings + [problem] }
        let unknown = read.areas.keys.filter { $0 >= sample.classes }.sorted()
        if !unknown.isEmpty {
            findings.append(
                DatasetFinding(
                    .unknownLabel, name,
                    "its label has the values \(unknown.prefix(8).map(String.init).joined(separator: ", "));"
                        + " the classes are 1 to \(sample.classes - 1)"))
        }
        if let note = read.note {
            findings.append(DatasetFinding(.doubtfulLabel, name, "its label: \(note)"))
        }
        let labels = Set(image.samples.values.joined().map(\.label))
        let empty = labels.filter { read.areas[$0] == nil }.sorted()
        if read.areas.keys.allSatisfy({ $0 == 0 }) {
            findings.append(DatasetFinding(.emptyMask, name, "its label is empty"))
        } else if !empty.isEmpty {
            let classes = empty.map(String.init).joined(separator: ", ")
            findings.append(
                DatasetFinding(.emptyMask, name, "its label has no pixel of class \(classes)"))
        }
        return findings
    }

    /// Equal pixels under several names, across datasets too.
    private var sameImages: [DatasetFinding] {
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
            return DatasetFinding(splits.count > 1 ? .sameImage : .duplicate, places[0], text)
        }
    }

    private var samePatients: [DatasetFinding] {
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
            return DatasetFinding(
                .samePatient, patient, "has images in \(places.joined(separator: " and "))")
        }
    }

    private func words(_ splits: [Split]) -> String {
        splits.map(\.rawValue).joined(separator: " and ")
    }
}

/// An error or a warning about datasets.
public struct DatasetFinding: Codable, Equatable, Sendable {
    /// The kind of finding.
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
        case doubtfulLabel = "doubtful-label"
        case indexConflict = "index-conflict"
        case indexRow = "index-row"
        case sameName = "same-name"
        case otherFile = "other-file"
        case unlisted
        case absentList = "absent-list"

        /// Whether results with such data would be wrong or impossible.
        public var isError: Bool {
            switch self {
            case .badLine, .missing, .unreadable, .sizes, .unknownLabel, .sameImage,
                .samePatient, .listsDiffer, .indexConflict, .sameName:
                true
            case .repeatedLine, .duplicate, .emptyMask, .doubtfulLabel, .indexRow, .otherFile,
                .unlisted, .absentList:
                false
            }
        }
    }

    /// The kind.
    public let kind: Kind
    /// The image, patient, dataset or list.
    public let place: String
    /// One sentence.
    public let text: String

    init(_ kind: Kind, _ place: String, _ text: String) {
        self.kind = kind
        self.place = place
        self.text = text
    }
}

/// The result of a check of datasets.
public struct DatasetReport: Codable, Equatable, Sendable {
    /// One dataset.
    public struct Dataset: Codable, Equatable, Sendable {
        /// Its folder's name.
        public let name: String
        /// Its classes, background included.
        public let classes: Int
        /// Number of listed images.
        public let images: Int
        /// Number of images in no list.
        public let unlisted: Int
        /// Number of listed images with known mm per pixel.
        public let withSpacing: Int
        /// Number of listed images with a known patient.
        public let withPatient: Int
        /// Smallest and largest width of its images, in pixels; empty when none can be read.
        public let widths: [Int]
        /// Smallest and largest height.
        public let heights: [Int]
        /// Its splits; empty ones left out.
        public let splits: [Part]
    }

    /// A split of a dataset.
    public struct Part: Codable, Equatable, Sendable {
        /// Which split.
        public let split: Split
        /// Number of images.
        public let images: Int
        /// Number of known patients.
        public let patients: Int
        /// Number of samples of each class, class 1 first.
        public let samples: [Int]
        /// Number of those whose label has no pixel of the class.
        public let empty: [Int]
    }

    /// The datasets, by name.
    public let datasets: [Dataset]
    /// All findings, errors first.
    public let findings: [DatasetFinding]

    /// Findings that make results wrong or impossible.
    public var errors: [DatasetFinding] { findings.filter(\.kind.isError) }
    /// The other findings.
    public var warnings: [DatasetFinding] { findings.filter { !$0.kind.isError } }
}
