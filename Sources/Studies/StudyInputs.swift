import Datasets
import FileIO
import Foundation
import Inference

/// The data and weights that a study needs, with a hash of each; finding them lists all that is
/// missing at once.
public struct StudyInputs: Sendable {
    /// A model or start weights.
    struct Weights {
        /// What `--model` and `--from` are given.
        var argument: String
        /// Changes with the content.
        var hash: String
    }

    /// The folder of all datasets.
    public let root: String
    /// The columns of the tables, in the order of the file.
    public let tasks: [StudyTask]
    private let hashes: [String: String]
    private let trainingObjects: [StudyTask: Int]
    private let weights: [String: Weights]

    /// Looks for everything that a study names.
    ///
    /// - Parameters:
    ///   - study: the study.
    ///   - root: the folder of all datasets; nil where neither `--data` nor the study gives it.
    ///   - folders: where files of weights are searched, in this order.
    ///   - canTrain: whether `samus-train` is built, or not needed because no job is run.
    /// - Throws: ``StudyError/missing(_:)`` with everything that is missing, or a mistake of the
    ///   study that only the data show.
    public init(
        _ study: Study, root: String?, folders: [String], canTrain: Bool
    ) throws(StudyError) {
        var missing: [String] = []
        if !canTrain, !study.networks.isEmpty {
            missing.append(
                "the program 'samus-train', which trains the networks, is not built: run "
                    + "'make build'")
        }
        var weights: [String: Weights] = [:]
        let names = study.networks.compactMap(\.from) + study.models.map(\.model)
        for name in names.uniqued {
            do throws(FileReadError) {
                weights[name] = try Weights(name, folders: folders)
                if weights[name] == nil {
                    missing.append(
                        "weights '\(name)': no such model or file in "
                            + folders.map { "'\($0)'" }.joined(separator: ", "))
                }
            } catch {
                missing.append("weights '\(name)': \(error)")
            }
        }
        self.weights = weights
        var data = FoundData()
        if let root {
            self.root = root
            data.find(study, in: root, missing: &missing)
        } else {
            self.root = ""
            missing.append(
                "data: the folder of \(study.targets.map(\.dataset).uniqued.joined(separator: ", ")) "
                    + "in the US30K layout: give it with --data")
        }
        guard missing.isEmpty else { throw .missing(missing) }
        (tasks, hashes, trainingObjects) = (data.tasks, data.hashes, data.trainingObjects)
    }

    /// The hash of a dataset's samples in the lists that training reads: of the images' content, patients
    /// and spacings.
    func trainingHash(of dataset: String) -> String {
        ["train", "val"].map { hashes["\($0)-\(dataset)"] ?? "none" }.joined(separator: " ")
    }

    /// The same of the list that is evaluated on.
    func testHash(of dataset: String) -> String { hashes["tested-\(dataset)"] ?? "none" }

    /// How many objects of these tasks are trained with in one epoch.
    func trainingObjects(of tasks: [StudyTask]) -> Int {
        tasks.reduce(0) { $0 + (trainingObjects[$1] ?? 0) }
    }

    /// How many images of these tasks' datasets are trained with in one epoch, or a few less: as many as
    /// the most frequent class is in.
    func trainingImages(of tasks: [StudyTask]) -> Int {
        Dictionary(grouping: tasks, by: \.dataset).values.reduce(0) { sum, tasks in
            sum + (tasks.map { trainingObjects[$0] ?? 0 }.max() ?? 0)
        }
    }

    /// A model or start weights by the name in the study.
    func weights(named name: String) -> Weights {
        guard let found = weights[name] else {
            preconditionFailure("the initializer found all weights of the study")
        }
        return found
    }
}

extension StudyInputs.Weights {
    /// Finds a baseline, a model of the catalog, a bundle or a checkpoint; nil where there is none.
    fileprivate init?(_ name: String, folders: [String]) throws(FileReadError) {
        if StudyModel(name: name, model: name, prompts: []).isBaseline {
            self.init(argument: name, hash: name)
            return
        }
        if let entry = ModelCatalog.entry(named: name) {
            guard ModelCatalog.bundle(of: entry) != nil || ModelCatalog.checkpoint(of: entry) != nil
            else { return nil }
            self.init(argument: name, hash: entry.sha256)
            return
        }
        let places = name.hasPrefix("/") ? [name] : folders.map { "\($0)/\(name)" }
        guard let path = places.first(where: FileManager.default.fileExists(atPath:)) else {
            return nil
        }
        // The manifest of a bundle states the SHA-256 of its files.
        let file = ModelBundle.isBundle(path) ? "\(path)/model.json" : path
        self.init(argument: path, hash: try RegularFile(file).sha256())
    }
}

/// What is found in the folder of the datasets.
private struct FoundData {
    var tasks: [StudyTask] = []
    var hashes: [String: String] = [:]
    var trainingObjects: [StudyTask: Int] = [:]

    mutating func find(_ study: Study, in root: String, missing: inout [String]) {
        let data: DatasetCollection
        do throws(DatasetError) {
            data = try DatasetCollection(root: root)
        } catch {
            missing.append("data: \(error)")
            return
        }
        for target in study.targets {
            guard let classes = data.classes[target.dataset] else {
                missing.append("data: '\(root)' has no dataset '\(target.dataset)'")
                continue
            }
            if let label = target.label, label >= classes {
                missing.append(
                    "data: \(target.dataset) has the classes 1 to \(classes - 1), not \(label)")
                continue
            }
            tasks += (target.label.map { [$0] } ?? Array(1..<classes)).map {
                StudyTask(
                    dataset: target.dataset, label: $0, isOneOfSeveral: classes > 2)
            }
        }
        for dataset in study.targets.map(\.dataset).uniqued where data.classes[dataset] != nil {
            do throws(DatasetError) {
                if !study.trainOnly.contains(dataset) {
                    let samples = try data.samples(study.evaluation.split, of: dataset)
                    try add(samples, as: "tested-\(dataset)")
                }
                if !study.networks.isEmpty, !study.testOnly.contains(dataset) {
                    try addTraining(data, dataset)
                }
            } catch {
                missing.append("data: \(error)")
            }
        }
    }

    /// Adds the samples of the lists that `samus train` reads: the common ones where there are any, not
    /// those of each dataset, which `samus evaluate` takes.
    private mutating func addTraining(
        _ data: DatasetCollection, _ dataset: String
    ) throws(DatasetError) {
        for split in [Split.train, .val] {
            let samples = try data.samples(split).filter { $0.dataset == dataset }
            guard !samples.isEmpty else {
                throw .empty(root: data.root, what: "\(split.rawValue) list of '\(dataset)'")
            }
            try add(samples, as: "\(split.rawValue)-\(dataset)")
            guard split == .train else { continue }
            for task in tasks where task.dataset == dataset {
                trainingObjects[task] = samples.count { $0.label == task.label }
            }
        }
    }

    private mutating func add(_ samples: [Sample], as key: String) throws(DatasetError) {
        var fingerprint = Fingerprint(of: try DatasetCollection.hash(of: samples))
        for sample in samples {
            let spacing = sample.spacing.map { "\($0.x) \($0.y)" }
            fingerprint.add("\(sample.patient ?? "") \(spacing ?? "")")
        }
        hashes[key] = fingerprint.text
    }
}
