import Segmentation

/// One option of ``TrainingConfiguration``: its key, its text for help, and whether it affects the
/// result.
public struct TrainingField: Sendable {
    /// The key in `args.yaml`, and the option's long name without dashes.
    public let key: String
    /// Whether the trained weights depend on the option; it must not change on resume then.
    public let affectsResult: Bool
    /// Name of the value in the help, for example `n` in `--epochs <n>`; nil for flags and fixed
    /// choices.
    public let valueName: String?
    /// What the option does, in one sentence.
    public let help: String
    let keyPath: AnyKeyPath & Sendable
    private let read: @Sendable (TrainingConfiguration) -> RunArgument
    private let write: @Sendable (inout TrainingConfiguration, RunArgument) -> Bool

    init<Value: RunArgumentConvertible>(
        _ key: String, _ keyPath: WritableKeyPath<TrainingConfiguration, Value> & Sendable,
        affectsResult: Bool, value valueName: String? = nil, help: String
    ) {
        self.key = key
        self.affectsResult = affectsResult
        self.valueName = valueName
        self.help = help
        self.keyPath = keyPath
        read = { $0[keyPath: keyPath].runArgument }
        write = { configuration, argument in
            guard let value = Value(argument) else { return false }
            configuration[keyPath: keyPath] = value
            return true
        }
    }

    /// Reads the option's value.
    ///
    /// - Parameter configuration: the configuration to read from.
    /// - Returns: the value as `args.yaml` holds it.
    public func value(in configuration: TrainingConfiguration) -> RunArgument {
        read(configuration)
    }

    /// Sets the option's value.
    ///
    /// - Parameters:
    ///   - argument: the value.
    ///   - configuration: the configuration to change.
    /// - Throws: ``TrainingError/option(_:)`` for a value of another type.
    public func set(
        _ argument: RunArgument, in configuration: inout TrainingConfiguration
    ) throws(TrainingError) {
        guard write(&configuration, argument) else {
            throw .option("'\(key)' cannot be \(argument.text)")
        }
    }
}

extension TrainingConfiguration {
    /// The field of an option.
    ///
    /// - Parameter keyPath: the option's property.
    /// - Returns: its row of ``fields``.
    public static func field(_ keyPath: PartialKeyPath<TrainingConfiguration>) -> TrainingField {
        guard
            let field = fields.first(where: {
                ($0.keyPath as AnyKeyPath) == (keyPath as AnyKeyPath)
            })
        else {
            preconditionFailure("\(keyPath) has no row in TrainingConfiguration.fields")
        }
        return field
    }

    /// All options, as `args.yaml` holds them.
    public var arguments: RunArguments {
        RunArguments(Self.fields.map { .init($0.key, $0.value(in: self)) })
    }

    /// Sets options by their keys; keys of former versions are understood.
    ///
    /// - Parameter arguments: some or all options.
    /// - Throws: ``TrainingError/option(_:)`` for an unknown key or a value of another type.
    public mutating func set(_ arguments: RunArguments) throws(TrainingError) {
        for entry in arguments.entries {
            let key = Self.formerKeys[entry.name] ?? entry.name
            guard let field = Self.fields.first(where: { $0.key == key }) else {
                throw .option("'\(entry.name)' is not an option of a training")
            }
            try field.set(entry.value, in: &self)
        }
    }

    /// Changes options of a run that is resumed; precision `auto` is the precision that it has.
    ///
    /// - Parameter changes: the options given together with `--resume`.
    /// - Throws: ``TrainingError/option(_:)`` for an option that affects the result.
    public mutating func change(_ changes: RunArguments) throws(TrainingError) {
        var changed = self
        try changed.set(changes)
        if changed.precision == .auto { changed.precision = precision }
        for field in Self.fields where field.affectsResult {
            guard field.value(in: changed) == field.value(in: self) else {
                throw .option(
                    "--\(field.key) cannot change when a run is resumed: start a new run for it"
                        + (field.key == "epochs"
                            ? ", with --from and the last.safetensors of this run" : ""))
            }
        }
        self = changed
    }
}

