import FileIO
import Foundation
import Imaging
import Yams

/// `model_card.md`: what weights are, for people, in the form of Hugging Face's model cards.
public struct ModelCard: Sendable {
    /// A data set that weights were trained or measured on.
    public struct DataSet: Sendable {
        /// Its name.
        public var name: String
        /// Images by split, in order, such as ("train", 1200).
        public var images: [(split: String, count: Int)]
        /// Under what terms it may be used; nil when nobody said.
        public var licence: String?

        /// - Parameters:
        ///   - name: its name.
        ///   - images: images by split, in order.
        ///   - licence: under what terms it may be used.
        public init(name: String, images: [(split: String, count: Int)], licence: String? = nil) {
            self.name = name
            self.images = images
            self.licence = licence
        }
    }

    /// A measured number.
    public struct Figure: Sendable {
        /// The data that it was measured on, such as `BUSI, validation`.
        public var data: String
        /// How the target was named to the network, such as `one fixed click`.
        public var prompt: String
        /// What was measured, such as `Dice`.
        public var metric: String
        /// The number.
        public var value: Double

        /// - Parameters:
        ///   - data: the data that it was measured on.
        ///   - prompt: how the target was named to the network.
        ///   - metric: what was measured.
        ///   - value: the number.
        public init(data: String, prompt: String, metric: String, value: Double) {
            self.data = data
            self.prompt = prompt
            self.metric = metric
            self.value = value
        }
    }

    /// The weights' name.
    public var name: String
    /// What they are, in a sentence or two.
    public var summary: String
    /// The terms of the weights themselves; nil when the owner has yet to decide.
    public var licence: String?
    /// What they started from, such as `SAM ViT-B`; nil for nothing.
    public var start: String?
    /// What they saw.
    public var data: [DataSet]
    /// How they were trained: name and value of what matters, in order.
    public var recipe: [(name: String, value: String)]
    /// What was measured.
    public var figures: [Figure]
    /// What they cannot do, a sentence each; what every network here cannot do is added.
    public var limits: [String]

    /// - Parameters:
    ///   - name: the weights' name.
    ///   - summary: what they are, in a sentence or two.
    ///   - licence: the terms of the weights themselves.
    ///   - start: what they started from.
    ///   - data: what they saw.
    ///   - recipe: how they were trained.
    ///   - figures: what was measured.
    ///   - limits: what they cannot do.
    public init(
        name: String, summary: String, licence: String? = nil, start: String? = nil,
        data: [DataSet], recipe: [(name: String, value: String)], figures: [Figure] = [],
        limits: [String] = []
    ) {
        self.name = name
        self.summary = summary
        self.licence = licence
        self.start = start
        self.data = data
        self.recipe = recipe
        self.figures = figures
        self.limits = limits
    }

    /// Writes the card, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        let header: String
        do {
            header = try serialize(node: frontMatter, width: -1, allowUnicode: true)
        } catch {
            throw .cannotWrite(path: path, reason: "\(error)")
        }
        try writeRunFile("---\n" + header + "---\n\n" + body, to: path)
    }

    /// What Hugging Face's Hub reads: https://huggingface.co/docs/hub/model-cards.
    private var frontMatter: Node {
        var pairs: [(Node, Node)] = []
        if let licence {
            // Those that the Hub knows by name.
            let isKnown = [
                "apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0",
                "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
            ].contains(licence.lowercased())
            pairs +=
                isKnown
                ? [(Node("license"), RunArgument.text(licence.lowercased()).node)]
                : [
                    (Node("license"), Node("other")),
                    (Node("license_name"), RunArgument.text(licence).node),
                ]
        }
        let tags = ["medical", "ultrasound", "segmentation", "sam", "samus", "research-use-only"]
        pairs += [
            (Node("library_name"), Node("samus")),
            (Node("pipeline_tag"), Node("image-segmentation")),
            (Node("tags"), Node(tags.map { Node($0) })),
        ]
        if !figures.isEmpty {
            pairs.append((Node("model-index"), Node([results])))
        }
        return Node(pairs)
    }

    private var results: Node {
        let results = figures.map { figure in
            let metric: [(Node, Node)] = [
                (Node("type"), RunArgument.text(figure.metric.lowercased()).node),
                (Node("name"), RunArgument.text("\(figure.metric), \(figure.prompt)").node),
                (Node("value"), Node(Self.words(figure.value))),
            ]
            return Node([
                (
                    Node("task"),
                    Node([(Node("type"), Node("image-segmentation"))])
                ),
                (
                    Node("dataset"),
                    Node([
                        (Node("type"), Node("ultrasound")),
                        (Node("name"), RunArgument.text(figure.data).node),
                    ])
                ),
                (Node("metrics"), Node([Node(metric)])),
            ])
        }
        return Node([(Node("name"), RunArgument.text(name).node), (Node("results"), Node(results))])
    }

    private var body: String {
        let sections = [
            "# \(name.line)\n\n**Research use only, not a medical device.**\n\n\(summary)",
            "## Intended use\n\n" + Self.intendedUse,
            "## Training data\n\n" + dataTable,
            "## Recipe\n\n" + recipeTable,
            "## Figures\n\n" + figureTable,
            "## Limits\n\n"
                + (limits + Self.commonLimits).map { "- \($0)" }.joined(separator: "\n"),
        ]
        return sections.joined(separator: "\n\n") + "\n"
    }

    private static let intendedUse = """
        Research on the segmentation of ultrasound images: comparing methods, and drawing \
        outlines that a person checks. Not for diagnosis, treatment or any decision about a patient.
        """

    private static let commonLimits = [
        "Other machines, probes, organs and populations than those of the training data may give"
            + " much worse outlines, without a sign of it.",
        "A prompt made from the label, as in every table above that names a click or a box,"
            + " flatters: a person's prompt is less exact.",
        "The network outlines something wherever it is asked to; that it finds a target does not"
            + " mean that there is one.",
    ]

    private var dataTable: String {
        guard !data.isEmpty else { return "Not recorded." }
        let rows = data.map { set in
            let counts = set.images.map { "\($0.count) \($0.split)" }.joined(separator: ", ")
            return [set.name, counts, set.licence ?? "not stated: ask its authors before use"]
        }
        return MarkdownTable(["dataset", "images", "licence remark"], rows: rows).text
    }

    private var recipeTable: String {
        let rows = [["start", start ?? "nothing"]] + recipe.map { [$0.name, $0.value] }
        return MarkdownTable(["what", "value"], rows: rows).text
    }

    private var figureTable: String {
        guard !figures.isEmpty else { return "None were measured." }
        let rows = figures.map { figure in
            [figure.data, figure.prompt, figure.metric, Self.words(figure.value)]
        }
        return MarkdownTable(["data", "prompt", "metric", "value"], rows: rows).text
    }

    private static func words(_ value: Double) -> String {
        value.isFinite ? String(format: "%.4g", value) : "nan"
    }
}

extension String {
    fileprivate var line: String {
        String(map { $0.isNewline ? " " : $0 })
    }
}
