import ArgumentParser
import Commands
import Segmentation
import Training

/// Data options of ``TrainCommand``.
///
/// The options of a training are declared here with the names of `TrainingConfiguration`'s
/// properties; their defaults and help come from `TrainingConfiguration.fields`. An option that is
/// not given is nil.
struct TrainDataOptions: ParsableArguments {
    @Option(help: help(\.data), completion: .directory) var data: String?
    @Option(help: help(\.sets)) var sets: String?
    @Option(help: help(\.fraction)) var fraction: Double?
    @Option(help: help(\.balance)) var balance: Double?
    @Option(help: help(\.objects)) var objects: ObjectUnit?
    @Option(help: help(\.classes)) var classes: String?
    @Option(help: help(\.augment)) var augment: String?
    @Option(help: help(\.prompts)) var prompts: String?
    @Option(help: help(\.nothing)) var nothing: Double?
    @Option(help: help(\.variants)) var variants: Int?
    @Option(help: help(\.embeddings), completion: .directory) var embeddings: String?
    @Option(help: help(\.embeddingsLimit)) var embeddingsLimit: Double?
    @Option(help: help(\.imageCache)) var imageCache: Double?
    @Option(help: help(\.validationPrompts)) var validationPrompts: String?
    @Option(help: help(\.validationFraction)) var validationFraction: Double?
    @Option(help: help(\.select)) var select: String?
}

/// Network options of ``TrainCommand``.
struct TrainNetworkOptions: ParsableArguments {
    @Option(help: help(\.recipe)) var recipe: Recipe?
    @Option(help: help(\.network)) var network: ModelArchitecture?
    @Option(help: help(\.adapter)) var adapter: AdapterMethod?
    @Option(help: help(\.loraRank)) var loraRank: Int?
    @Option(help: help(\.inputSize)) var inputSize: Int?
    @Option(help: help(\.from), completion: .model) var from: String?
    @Option(help: help(\.decoderFrom), completion: .model) var decoderFrom: String?
    @Option(help: help(\.teacher), completion: .model) var teacher: String?
    @Option(help: help(\.teacherWeight)) var teacherWeight: Double?
    @Option(help: help(\.width)) var width: Int?
    @Option(help: help(\.depth)) var depth: Int?
    @Option(help: help(\.heads)) var heads: Int?
    @Option(help: help(\.globalBlocks)) var globalBlocks: String?
    @Option(help: help(\.without)) var without: String?
    @Option(help: help(\.freeze)) var freeze: String?
    @Option(help: help(\.unfreeze)) var unfreeze: String?
}

/// Optimization options of ``TrainCommand``.
struct TrainStepOptions: ParsableArguments {
    @Option(help: help(\.epochs)) var epochs: Int?
    @Option(help: help(\.batch)) var batch: Int?
    @Option(help: help(\.accumulate)) var accumulate: Int?
    @Option(help: help(\.optimizer)) var optimizer: OptimizerName?
    @Option(help: help(\.learningRate)) var learningRate: Double?
    @Option(help: help(\.schedule)) var schedule: ScheduleName?
    @Option(help: help(\.warmUp)) var warmUp: Int?
    @Option(help: help(\.weightDecay)) var weightDecay: Double?
    @Option(help: help(\.clip)) var clip: Double?
    @Option(help: help(\.ema)) var ema: Double?
    @Flag(help: help(\.dicePerImage)) var dicePerImage = false
    @Option(help: help(\.focal)) var focal: Double?
    @Option(help: help(\.positiveWeight)) var positiveWeight: Double?
    @Option(help: help(\.iouLoss)) var iouLoss: Double?
    @Option(help: help(\.precision)) var precision: PrecisionName?
    @Option(help: help(\.seed)) var seed: UInt64?
    @Option(help: help(\.divergence)) var divergence: Double?
}

/// Run options of ``TrainCommand`` that are part of the configuration.
struct TrainRunOptions: ParsableArguments {
    @Option(help: help(\.patience)) var patience: Int?
    @Option(help: help(\.timeLimit)) var timeLimit: Double?
    @Option(help: help(\.saveEvery)) var saveEvery: Double?
    @Option(help: help(\.threads)) var threads: Int?
    @Option(help: help(\.workers)) var workers: Int?
    @Flag(help: help(\.deterministic)) var deterministic = false
    @Flag(help: help(\.checkpointActivations)) var checkpointActivations = false
    @Option(help: help(\.device)) var device: TrainingDevice?
    @Option(help: help(\.licence)) var licence: String?
}

/// Options of ``TrainCommand`` that select the run's folder; they are not part of `args.yaml`.
struct TrainFolderOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of runs.", valueName: "folder"))
    var project = "runs/train"
    @Option(
        help: ArgumentHelp(
            "Name of the run's folder in --project (default: exp, exp2, ...).", valueName: "name"))
    var name: String?
    @Flag(help: "Replace a run of that name.")
    var force = false
    @Option(
        help: ArgumentHelp(
            "Resume a run: its folder, or 'latest', as without a value. Only options that do not affect the result may "
                + "be given too, as --threads, --workers, --patience, --time-limit, --data.",
            valueName: "run"))
    var resume: String?
    @Flag(
        name: .customLong("continue"),
        help: "Resume the run of that --name where there is one, else start it.")
    var continues = false
    @Flag(help: "Show what would be trained and about how long it would take; keep nothing.")
    var dryRun = false
}

/// The help of a training option: its text, the name of its value and its default.
private func help(_ keyPath: PartialKeyPath<TrainingConfiguration>) -> ArgumentHelp {
    let field = TrainingConfiguration.field(keyPath)
    var text = field.help
    switch field.value(in: .default) {
    case .null, .flag: break
    case let value: text += " (default: \(value.text))"
    }
    return field.valueName.map { ArgumentHelp(stringLiteral: text).named($0) }
        ?? ArgumentHelp(stringLiteral: text)
}

extension ArgumentHelp {
    /// The same help with a name for the option's value.
    fileprivate func named(_ valueName: String) -> ArgumentHelp {
        var help = self
        help.valueName = valueName
        return help
    }
}

/// An option whose value may have been given.
private protocol GivenOption {
    var runArgument: RunArgument { get }
}

extension Option: GivenOption where Value: RunArgumentConvertible {
    var runArgument: RunArgument { wrappedValue.runArgument }
}

extension Flag: GivenOption where Value == Bool {
    var runArgument: RunArgument { wrappedValue.runArgument }
}

extension ParsableArguments {
    /// The options that were given, by their keys in `args.yaml`.
    ///
    /// The properties are read by reflection, so that no option can be missing here.
    var givenOptions: [RunArguments.Entry] {
        Mirror(reflecting: self).children.compactMap { child in
            // Property wrappers are stored with an underscore before the property's name.
            guard let label = child.label?.dropFirst(), let option = child.value as? GivenOption
            else { preconditionFailure("\(child) is not an option of a training") }
            let value = option.runArgument
            guard value != .null, value != .flag(false) else { return nil }
            return .init(kebabCase(label), value)
        }
    }
}

/// `learningRate` becomes `learning-rate`.
private func kebabCase(_ name: Substring) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
}

extension Recipe: ExpressibleByArgument {}
extension AdapterMethod: ExpressibleByArgument {}
extension OptimizerName: ExpressibleByArgument {}
extension ScheduleName: ExpressibleByArgument {}
extension PrecisionName: ExpressibleByArgument {}

extension ObjectUnit: ExpressibleByArgument {}
extension TrainingDevice: ExpressibleByArgument {}
