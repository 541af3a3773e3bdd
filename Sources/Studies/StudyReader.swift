import Datasets
import Evaluation
import FileIO
import MaskMetrics
import Segmentation

extension Study {
    /// The largest study file, in bytes.
    private static let largestFile = 1 << 20

    /// Reads a study file strictly: unknown keys, missing keys and values of a wrong type are errors.
    ///
    /// - Parameter path: a YAML file of at most 1 MiB.
    /// - Returns: the study.
    /// - Throws: ``StudyError`` with the line and the key of the first mistake.
    public static func read(_ path: String) throws(StudyError) -> Study {
        let text: String
        do throws(FileReadError) {
            text = try RegularFile.text(path, limit: largestFile)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
        return try Study(StudyNode(text: text, file: path))
    }

    init(_ root: StudyNode) throws(StudyError) {
        let fields = try root.fields(
            [
                "study", "title", "data", "networks", "models", "training", "evaluation", "results",
            ], required: ["study", "data"])
        guard let nameField = fields["study"], let dataField = fields["data"] else {
            throw root.invalid("'study' and 'data' are needed")
        }
        name = try nameField.text()
        guard name.wholeMatch(of: #/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/#) != nil else {
            throw nameField.invalid(
                "'\(name)': letters, digits, '.', '_' and '-', at most 64, are needed")
        }
        title = try fields["title"]?.text() ?? name
        let dataFields = try dataField.fields(
            ["root", "sets", "test-only", "train-only"], required: ["sets"])
        data = try dataFields["root"]?.text()
        targets =
            try dataFields["sets"].map { node throws(StudyError) in
                try Self.targets(node)
            } ?? []
        testOnly = try dataFields["test-only"]?.names() ?? []
        trainOnly = try dataFields["train-only"]?.names() ?? []
        networks = []
        for (name, node) in try fields["networks"]?.entries() ?? [] {
            networks.append(try StudyNetwork(name, node))
        }
        var models: [StudyModel] = []
        for (name, node) in try fields["models"]?.entries() ?? [] {
            models.append(try StudyModel(name, node))
        }
        // The trivial baselines are in every table.
        let given = Set(models.map(\.model))
        self.models = models + StudyModel.baselines.filter { !given.contains($0.model) }
        training =
            try fields["training"].map { node throws(StudyError) in
                try StudyTraining(node)
            } ?? StudyTraining()
        evaluation =
            try fields["evaluation"].map { node throws(StudyError) in
                try StudyEvaluation(node)
            } ?? StudyEvaluation()
        results =
            try fields["results"].map { node throws(StudyError) in
                try StudyResultOptions(node)
            } ?? StudyResultOptions()
        try checkNames(root, fields)
        try checkHeldOut(fields["evaluation"] ?? root)
        try checkRoles(dataField)
    }

    private static func targets(_ node: StudyNode) throws(StudyError) -> [StudyTarget] {
        var targets: [StudyTarget] = []
        for element in try node.list() {
            let text = try element.text()
            let parts = text.split(separator: "#", omittingEmptySubsequences: false)
            let label = parts.count == 2 ? Int(parts[1]) : nil
            guard parts.count == 1 || label.map({ (1...254).contains($0) }) == true,
                !parts[0].isEmpty, !text.contains("/"), !text.contains(",")
            else {
                throw element.invalid(
                    "'\(text)': a dataset such as Breast-BUSI, or one of its classes such as "
                        + "Echo-CAMUS#1, is needed")
            }
            targets.append(StudyTarget(dataset: String(parts[0]), label: label))
        }
        try node.checkUnique(targets) { $0.label.map { "#\($0)" } ?? $0.dataset }
        let whole = targets.filter { $0.label == nil }.map(\.dataset)
        if let twice = targets.first(where: { $0.label != nil && whole.contains($0.dataset) }) {
            throw node.invalid("'\(twice.dataset)' is there whole and by a class")
        }
        return targets
    }

    private func checkNames(
        _ root: StudyNode, _ fields: [String: StudyNode]
    ) throws(StudyError) {
        let names = networks.map(\.name) + models.map(\.name)
        try (fields["models"] ?? root).checkUnique(names) { $0 }
        for network in networks {
            if case .steps = network.budget ?? training.budget,
                Self.option("batch", network, training).flatMap(Int.init) == nil
            {
                throw (fields["networks"] ?? root).invalid(
                    "a budget of steps needs the option batch, which \(network.name) does not have")
            }
            let node = fields["networks"] ?? root
            for one in network.protocols ?? [] where !evaluation.protocols.contains(one) {
                throw node.invalid(
                    "\(network.name) has the protocol \(one.rawValue), which evaluation.protocols "
                        + "does not have")
            }
        }
    }

    private func checkHeldOut(_ node: StudyNode) throws(StudyError) {
        let sets = Set(targets.map(\.dataset))
        let isUsed = evaluation.protocols.contains(.generalization)
        guard isUsed != evaluation.heldOut.isEmpty else {
            throw node.invalid(
                isUsed
                    ? "the protocol generalization needs held-out: groups of datasets"
                    : "held-out is for the protocol generalization")
        }
        for group in evaluation.heldOut {
            if let unknown = group.first(where: { !sets.contains($0) }) {
                throw node.invalid("held-out names '\(unknown)', which data.sets does not have")
            }
            guard Set(group) != sets else {
                throw node.invalid("held-out leaves no dataset for the training")
            }
        }
        try node.checkUnique(evaluation.heldOut.flatMap(\.self)) { $0 }
    }

    private func checkRoles(_ node: StudyNode) throws(StudyError) {
        let sets = Set(targets.map(\.dataset))
        let roles = testOnly + trainOnly
        try node.checkUnique(roles) { $0 }
        if let unknown = roles.first(where: { !sets.contains($0) }) {
            throw node.invalid("'\(unknown)' is not in data.sets")
        }
        let heldOut = Set(evaluation.heldOut.flatMap(\.self))
        if let unused = testOnly.first(where: { !heldOut.contains($0) }) {
            throw node.invalid(
                "test-only names '\(unused)', which evaluation.held-out does not test")
        }
        if let untested = trainOnly.first(where: heldOut.contains) {
            throw node.invalid("'\(untested)' is train-only and held out")
        }
        for group in evaluation.heldOut {
            guard sets.contains(where: { !testOnly.contains($0) && !group.contains($0) }) else {
                throw node.invalid("held-out and test-only leave no dataset for the training")
            }
        }
    }

    /// The value of a training option: the network's, or the study's.
    static func option(
        _ name: String, _ network: StudyNetwork, _ training: StudyTraining
    ) -> String? {
        (network.options + training.options).first { $0.name == name }?.value
    }
}
