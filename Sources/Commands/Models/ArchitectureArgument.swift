import ArgumentParser
import Segmentation

extension ModelArchitecture: ExpressibleByArgument, CustomStringConvertible {
    /// The architecture of this command-line name.
    public init?(argument: String) {
        guard let found = Self.all.first(where: { $0.commandName == argument }) else { return nil }
        self = found
    }

    /// All command-line names.
    public static var allValueStrings: [String] { all.map(\.commandName) }

    /// The command-line name.
    public var description: String { commandName }

    /// The command-line name, for help texts.
    public var defaultValueDescription: String { commandName }
}
