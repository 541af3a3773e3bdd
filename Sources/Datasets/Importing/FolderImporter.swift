import Imaging

/// Imports plain folders of images and masks.
///
/// Files: `images/NAME.*` and `masks/NAME.png`, also below `train`, `val` and `test`.
///
/// Masks hold class numbers, one object in a single other value, or the values given by the user.
/// This is decided for all masks together.
struct FolderImporter: Importer {
    private static let imageNames = ["images", "image", "imgs", "img", "original"]
    private static let maskNames = ["masks", "mask", "labels", "label", "gt", "annotations"]

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        func isRight(_ folder: SourceFolder) -> Bool {
            folder.folder(Self.imageNames) != nil && folder.folder(Self.maskNames) != nil
        }
        var parts: [(folder: String, split: Split?)] = []
        if isRight(source) { parts.append(("", nil)) }
        for folder in source.folders() where isRight(SourceFolder(path: source.path(folder))) {
            parts.append((folder, Split(folderNamed: folder)))
        }
        guard !parts.isEmpty else {
            throw .wrongFormat(
                source: source.path, reason: "the folders 'images' and 'masks' are missing")
        }
        var plan = ImportPlan(classNames: [])
        plan.hasSplit = parts.contains { $0.split != nil }
        var pairs: [(image: String, mask: String, split: Split?)] = []
        for (folder, split) in parts {
            guard let images = source.folder(Self.imageNames, in: folder),
                let masks = source.folder(Self.maskNames, in: folder)
            else { continue }
            let files = PairedFiles(
                images: source.files(in: images), masks: source.files(in: masks)
            ) { stem in
                [stem] + ["_mask", "_gt", "_label", "_seg", ".mask"].map { stem + $0 } + [
                    "mask_\(stem)"
                ]
            }
            plan.problems += files.problems
            plan.remarks += files.remarks
            pairs += files.pairs.map { ($0.image, $0.mask, split) }
        }
        let reading = try MaskReading(source, masks: pairs.map(\.mask), options.classValues)
        plan.classNames = reading.classNames
        plan.items = pairs.map { file, mask, split in
            ImportItem(source: file, split: split) { () throws(ImportProblem) in
                switch reading.kind {
                case .object(let fullValue):
                    [
                        try source.image(
                            file, name: file.stem, masks: [mask], fullValue: fullValue)
                    ]
                case .classes(let classOfValue):
                    [try source.image(file, labelled: mask, classOfValue)]
                }
            }
        }
        return plan
    }
}

/// How the values in the masks of plain folders are read.
private struct MaskReading {
    enum Kind {
        /// Each mask holds one object; the value of a pixel that is wholly inside, where given.
        case object(fullValue: Int?)
        /// The class of each value.
        case classes([Int: UInt8])
    }

    let kind: Kind
    let classNames: [String]

    init(
        _ source: SourceFolder, masks: [String], _ classValues: [Int]
    ) throws(ImportError) {
        guard classValues.isEmpty else {
            guard Set(classValues).count == classValues.count, classValues.count <= 255,
                classValues.allSatisfy({ (1...65535).contains($0) })
            else { throw .wrongOption("class values must be distinct numbers from 1 to 65535") }
            classNames = classValues.map { "value \($0)" }
            guard classValues.count > 1 else {
                kind = .object(fullValue: classValues[0])
                return
            }
            var classes: [Int: UInt8] = [0: 0]
            for (index, value) in classValues.enumerated() { classes[value] = UInt8(index + 1) }
            kind = .classes(classes)
            return
        }
        let found = try Self.values(source, masks)
        let largest = found.levels.max() ?? 0
        if largest > 1, largest <= LabelValues.largestClassNumber {
            kind = .classes(Dictionary(uniqueKeysWithValues: (0...largest).map { ($0, UInt8($0)) }))
            classNames = (1...largest).map { "class \($0)" }
            return
        }
        let flat = found.flat.sorted()
        guard
            flat.count <= 1 || flat == [1, 255]
                || found.levels.count > LabelValues.largestClassNumber
        else {
            throw .wrongOption(
                "the masks hold the values \(flat.map(String.init).joined(separator: ", ")): give"
                    + " --class-values with those of class 1, 2 and so on, or"
                    + " --class-values \(largest) alone if all are one class")
        }
        kind = .object(fullValue: nil)
        classNames = ["object"]
    }

    /// All values of the PNG masks, and those that look like classes.
    private static func values(
        _ source: SourceFolder, _ masks: [String]
    ) throws(ImportError) -> (levels: Set<Int>, flat: Set<Int>) {
        var levels: Set<Int> = []
        var flat: Set<Int> = []
        var colours = 0
        for mask in masks {
            // An unreadable file is reported later.
            guard let label = try? source.labelValues(mask), !label.isLossy else { continue }
            levels.formUnion(label.levels)
            flat.formUnion(label.flatLevels)
            colours = max(colours, label.colours)
        }
        guard colours <= 1 || colours > LabelValues.largestClassNumber else {
            throw .wrongOption(
                "the masks hold \(colours) colours: grey or palette masks whose values are the"
                    + " classes, or masks of one colour, are needed")
        }
        return (levels, flat)
    }
}

extension SourceFolder {
    /// An image with a label of several classes.
    fileprivate func image(
        _ relative: String, labelled mask: String, _ classOfValue: [Int: UInt8]
    ) throws(ImportProblem) -> ImportedImage {
        let image = try self.image(relative)
        try checkOrientation(of: relative, masks: [mask])
        let label = try labelValues(mask)
        guard label.size == image.size else {
            throw ImportProblem(
                relative, "it has \(image.size) pixels, its mask '\(mask)' \(label.size)")
        }
        guard !label.isLossy else {
            throw ImportProblem(mask, "JPEG blurs class numbers; PNG is needed")
        }
        if let unknown = label.levels.first(where: { classOfValue[$0] == nil }) {
            throw ImportProblem(mask, "the value \(unknown) is not a class")
        }
        return ImportedImage(
            name: relative.stem, image: image,
            label: Image(
                width: image.width, height: image.height, channels: 1,
                pixels: label.values.map { classOfValue[Int($0)] ?? 0 }))
    }
}

extension Split {
    /// The split from the name of a folder or file, such as `train`, `valid` or `test2017`; else nil.
    init?(folderNamed path: String) {
        let words = path.stem.lowercased().split { !$0.isLetter }
        let splits: [Substring: Split] = [
            "train": .train, "training": .train, "val": .val, "valid": .val, "validation": .val,
            "test": .test, "testing": .test,
        ]
        guard let split = words.compactMap({ splits[$0] }).first else { return nil }
        self = split
    }
}
