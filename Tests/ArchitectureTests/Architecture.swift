/// The table of Docs/Architecture.md: where each target stands, and who may use what.
enum Architecture {
    enum Side {
        /// Needs libtorch.
        case making
        /// Needs neither libtorch nor unsafe flags: other packages can import it.
        case running
    }

    struct Place {
        let side: Side
        let level: Int
    }

    /// Levels as in the table; -1 is a library of the system.
    static let places: [String: Place] = [
        "CTorch": Place(side: .making, level: 0),
        "Torch": Place(side: .making, level: 1),
        "TorchNN": Place(side: .making, level: 2),
        "SegmentAnything": Place(side: .making, level: 3),
        "SAMUSModels": Place(side: .making, level: 4),
        "TorchEngine": Place(side: .making, level: 5),
        "Training": Place(side: .making, level: 6),
        "Export": Place(side: .making, level: 6),
        "SAMUSTrainCommand": Place(side: .making, level: 7),
        "samus-train": Place(side: .making, level: 8),
        "samus-bench": Place(side: .making, level: 8),
        "CLibPNG": Place(side: .running, level: -1),
        "CTurboJPEG": Place(side: .running, level: -1),
        "CZlib": Place(side: .running, level: -1),
        "CPng": Place(side: .running, level: 0),
        "COpenVINO": Place(side: .running, level: 0),
        "Files": Place(side: .running, level: 0),
        "Checkpoints": Place(side: .running, level: 1),
        "Imaging": Place(side: .running, level: 1),
        "Segmentation": Place(side: .running, level: 2),
        "Ultrasound": Place(side: .running, level: 3),
        "Metrics": Place(side: .running, level: 3),
        "Evaluation": Place(side: .running, level: 4),
        "Inference": Place(side: .running, level: 5),
        "SAMUS": Place(side: .running, level: 6),
        "SAMUSCommand": Place(side: .running, level: 7),
        "samus": Place(side: .running, level: 8),
    ]

    /// What only some targets may import, be it a target, another package's product or a C library.
    static let reserved: [String: Set<String>] = [
        "libtorch": ["CTorch"],
        "CTorch": ["Torch"],
        "ArgumentParser": ["SAMUSCommand", "SAMUSTrainCommand", "samus", "samus-train"],
        "Crypto": ["Checkpoints"],
        "Yams": ["Training"],
        "CZlib": ["Checkpoints", "Imaging"],
        "CLibPNG": ["CPng"],
        "CPng": ["Imaging"],
        "CTurboJPEG": ["Imaging"],
        "COpenVINO": ["Inference"],
    ]

    /// Why `target` must not import `module`, or nil when it may.
    ///
    /// An import goes down, or from the making side to the running side at the same or a lower
    /// level; never up, sideways or from running to making.
    static func objection(to module: String, in target: String) -> String? {
        guard let from = places[target] else {
            return "\(target) is not in the table of targets"
        }
        guard module != target else { return nil }
        if let owners = reserved[module], !owners.contains(target) {
            return "\(target) imports \(module), which only \(owners.sorted()) may"
        }
        guard let to = places[module] else { return nil }
        switch (from.side, to.side) {
        case (.running, .making):
            return "\(target) runs models, \(module) makes them: it needs libtorch"
        case (.making, .running) where to.level > from.level:
            return "\(target) (level \(from.level)) imports \(module) (\(to.level)) upwards"
        case (.making, .making) where to.level >= from.level,
            (.running, .running) where to.level >= from.level:
            return "\(target) (level \(from.level)) imports \(module) (\(to.level)): not downwards"
        default:
            return nil
        }
    }
}
