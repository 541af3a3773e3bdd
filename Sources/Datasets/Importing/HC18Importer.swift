import Imaging

/// Imports HC18, heads of fetuses (van den Heuvel et al., 2018).
///
/// Files: `training_set/001_HC.png`, `001_HC_Annotation.png` (the outline of the head, which is
/// filled) and `training_set_pixel_size_and_HC.csv`.
///
/// `010_2HC.png` and `010_HC.png` belong to one patient. The test set has no annotations and is
/// skipped.
struct HC18Importer: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        func annotated(_ folder: SourceFolder) -> Bool {
            folder.files().contains { $0.hasSuffix("_Annotation.png") }
        }
        guard let root = source.nearest(where: annotated) else {
            throw .wrongFormat(source: source.path, reason: "there is no '001_HC_Annotation.png'")
        }
        let table = "training_set_pixel_size_and_HC.csv"
        let places = [
            root, source, SourceFolder(path: root.path("..")),
            SourceFolder(path: source.path("..")),
        ]
        let home = places.first { $0.file(table) != nil }
        let rows = try home?.table(table, key: "filename")

        var plan = ImportPlan(
            classNames: ["head"], detailColumns: ["head_circumference_mm"])
        if rows == nil { plan.notes.append("\(table) is missing: mm per pixel is unknown") }
        let files = root.files()
        let pairs = PairedFiles(
            images: files.filter { $0.isImage && !$0.stem.hasSuffix("_Annotation") },
            masks: files.filter { $0.isImage && $0.stem.hasSuffix("_Annotation") }
        ) { ["\($0)_Annotation"] }
        plan.problems = pairs.problems
        for (image, outline) in pairs.pairs {
            let row = rows?[image.lastComponent]
            let size = row?["pixel size(mm)"].flatMap { Double($0) }.flatMap {
                $0 > 0 && $0.isFinite ? PixelSpacing(x: $0, y: $0) : nil
            }
            if rows != nil && size == nil {
                plan.remarks.append(ImportProblem(image, "\(table) gives no pixel size for it"))
            }
            var item = ImportItem(source: image) { () throws(ImportProblem) in
                [try Self.read(image, outline: outline, in: root, spacing: size)]
            }
            item.patient = image.stem.split(separator: "_").first.map { "hc18_\($0)" }
            item.details["head_circumference_mm"] = row?["head circumference (mm)"]
            plan.items.append(item)
        }
        return plan
    }

    private static func read(
        _ image: String, outline: String, in root: SourceFolder, spacing: PixelSpacing?
    ) throws(ImportProblem) -> ImportedImage {
        var result = try root.image(
            image, name: image.stem, masks: [outline], spacing: spacing)
        let drawn = Mask(
            width: result.label.width, height: result.label.height, values: result.label.pixels)
        guard let head = drawn.filledConvexOutline() else {
            throw ImportProblem(outline, "the outline is not closed: it cannot be filled")
        }
        result.label.pixels = head.values
        return result
    }
}
