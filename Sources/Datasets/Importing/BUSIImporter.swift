import Foundation

/// Imports BUSI, breast lesions (Al-Dhabyani et al., 2020).
///
/// Files: `benign/benign (1).png`, `benign (1)_mask.png` and, for further lesions of an image,
/// `benign (1)_mask_1.png`.
///
/// Images get US30K's names, such as `benign0001`. The masks of an image are united; normal images
/// have empty masks.
struct BUSIImporter: Importer {
    private static let kinds = ["benign", "malignant", "normal"]

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { $0.folder(["benign"]) != nil }
        guard let root else {
            throw .wrongFormat(
                source: source.path, reason: "there is no folder 'benign' with 'benign (1).png'")
        }
        var plan = ImportPlan(classNames: ["lesion"], detailColumns: ["pathology"])
        for kind in Self.kinds {
            guard let folder = root.folder([kind]) else { continue }
            add(root.files(in: folder), kind: kind, of: root, to: &plan)
        }
        return plan
    }

    private func add(
        _ files: [String], kind: String, of root: SourceFolder, to plan: inout ImportPlan
    ) {
        var images: [String] = []
        var masks: [String: [String]] = [:]
        for file in files {
            guard file.isImage else {
                plan.remarks.append(ImportProblem(file, "not an image; skipped"))
                continue
            }
            if let match = file.stem.wholeMatch(of: /(.+)_mask(_\d+)?/) {
                masks[String(match.1), default: []].append(file)
            } else {
                images.append(file)
            }
        }
        for image in images {
            let own = masks.removeValue(forKey: image.stem) ?? []
            guard !own.isEmpty || kind == "normal" else {
                plan.problems.append(
                    ImportProblem(image, "it has no mask; '\(image.stem)_mask' is expected"))
                continue
            }
            let name = Self.name(image.stem)
            plan.items.append(
                ImportItem(source: image, details: ["pathology": kind]) {
                    () throws(ImportProblem) in [try root.image(image, name: name, masks: own)]
                })
        }
        for mask in masks.values.joined().sorted() {
            plan.problems.append(ImportProblem(mask, "the image of this mask is missing"))
        }
    }

    /// `benign (1)` as `benign0001`.
    private static func name(_ stem: String) -> String {
        guard let match = stem.wholeMatch(of: /([A-Za-z]+) ?\((\d+)\)/), let number = Int(match.2)
        else { return stem }
        return "\(match.1)\(String(format: "%04d", number))"
    }
}
