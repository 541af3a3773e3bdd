import Foundation

/// Imports TN3K, thyroid nodules (Gong et al., 2021).
///
/// Files: `trainval-image/0000.jpg`, `trainval-mask/0000.jpg`, likewise `test-`, and
/// `tn3k-trainval-fold0.json` to `…4.json` with indices of the images of `trainval`.
struct TN3KImporter: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { $0.folder(["trainval-image"]) != nil }
        guard let root else {
            throw .wrongFormat(
                source: source.path, reason: "there is no folder 'trainval-image'")
        }
        let fold = options.fold ?? 0
        var plan = ImportPlan(classNames: ["nodule"])
        for part in ["trainval", "test"] {
            guard let images = root.folder(["\(part)-image"]) else {
                plan.notes.append("the folder '\(part)-image' is missing")
                continue
            }
            let masks = root.folder(["\(part)-mask"]).map { root.files(in: $0) } ?? []
            let imageFiles = root.files(in: images)
            var files = PairedFiles(images: imageFiles, masks: masks)
            guard part == "trainval" else {
                plan.add(files, in: root, prefix: "test_", split: .test)
                continue
            }
            if options.fold != nil && root.file("tn3k-trainval-fold\(fold).json") == nil {
                throw .wrongOption("there is no tn3k-trainval-fold\(fold).json")
            }
            let splits = try root.numberedSplits(
                "tn3k-trainval-fold\(fold).json", of: imageFiles.filter(\.isImage), &files)
            plan.hasSplit = splits != nil
            let first = plan.items.count
            plan.add(files, in: root, prefix: "trainval_")
            plan.take(splits, from: first)
        }
        plan.notes.append(
            plan.hasSplit
                ? "split of tn3k-trainval-fold\(fold).json"
                : "tn3k-trainval-fold\(fold).json is missing: all of 'trainval' is in train")
        // Without the folds the test set is still the published one.
        plan.hasSplit = plan.hasSplit || plan.items.contains { $0.split == .test }
        return plan
    }
}

/// Imports TG3K, thyroid glands (Gong et al., 2022).
///
/// Files: `thyroid-image/0000.jpg`, `thyroid-mask/0000.jpg`, and `tg3k-trainval.json` with indices
/// of the images.
struct TG3KImporter: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { $0.folder(["thyroid-image"]) != nil }
        guard let root, let images = root.folder(["thyroid-image"]) else {
            throw .wrongFormat(source: source.path, reason: "there is no folder 'thyroid-image'")
        }
        let masks = root.folder(["thyroid-mask"]).map { root.files(in: $0) } ?? []
        let imageFiles = root.files(in: images)
        var files = PairedFiles(images: imageFiles, masks: masks)
        let splits = try root.numberedSplits(
            "tg3k-trainval.json", of: imageFiles.filter(\.isImage), &files)
        var plan = ImportPlan(classNames: ["thyroid gland"], hasSplit: splits != nil)
        plan.add(files, in: root)
        plan.take(splits, from: 0)
        if splits != nil {
            plan.notes.append(
                "split of tg3k-trainval.json: it splits videos by frame, so that neighbouring frames"
                    + " can be in train and val: validation results look better than they are")
        }
        return plan
    }
}

extension SourceFolder {
    /// Reads splits as TN3K and TG3K store them: `{"train": [0, 5, …], "val": […]}`, with indices into
    /// the sorted list of images.
    ///
    /// - Parameters:
    ///   - name: name of the JSON file.
    ///   - imageFiles: the sorted images.
    ///   - files: where wrong indices are reported.
    /// - Returns: each image's split; nil where there is no such file.
    /// - Throws: ``ImportError`` when the file does not have this format.
    fileprivate func numberedSplits(
        _ name: String, of imageFiles: [String], _ files: inout PairedFiles
    ) throws(ImportError) -> [String: Split]? {
        guard let file = file(name) else { return nil }
        let lists: [String: [Int]]
        do {
            lists = try JSONDecoder().decode(
                [String: [Int]].self, from: try data(file, limit: 16 << 20))
        } catch {
            throw .unreadable(
                path: path(file), reason: "'train' and 'val' with lists of numbers are needed")
        }
        var splits: [String: Split] = [:]
        for split in Split.allCases {
            for number in lists[split.rawValue] ?? [] {
                guard imageFiles.indices.contains(number) else {
                    files.problems.append(
                        ImportProblem(
                            file, "number \(number) in '\(split.rawValue)': there is no image"))
                    continue
                }
                if let other = splits.updateValue(split, forKey: imageFiles[number]),
                    other != split
                {
                    files.problems.append(
                        ImportProblem(file, "number \(number) is in two splits; \(split) is used"))
                }
            }
        }
        return splits
    }
}

extension ImportPlan {
    /// Sets the splits of items; items without one get a note.
    fileprivate mutating func take(_ splits: [String: Split]?, from first: Int) {
        guard let splits else { return }
        for index in items.indices.dropFirst(first) {
            items[index].split = splits[items[index].source]
            if items[index].split == nil {
                remarks.append(ImportProblem(items[index].source, "in no list; put into train"))
            }
        }
    }
}
