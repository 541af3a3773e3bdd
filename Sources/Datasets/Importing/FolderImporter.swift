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
                [stem] + ["_mask", "_gt", "_label", "_seg"].map { stem + $0 } + ["mask_\(stem)"]
            }
            plan.problems += files.problems
            plan.remarks += files.remarks
            pairs += files.pairs.map { ($0.image, $0.mask, split) }
        }
        let reading = try MaskReading(source, masks: pairs.map(\.mask), options.classValues)
        plan.classNames = reading.classNames
        plan.notes += reading.notes
        plan.items = pairs.map { file, mask, split in
            ImportItem(source: file, split: split) { () throws(ImportProblem) in
                guard let values = reading.classOfLevel else {
                    return [try source.image(file, name: file.stem, masks: [mask])]
                }
                return [try source.image(file, labelled: mask, values)]
            }
        }
        return plan
    }
}

/// How the values in the masks of plain folders are read.
private struct MaskReading {
    /// The class of each value; nil where each mask holds one object.
    var classOfLevel: [Int: UInt8]?
    var classNames: [String]
    var notes: [String] = []

    /// A mask with more distinct values has smooth edges, not classes.
    private static let maximumClasses = 31

    init(
        _ source: SourceFolder, masks: [String], _ classValues: [Int]
    ) throws(ImportError) {
        guard classValues.isEmpty else {
            guard Set(classValues).count == classValues.count,
                classValues.allSatisfy({ (1...255).contains($0) })
            else { throw .wrongOption("class values must be distinct numbers from 1 to 255") }
            var classes: [Int: UInt8] = [0: 0]
            for (index, value) in classValues.enumerated() { classes[value] = UInt8(index + 1) }
            classOfLevel = classes
            classNames = classValues.map { "value \($0)" }
            return
        }
        var levels: Set<Int> = []
        var colours: Set<[UInt8]> = []
        for mask in masks where mask.lowercased().hasSuffix(".png") {
            // An unreadable file is reported later.
            guard let image = try? Image.read(source.path(mask)) else { continue }
            levels.formUnion(image.levels)
            colours.formUnion(image.colours)
        }
        guard colours.count <= 1 || colours.count > Self.maximumClasses else {
            throw .wrongOption(
                "the masks hold \(colours.count) colours: grey masks whose values are the classes, or masks of"
                    + " one colour, are needed")
        }
        levels.remove(0)
        if let largest = levels.max(), largest > 1, largest <= Self.maximumClasses {
            classOfLevel = Dictionary(
                uniqueKeysWithValues: (0...largest).map { ($0, UInt8($0)) })
            classNames = (1...largest).map { "class \($0)" }
            return
        }
        guard levels.count <= 1 || levels == [1, 255] || levels.count > Self.maximumClasses else {
            throw .wrongOption(
                "the masks hold the values \(levels.sorted()): give those of class 1, 2 and so on"
                    + " with --class-values, or 255 alone for one class")
        }
        classNames = ["object"]
    }
}

extension SourceFolder {
    /// An image with a label of several classes.
    fileprivate func image(
        _ relative: String, labelled mask: String, _ classOfLevel: [Int: UInt8]
    ) throws(ImportProblem) -> ImportedImage {
        let image = try self.image(relative)
        let label = try self.image(mask)
        guard label.size == image.size else {
            throw ImportProblem(
                relative, "it has \(image.size) pixels, its mask '\(mask)' \(label.size)")
        }
        guard mask.lowercased().hasSuffix(".png") else {
            throw ImportProblem(mask, "JPEG blurs class numbers; PNG is needed")
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(image.size.area)
        for level in label.highest() {
            guard let value = classOfLevel[Int(level)] else {
                throw ImportProblem(mask, "the value \(level) is not a class")
            }
            pixels.append(value)
        }
        return ImportedImage(
            name: relative.stem, image: image,
            label: Image(width: image.width, height: image.height, channels: 1, pixels: pixels))
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
