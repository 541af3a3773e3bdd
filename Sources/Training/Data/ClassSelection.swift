import Datasets
import Segmentation

/// The classes that a network learns to segment at once, from `--classes`.
struct ClassSelection {
    /// The classes, ascending.
    let labels: [ClassLabel]

    /// Reads the option and checks it against the data.
    ///
    /// - Parameters:
    ///   - text: `all`, or values of labels separated by commas.
    ///   - sets: the classes of each selected dataset.
    ///   - data: the datasets.
    /// - Throws: ``TrainingError/option(_:)`` for values that the data do not have, for fewer than two
    ///   classes, and for datasets whose classes differ; `DatasetError` for names that cannot be read.
    init(_ text: String, of sets: [String: Set<Int>], in data: DatasetCollection) throws {
        let sets = sets.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        guard let first = sets.first else {
            throw TrainingError.option("--classes \(text): no dataset is selected")
        }
        if let other = sets.first(where: { $0.value != first.value }) {
            throw TrainingError.option(
                "--classes \(text): \(first.key) has the classes \(Self.list(first.value)) and "
                    + "\(other.key) \(Self.list(other.value)): choose datasets with equal classes "
                    + "by --sets")
        }
        let chosen = try text == "all" ? first.value : Self.values(text)
        if let unknown = chosen.subtracting(first.value).min() {
            throw TrainingError.option(
                "--classes \(text): \(first.key) has no class \(unknown); it has "
                    + Self.list(first.value))
        }
        guard chosen.count > 1 else {
            throw TrainingError.option(
                "--classes \(text): at least two classes are needed; for one class leave --classes "
                    + "out and choose it by --sets, as \(first.key)#\(chosen.min() ?? 1)")
        }
        let names = try sets.map { try data.classNames(of: $0.key) }
        labels = chosen.sorted().map { value in
            // Datasets that name a class differently leave only its number.
            let given = Set(names.compactMap { $0[value] })
            return ClassLabel(value: value, name: given.count == 1 ? given.first : nil)
        }
        guard labels.isValid else {
            throw TrainingError.option(
                "--classes \(text): values from 1 to \(ClassLabel.largestCount) and names of at "
                    + "most 200 bytes are needed; there are \(labels.text)")
        }
    }

    /// The values of a list.
    private static func values(_ text: String) throws(TrainingError) -> Set<Int> {
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        let values = words.compactMap { Int($0) }
        guard values.count == words.count, Set(values).count == values.count else {
            throw .option(
                "--classes \(text): 'all', or different numbers of classes separated by commas")
        }
        return Set(values)
    }

    private static func list(_ values: Set<Int>) -> String {
        values.sorted().map(String.init).joined(separator: ", ")
    }
}

extension TrainingConfiguration {
    /// Checks that a network can be trained on several classes at once with these options.
    ///
    /// - Parameter architecture: the network.
    /// - Throws: ``TrainingError`` with what does not go together.
    func checkClasses(for architecture: ModelArchitecture) throws(TrainingError) {
        guard let classes else { return }
        guard architecture.takesClasses else {
            throw .start(
                "--classes \(classes): \(architecture.rawValue) segments one object at a time; "
                    + "only task-specific networks such as U-Net segment several classes at once")
        }
        guard objects == .classes else {
            throw .option("--classes \(classes): --objects pieces has one object in each sample")
        }
        let usual = Self.default
        guard focal == usual.focal, positiveWeight == usual.positiveWeight else {
            throw .option(
                "--classes \(classes): --focal and --positive-weight belong to the loss of one "
                    + "object; that of several classes is cross entropy and Dice")
        }
    }
}
