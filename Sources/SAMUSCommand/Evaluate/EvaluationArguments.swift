import ArgumentParser
import Evaluation
import Ultrasound

/// Prompts as the command line takes them, separated by commas: `fixed,random:5,box,box:10%`.
struct LabelPrompts: ExpressibleByArgument {
    let prompts: [LabelPrompt]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        prompts = parts.compactMap { LabelPrompt(String($0)) }
        guard !prompts.isEmpty, prompts.count == parts.count else { return nil }
    }
}

/// A list of a data set as its file is named: `test`, or `test-Breast-BUSI`.
struct SplitName: ExpressibleByArgument, CustomStringConvertible {
    let split: Split
    let dataset: String?

    /// `test`.
    static let test = SplitName(split: .test, dataset: nil)

    private init(split: Split, dataset: String?) {
        self.split = split
        self.dataset = dataset
    }

    init?(argument: String) {
        let parts = argument.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let split = parts.first.flatMap({ Split(rawValue: String($0)) }) else { return nil }
        let dataset = parts.count == 2 ? String(parts[1]) : nil
        guard dataset.map({ !$0.isEmpty && !$0.contains("/") }) ?? true else { return nil }
        self.init(split: split, dataset: dataset)
    }

    var description: String { split.rawValue + (dataset.map { "-\($0)" } ?? "") }
}

extension EvaluationResolution: ExpressibleByArgument {}
