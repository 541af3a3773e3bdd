import Imaging

/// Imports CAMUS, hearts (Leclerc et al., 2019).
///
/// Files of `database_nifti/patient0001/`: `patient0001_2CH_ED.nii.gz` and `…_gt.nii.gz`, likewise
/// `ES` and `4CH`, half-sequences `patient0001_2CH_half_sequence[_gt].nii.gz`, and `Info_2CH.cfg`.
/// The split is in `database_split/subgroup_*.txt`.
///
/// Classes are 1 left ventricle, 2 myocardium, 3 left atrium. Where a frame has no file of its own,
/// `Info_2CH.cfg` has its number in the half-sequence.
struct CAMUSImporter: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        func hasPatients(_ folder: SourceFolder) -> Bool {
            folder.folders().contains { $0.hasPrefix("patient") }
        }
        guard let root = source.nearest(where: hasPatients) else {
            throw .wrongFormat(source: source.path, reason: "there is no folder 'patient0001'")
        }
        let splits = try Self.splits([source, root, SourceFolder(path: root.path(".."))])
        var plan = ImportPlan(
            classNames: ["left ventricle", "myocardium", "left atrium"],
            detailColumns: ["view", "phase", "quality"], hasSplit: splits != nil)
        for patient in root.folders() where patient.hasPrefix("patient") {
            let first = plan.items.count
            for view in ["2CH", "4CH"] {
                let study = CAMUSView(root: root, patient: patient, view: view)
                for phase in options.wholeSequences ? [nil] : ["ED", "ES"] {
                    do throws(ImportProblem) {
                        plan.items.append(try study.item(phase))
                    } catch {
                        plan.problems.append(error)
                    }
                }
            }
            for index in first..<plan.items.count {
                plan.items[index].patient = patient
                plan.items[index].split = splits?[patient]
            }
            if let splits, splits[patient] == nil {
                plan.remarks.append(ImportProblem(patient, "in no subgroup; put into train"))
            }
        }
        if splits != nil { plan.notes.append("split of database_split/subgroup_*.txt") }
        return plan
    }

    /// Each patient's split, from the first folder with the lists.
    private static func splits(
        _ places: [SourceFolder]
    ) throws(ImportError) -> [String: Split]? {
        let lists: [(String, Split)] = [
            ("subgroup_training.txt", .train), ("subgroup_validation.txt", .val),
            ("subgroup_testing.txt", .test),
        ]
        for place in places {
            guard let folder = place.folder(["database_split"]) else { continue }
            var splits: [String: Split] = [:]
            for (name, split) in lists {
                guard let file = place.file(name, in: folder) else { continue }
                do throws(ImportProblem) {
                    for line in try place.text(file).split(whereSeparator: \.isNewline) {
                        let patient = String(line.filter { !$0.isWhitespace })
                        if let other = splits.updateValue(split, forKey: patient), other != split {
                            throw ImportProblem(file, "\(patient) is in two subgroups")
                        }
                    }
                } catch {
                    throw .unreadable(path: place.path(file), reason: error.reason)
                }
            }
            if !splits.isEmpty { return splits }
        }
        return nil
    }
}

/// One view of the heart of one patient.
private struct CAMUSView {
    let root: SourceFolder
    /// The folder's name, which is the patient's.
    let patient: String
    /// `2CH` or `4CH`.
    let view: String

    /// The item for a frame or the whole half-sequence.
    ///
    /// - Parameter phase: `ED` or `ES`; nil for the whole half-sequence.
    /// - Returns: the item.
    /// - Throws: ``ImportProblem`` when an image or label is missing.
    func item(_ phase: String?) throws(ImportProblem) -> ImportItem {
        let info = try self.info()
        guard let phase else {
            guard let (file, label) = try pair("half_sequence") else {
                throw ImportProblem(patient, "it has no \(view) half-sequence")
            }
            return item(file, label, info, frame: nil)
        }
        if let (file, label) = try pair(phase) {
            return item(file, label, info, frame: (0, phase))
        }
        if let (file, label) = try pair("half_sequence"),
            let number = info[phase].flatMap({ Int($0) }), number > 0
        {
            return item(file, label, info, frame: (number - 1, phase))
        }
        let isOld = root.files(in: patient).contains { $0.hasSuffix(".mhd") }
        throw ImportProblem(
            patient,
            isOld
                ? "the older .mhd format is not supported; CAMUS is also published as NIfTI"
                : "\(patient)_\(view)_\(phase).nii.gz is missing, and there is no half-sequence"
                    + " with Info_\(view).cfg for its frame")
    }

