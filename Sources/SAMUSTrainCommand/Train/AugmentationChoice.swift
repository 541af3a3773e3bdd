import ArgumentParser
import Ultrasound

extension AugmentationRecipe {
    /// temporary until names are parsed
    init(names text: String) throws {
        switch text {
        case "authors": self = .authors
        default: self = .none
        }
    }
}
