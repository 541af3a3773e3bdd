/// Imports UDIAT, dataset B, breast lesions (Yap et al., 2018).
///
/// Files: `original/000001.png` and `GT/000001.png`.
struct UDIATImporter: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { $0.folder(["original"]) != nil && $0.folder(["GT"]) != nil }
        guard let root, let images = root.folder(["original"]), let masks = root.folder(["GT"])
        else {
            throw .wrongFormat(
                source: source.path, reason: "the folders 'original' and 'GT' are missing")
        }
        var plan = ImportPlan(classNames: ["lesion"])
        plan.add(
            PairedFiles(images: root.files(in: images), masks: root.files(in: masks)), in: root)
        return plan
    }
}