    /// A sequence or frame and its label; nil where the image is missing.
    private func pair(
        _ kind: String
    ) throws(ImportProblem) -> (image: String, label: String)? {
        let name = "\(patient)_\(view)_\(kind)"
        func find(_ name: String) -> String? {
            root.file("\(name).nii.gz", in: patient) ?? root.file("\(name).nii", in: patient)
        }
        guard let file = find(name) else { return nil }
        guard let label = find("\(name)_gt") else {
            throw ImportProblem(file, "its label '\(name)_gt.nii.gz' is missing")
        }
        return (file, label)
    }

    /// `Info_2CH.cfg`: lines of `name: value`; empty where there is no such file.
    private func info() throws(ImportProblem) -> [String: String] {
        guard let file = root.file("Info_\(view).cfg", in: patient) else { return [:] }
        var values: [String: String] = [:]
        for line in try root.text(file, limit: 1 << 20).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let (name, value) = (parts[0].filter { !$0.isWhitespace }, parts[1])
            values[name] = String(value.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
        }
        return values
    }

    /// The item for one frame (number from 0, phase for its name), or for all frames.
    private func item(
        _ file: String, _ label: String, _ info: [String: String],
        frame: (number: Int, phase: String)?
    ) -> ImportItem {
        var item = ImportItem(source: file) { () throws(ImportProblem) in
            let images = try Self.volume(file, in: root)
            let labels = try Self.volume(label, in: root)
            guard images.width == labels.width, images.height == labels.height,
                images.frames == labels.frames
            else { throw ImportProblem(file, "its label has another size") }
            guard images.hasSameAxes(as: labels) else {
                throw ImportProblem(
                    file,
                    "its axes and its label's have different directions (sform or qform):"
                        + " store both in one orientation")
            }
            let chosen =
                frame.map { [$0] }
                ?? (0..<images.frames).map { ($0, "frame\($0 < 9 ? "0" : "")\($0 + 1)") }
            var imported: [ImportedImage] = []
            for (number, phase) in chosen {
                guard number < images.frames else {
                    throw ImportProblem(
                        file,
                        "it has \(images.frames) frames; Info_\(view).cfg says that"
                            + " \(phase) is number \(number + 1)")
                }
                imported.append(
                    try Self.read(
                        images, labels, number, named: "\(patient)_\(view)_\(phase)", file))
                imported[imported.count - 1].details = [
                    "phase": frame == nil ? self.phase(ofFrame: number, info) : phase
                ]
            }
            return imported
        }
        item.details = ["view": view, "quality": info["ImageQuality"] ?? ""]
        return item
    }

    /// `ED` or `ES` where a sequence's frame is one of these, else empty.
    private func phase(ofFrame frame: Int, _ info: [String: String]) -> String {
        ["ED", "ES"].first { info[$0].flatMap { Int($0) } == frame + 1 } ?? ""
    }

    private static func volume(
        _ file: String, in root: SourceFolder
    ) throws(ImportProblem) -> NIfTIVolume {
        do throws(NIfTIError) {
            return try NIfTIVolume.read(root.path(file))
        } catch {
            throw ImportProblem(file, "\(error)".replacing("'\(root.path(file))'", with: "it"))
        }
    }

    private static func read(
        _ images: NIfTIVolume, _ labels: NIfTIVolume, _ frame: Int, named name: String,
        _ file: String
    ) throws(ImportProblem) -> ImportedImage {
        let image: Image
        let label: Image
        do throws(NIfTIError) {
            image = try images.image(frame: frame)
            label = try labels.image(frame: frame)
        } catch {
            throw ImportProblem(file, "\(error)")
        }
        guard let largest = label.pixels.max(), largest <= 3 else {
            throw ImportProblem(
                file, "its label holds \(label.pixels.max() ?? 0); classes 1 to 3 are known")
        }
        return ImportedImage(name: name, image: image, label: label, spacing: images.spacing)
    }
}