extension TrainingConfiguration: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads the keys of ``fields``; missing ones have their default.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init()
        try set(
            RunArguments(
                try container.allKeys.map {
                    .init($0.stringValue, try container.decode(RunArgument.self, forKey: $0))
                }))
    }

    /// Writes the keys of ``fields``.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for entry in arguments.entries {
            try container.encode(entry.value, forKey: Key(stringValue: entry.name))
        }
    }
}

/// A type that an option can have.
public protocol RunArgumentConvertible {
    /// - Parameter argument: a value of `args.yaml`; the result is nil for one of another type.
    init?(_ argument: RunArgument)
    /// The value as `args.yaml` holds it.
    var runArgument: RunArgument { get }
}

extension Bool: RunArgumentConvertible {
    /// Reads a flag.
    public init?(_ argument: RunArgument) {
        guard case .flag(let value) = argument else { return nil }
        self = value
    }

    /// A flag.
    public var runArgument: RunArgument { .flag(self) }
}

extension Int: RunArgumentConvertible {
    /// Reads an integer.
    public init?(_ argument: RunArgument) {
        guard case .integer(let value) = argument else { return nil }
        self = value
    }

    /// An integer.
    public var runArgument: RunArgument { .integer(self) }
}

extension UInt64: RunArgumentConvertible {
    /// Reads an integer, or its digits as text where it does not fit into `Int`.
    public init?(_ argument: RunArgument) {
        switch argument {
        case .integer(let value) where value >= 0: self = UInt64(value)
        case .text(let text):
            guard let value = UInt64(text) else { return nil }
            self = value
        default: return nil
        }
    }

    /// An integer, or its digits as text where it does not fit into `Int`.
    public var runArgument: RunArgument {
        Int(exactly: self).map { .integer($0) } ?? .text("\(self)")
    }
}

extension Double: RunArgumentConvertible {
    /// Reads a number.
    public init?(_ argument: RunArgument) {
        switch argument {
        case .integer(let value): self = Double(value)
        case .number(let value): self = value
        default: return nil
        }
    }

    /// A number.
    public var runArgument: RunArgument { .number(self) }
}

extension String: RunArgumentConvertible {
    /// Reads a text; a number, for example `sets: 30` in a file edited by hand, is read as its
    /// digits.
    public init?(_ argument: RunArgument) {
        switch argument {
        case .text(let text): self = text
        case .integer(let value): self = "\(value)"
        default: return nil
        }
    }

    /// A text.
    public var runArgument: RunArgument { .text(self) }
}

extension Optional: RunArgumentConvertible where Wrapped: RunArgumentConvertible {
    /// Reads a value or `null`.
    public init?(_ argument: RunArgument) {
        if argument == .null {
            self = .none
        } else if let value = Wrapped(argument) {
            self = .some(value)
        } else {
            return nil
        }
    }

    /// The value or `null`.
    public var runArgument: RunArgument { map(\.runArgument) ?? .null }
}

extension RunArgumentConvertible where Self: RawRepresentable<String> {
    /// Reads one of the fixed choices.
    public init?(_ argument: RunArgument) {
        guard case .text(let text) = argument else { return nil }
        self.init(rawValue: text)
    }

    /// The choice's name.
    public var runArgument: RunArgument { .text(rawValue) }
}

extension Recipe: RunArgumentConvertible {}
extension ModelArchitecture: RunArgumentConvertible {
    /// Reads the name that the command line uses.
    public init?(_ argument: RunArgument) {
        guard case .text(let name) = argument,
            let architecture = Self.all.first(where: { $0.commandName == name })
        else { return nil }
        self = architecture
    }

    /// The name that the command line uses.
    public var runArgument: RunArgument { .text(commandName) }
}

extension OptimizerName: RunArgumentConvertible {}
extension ScheduleName: RunArgumentConvertible {}
extension PrecisionName: RunArgumentConvertible {}

extension AdapterMethod: RunArgumentConvertible {}
extension ObjectUnit: RunArgumentConvertible {}
extension TrainingDevice: RunArgumentConvertible {}
