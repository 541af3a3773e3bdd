/// Pictures and the masks that belong to them by their names.
struct PairedFiles {
    var pairs: [(picture: String, mask: String)] = []
    var problems: [ImportProblem] = []
    var remarks: [ImportProblem] = []

    /// - Parameters:
    ///   - pictures: files, of which those that are no pictures are passed over.
    ///   - masks: files, likewise.
    ///   - keys: what a mask may be called, without extension, for a picture's name.
    init(pictures: [String], masks: [String], keys: (String) -> [String] = { [$0] }) {
        var byStem: [String: String] = [:]
        for mask in masks {
            guard mask.isPicture else {
                remarks.append(ImportProblem(mask, "no picture; passed over"))
                continue
            }
            byStem[mask.stem.lowercased()] = mask
        }
        var used: Set<String> = []
        for picture in pictures {
            guard picture.isPicture else {
                remarks.append(ImportProblem(picture, "no picture; passed over"))
                continue
            }
            let names = keys(picture.stem)
            guard let mask = names.compactMap({ byStem[$0.lowercased()] }).first else {
                problems.append(
                    ImportProblem(picture, "it has no mask; '\(names[0])' is looked for"))
                continue
            }
            used.insert(mask)
            pairs.append((picture, mask))
        }
        for mask in masks where mask.isPicture && !used.contains(mask) {
            problems.append(ImportProblem(mask, "the picture of this mask is missing"))
        }
    }
}

extension ImportPlan {
    /// Takes over pairs of pictures and masks of one object.
    ///
    /// - Parameters:
    ///   - files: the pairs.
    ///   - folder: where they lie.
    ///   - prefix: before each name, where two folders use the same names.
    ///   - split: of all of them.
    mutating func add(
        _ files: PairedFiles, in folder: SourceFolder, prefix: String = "", split: Split? = nil
    ) {
        problems += files.problems
        remarks += files.remarks
        items += files.pairs.map { picture, mask in
            ImportItem(source: picture, split: split) { () throws(ImportProblem) in
                [try folder.picture(picture, name: prefix + picture.stem, masks: [mask])]
            }
        }
    }
}
