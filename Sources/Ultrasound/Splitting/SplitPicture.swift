/// A picture to be divided.
struct SplitPicture {
    let sample: Sample
    let facts: PictureFacts

    /// What ties it to others.
    var keys: [GroupKey] {
        [sample.patient.map(GroupKey.patient), facts.pixels.map(GroupKey.pixels)].compactMap { $0 }
    }
}

/// What two pictures share that must stay together.
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
    ///   - pictures: in order.
    ///   - splits: of each picture.
    init(_ dataset: String, _ classes: Int, _ pictures: [SplitPicture], _ splits: [Split]) {
        self.dataset = dataset
        let writer = ImportedLists(root: "", dataset: dataset, classCount: classes)
        var lines: [Split: [String]] = [:]
        for (picture, split) in zip(pictures, splits) {
            let entry = ImportedLists.Entry(
                name: picture.sample.name, split: split,
                classes: (1..<classes).filter { picture.facts.areas[$0] != nil })
            lines[split, default: []] += writer.lines(entry)
        }
        self.lines = lines
    }
}
