import FileIO

/// What must agree when a run is resumed, and in all processes that train together: options that
/// affect the result, hashes of the weights, the samples and the number of processes.
struct RunIdentity: Codable, Equatable {
    /// Version of this format.
    var formatVersion = 2
    /// Effective values of the options that affect the result, by key.
    let options: [String: RunArgument]
    /// SHA-256 of the weights that the run starts from, by file name.
    let weights: [String: String]
    /// SHA-256 of the teacher's weights.
    let teacher: String?
    /// Fingerprint of the names and the order of all samples.
    let samples: String
    /// Number of processes that train together.
    let processes: Int

    private enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case options, weights, teacher, samples, processes
    }

    init(
        _ configuration: TrainingConfiguration, weights: [String: String], teacher: String?,
        samples: String, processes: Int
    ) {
        options = TrainingConfiguration.fields.filter(\.affectsResult).reduce(into: [:]) {
            $0[$1.key] = $1.value(in: configuration)
        }
        self.weights = weights
        self.teacher = teacher
        self.samples = samples
        self.processes = processes
    }

    /// One line of JSON with sorted keys, as checkpoints hold it in their metadata.
    var json: String {
        get throws { String(decoding: try JSON.encode(self, keys: .exact), as: UTF8.self) }
    }

    /// Compares the identity with that of a checkpoint.
    ///
    /// - Parameters:
    ///   - stated: ``json`` of the checkpoint, or the text that versions up to 0.1 wrote.
    ///   - arguments: the run's `args.yaml` as it was read.
    /// - Returns: the differences for a message; empty when both agree.
    func differences(from stated: String?, arguments: RunArguments) -> [String] {
        guard let stated else { return ["the checkpoint states no options"] }
        guard let other = try? JSON.decode(RunIdentity.self, from: stated.utf8, keys: .exact)
        else { return formerDifferences(from: stated, arguments: arguments) }
        var differences: [String] = []
        func compare(_ name: String, _ found: String?, _ expected: String?) {
            if found != expected {
                differences.append("\(name) is \(expected ?? "absent"), was \(found ?? "absent")")
            }
        }
        // Options that this version added have their default in older checkpoints.
        for (key, value) in options.sorted(by: { $0.key < $1.key }) {
            let usual = TrainingConfiguration.fields.first { $0.key == key }?
                .value(in: .default)
            compare(key, (other.options[key] ?? usual)?.text, value.text)
        }
        for name in Set(weights.keys).union(other.weights.keys).sorted() {
            compare("SHA-256 of \(name)", other.weights[name], weights[name])
        }
        compare("SHA-256 of the teacher", other.teacher, teacher)
        compare("the list of samples", other.samples, samples)
        compare("the number of processes", "\(other.processes)", "\(processes)")
        return differences
    }

    /// Compares with the text of former versions: the options of `args.yaml` in their order, then
    /// hashes of weights, samples and the number of processes, separated by spaces.
    private func formerDifferences(from stated: String, arguments: RunArguments) -> [String] {
        let compared = arguments.entries.filter { entry in
            let key = TrainingConfiguration.formerKeys[entry.name] ?? entry.name
            return TrainingConfiguration.fields.first { $0.key == key }?.affectsResult ?? true
        }
        var differences: [String] = []
        if !stated.hasPrefix(
            compared.map { "\($0.name)=\($0.value.formerText)" }.joined(separator: " "))
        {
            differences.append("the options in args.yaml are not those of the checkpoint")
        }
        var expected = ["samples=\(samples)"] + weights.map { "\($0.key)=\($0.value)" }
        if let teacher { expected.append("teacher-sha256=\(teacher)") }
        if processes > 1 { expected.append("processes=\(processes)") }
        for words in expected.sorted() where !stated.contains(words) {
            differences.append("\(words) is not that of the checkpoint")
        }
        if processes == 1, stated.contains(" processes=") {
            differences.append("the number of processes is 1, was more")
        }
        return differences
    }
}

extension RunArgument {
    /// The value in the identity that versions up to 0.1 wrote into checkpoints.
    fileprivate var formerText: String {
        switch self {
        case .null: "none"
        case .flag(let value): "flag(\(value))"
        case .integer(let value): "integer(\(value))"
        case .number(let value): "number(\(value))"
        case .text(let value): "text(\(value.debugDescription))"
        case .list(let values): "list(\(values))"
        }
    }
}
