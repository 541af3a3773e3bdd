/// The table of Docs/Architecture.md: the level and side of each target, and restricted modules.
enum Architecture {
    enum Side {
        /// Needs libtorch.
        case training
        /// Needs neither libtorch nor unsafe flags: other packages can import it.
        case inference
    }

    struct Place {
        let side: Side
        let level: Int
    }

    /// Levels as in the table; -1 is a library of the system.
    static let places: [String: Place] = [
        "CTorch": Place(side: .training, level: 0),
        "Torch": Place(side: .training, level: 1),
        "TorchNN": Place(side: .training, level: 2),
        "SegmentAnything": Place(side: .training, level: 3),
        "SAMUSModels": Place(side: .training, level: 4),
        "Baselines": Place(side: .training, level: 4),
        "TorchEngine": Place(side: .training, level: 5),
        "Training": Place(side: .training, level: 6),
        "Export": Place(side: .training, level: 6),
        "TrainCommands": Place(side: .training, level: 7),
        "samus-train": Place(side: .training, level: 8),
        "samus-bench": Place(side: .training, level: 8),
        "CLibPNG": Place(side: .inference, level: -1),
        "CTurboJPEG": Place(side: .inference, level: -1),
        "CZlib": Place(side: .inference, level: -1),
        "CCrypto": Place(side: .inference, level: -1),
        "COpenJPEG": Place(side: .inference, level: -1),
        "CDCMTK": Place(side: .inference, level: 0),
        "samus-dicom": Place(side: .inference, level: 1),
        "samus-receive": Place(side: .inference, level: 1),
        "CPng": Place(side: .inference, level: 0),
        "COpenVINO": Place(side: .inference, level: 0),
        "FileIO": Place(side: .inference, level: 0),
        "Checkpoints": Place(side: .inference, level: 1),
        "Imaging": Place(side: .inference, level: 1),
        "DICOM": Place(side: .inference, level: 2),
        "Drawing": Place(side: .inference, level: 2),
        "Segmentation": Place(side: .inference, level: 2),
        "Datasets": Place(side: .inference, level: 3),
        "MaskMetrics": Place(side: .inference, level: 3),
        "Measurements": Place(side: .inference, level: 3),
        "Evaluation": Place(side: .inference, level: 4),
        "Inference": Place(side: .inference, level: 5),
        "SAMUSKit": Place(side: .inference, level: 6),
        "Studies": Place(side: .inference, level: 6),
        "Tracking": Place(side: .inference, level: 6),
        "Commands": Place(side: .inference, level: 7),
        "Server": Place(side: .inference, level: 7),
        "samus": Place(side: .inference, level: 8),
        "samus-server": Place(side: .inference, level: 8),
        "DICOMWeb": Place(side: .inference, level: 1),
        "samus-pacs": Place(side: .inference, level: 8),
    ]

    /// Modules that only some targets may import: targets, products of other packages, C libraries.
    static let reserved: [String: Set<String>] = [
        "libtorch": ["CTorch"],
        "CTorch": ["Torch"],
        "ArgumentParser": [
            "Commands", "TrainCommands", "samus", "samus-pacs", "samus-server", "samus-train",
        ],
        "FoundationNetworking": ["DICOMWeb"],
        "Hummingbird": ["Server"],
        "HummingbirdCore": ["Server"],
        "HTTPTypes": ["Server"],
        "Logging": ["Server"],
        "NIOCore": ["Server"],
        "ServiceLifecycle": ["Server"],
        "UnixSignals": ["Server"],
        "CCrypto": ["FileIO"],
        "Yams": ["Studies", "Training"],
        "CZlib": ["CPng", "Checkpoints", "Imaging"],
        "CLibPNG": ["CPng"],
        "COpenJPEG": ["CDCMTK"],
        "DCMTK": ["CDCMTK", "samus-receive"],
        "CDCMTK": ["samus-dicom"],
        "CPng": ["Imaging"],
        "CTurboJPEG": ["Imaging"],
        "COpenVINO": ["Inference"],
    ]

    /// Why `target` must not import `module`; nil if it may.
    ///
    /// An import goes down, or from the training side to the inference side at the same or
    /// a lower level; never up, sideways or from inference to training.
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
        case (.inference, .training):
            return
                "\(target) is on the inference side, \(module) on the training side: it needs libtorch"
        case (.training, .inference) where to.level > from.level:
            return "\(target) (level \(from.level)) imports \(module) (\(to.level)) upwards"
        case (.training, .training) where to.level >= from.level,
            (.inference, .inference) where to.level >= from.level:
            return "\(target) (level \(from.level)) imports \(module) (\(to.level)): not downwards"
        default:
            return nil
        }
    }
}
