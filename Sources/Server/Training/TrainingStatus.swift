import FileIO
import Foundation
import Imaging
import Segmentation

/// What the server says about training on accepted masks.
struct TrainingStatus: Encodable, Sendable {
    /// Where a training is.
    enum State: String, Codable, Sendable {
        /// None was started, or none that left anything.
        case idle
        /// The accepted masks are copied and split.
        case preparing
        case running
        /// The weights become a model, which is compared with the former one.
        case finishing
        case finished
        case failed
        /// Stopped, or interrupted by the end of the server; can be resumed.
        case stopped

        var isActive: Bool { [.preparing, .running, .finishing].contains(self) }
    }

    /// The mean Dice on the validation images, by prompt.
    struct Comparison: Codable, Equatable, Sendable {
        struct Scores: Codable, Equatable, Sendable {
            let click: Double
            let box: Double
        }

        /// Number of objects.
        let objects: Int
        let former: Scores
        let trained: Scores
    }

    /// The weights that were made.
    struct Model: Codable, Equatable, Sendable {
        let name: String
        let sha256: String
    }

    /// Which model the server uses.
    enum Served: String, Codable, Sendable {
        case original, trained
    }

    var state = State.idle
    /// Number of accepted images now, and how many a training needs.
    var accepted = 0
    let needed = Trainer.minimumImages
    /// Why no training can be started; nil where one can.
    var refusal: String?
    /// Numbers of images of the training and of its validation.
    var images: Int?
    var validationImages: Int?
    var epoch: Int?
    var epochs: Int?
    var loss: Double?
    /// The best mean Dice of the validation so far.
    var dice: Double?
    var secondsLeft: Double?
    /// The last lines of a program that failed, without paths of this machine.
    var failure: [String]?
    /// Whether a stopped training can go on.
    var canResume = false
    /// The trained model, once it is there.
    var model: Model?
    var comparison: Comparison?
    var served = Served.original
    let notice =
        "\(ResearchNotice.text); the trained model was compared on images that also chose its weights, "
        + "never on other patients"
}

/// What a training is asked to do.
struct TrainingOptions: Codable, Equatable, Sendable {
    /// Which weights are trained.
    enum Recipe: String, Codable, Sendable {
        /// Prompt encoder and mask decoder, on the frozen image encoder: minutes.
        case decoder
        /// All weights: hours.
        case full
    }

    var recipe = Recipe.decoder
    var epochs = 30
    var minutes = 60

    static let epochRange = 1...1000
    static let minuteRange = 1...10_000
}

/// The progress of a training, from `results.csv` of its run folder.
struct TrainingProgress: Equatable {
    let epoch: Int
    let seconds: Double
    let loss: Double?
    /// The best mean Dice of the validation.
    let bestDice: Double?

    /// - Returns: nil before the first epoch has ended, and for a damaged table.
    init?(table: String) {
        let rows = CSV.rows(table)
        guard rows.count > 1, let header = rows.first else { return nil }
        func column(_ name: String) -> [Double?] {
            guard let index = header.firstIndex(of: name) else { return [] }
            return rows.dropFirst().map { $0.indices.contains(index) ? Double($0[index]) : nil }
        }
        guard let epoch = column("epoch").last ?? nil, (1...1e6).contains(epoch),
            let seconds = column("time").last ?? nil, seconds >= 0
        else { return nil }
        self.epoch = Int(epoch)
        self.seconds = seconds
        loss = column("train/loss").last ?? nil
        bestDice = column("val/dice").compactMap { $0 }.max()
    }

    /// The time that the remaining epochs take, at most that of the limit.
    func secondsLeft(epochs: Int, limit: Double) -> Double {
        let each = seconds / Double(epoch)
        return max(0, min(each * Double(epochs - epoch), limit - seconds))
    }
}
