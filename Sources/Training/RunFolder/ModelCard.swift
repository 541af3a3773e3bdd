import FileIO
import Foundation
import Imaging
import Yams

/// `model_card.md`: a description of weights for people, in the form of Hugging Face's model cards.
public struct ModelCard: Sendable {
    /// A dataset that weights were trained or measured on.
    public struct DataSet: Sendable {
        /// Name of the dataset.
        public var name: String
        /// Number of images of each split, for example ("train", 1200).
        public var images: [(split: String, count: Int)]
        /// Licence of the dataset; nil where unknown.
        public var licence: String?

        /// - Parameters:
        ///   - name: name of the dataset.
        ///   - images: number of images of each split.
        ///   - licence: licence of the dataset; nil where unknown.
        public init(name: String, images: [(split: String, count: Int)], licence: String? = nil) {
            self.name = name
            self.images = images
            self.licence = licence
        }
    }

    /// A measured value.
    public struct Figure: Sendable {
        /// The data, for example `BUSI, validation`.
        public var data: String
        /// The prompt of each object, for example `one fixed click`.
        public var prompt: String
        /// The metric, for example `Dice`.
        public var metric: String
        /// The value.
        public var value: Double

        /// - Parameters:
        ///   - data: the data.
        ///   - prompt: the prompt of each object.
        ///   - metric: the metric.
        ///   - value: the value.
        public init(data: String, prompt: String, metric: String, value: Double) {
            self.data = data
            self.prompt = prompt
            self.metric = metric
            self.value = value
        }
    }

    /// Name of the weights.
    public var name: String
    /// Description in a sentence or two.
    public var summary: String
    /// Licence of the weights; nil where undecided.
    public var licence: String?
    /// The weights that the training started from, for example `SAM ViT-B`; nil for random weights.
    public var start: String?
    /// The training data.
    public var data: [DataSet]
    /// The main options of the training, by name.
    public var recipe: [(name: String, value: String)]
    /// Measured values.
    public var figures: [Figure]
    /// Limitations, a sentence each; those of every network are added.
    public var limits: [String]

    /// - Parameters:
    ///   - name: name of the weights.
    ///   - summary: description in a sentence or two.
    ///   - licence: licence of the weights; nil where undecided.
    ///   - start: the weights that the training started from.
    ///   - data: the training data.
    ///   - recipe: the main options of the training.
    ///   - figures: measured values.
    ///   - limits: limitations, a sentence each.
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

    /// Writes the card atomically.
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
        try writeRunFile("---\n" + header + "---\n\n" + body.visible, to: path)
    }

    /// The header that Hugging Face's Hub reads: https://huggingface.co/docs/hub/model-cards.
    private var frontMatter: Node {
        var pairs: [(Node, Node)] = []
        if let licence {
            // Identifiers that the Hub knows.
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
                (Node("value"), Node(Self.text(figure.value))),
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
            "## Use\n\n" + Self.use,
            "## Training data\n\n" + dataTable,
            "## Training\n\n" + recipeTable,
            "## Figures\n\n" + figureTable,
            "## Limitations\n\n"
                + (limits + Self.commonLimits).map { "- \($0)" }.joined(separator: "\n"),
        ]
        return sections.joined(separator: "\n\n") + "\n"
    }

    private static let intendedUse = """
        Research on the segmentation of ultrasound images: comparing methods, and drawing \
        outlines that a person checks. Not for diagnosis, treatment or decisions about patients.
        """

    private static let use = """
        `weights/best.safetensors` has the best validation, `weights/last.safetensors` the last step:

        ```
        samus info weights/best.safetensors
        samus segment IMAGE --model weights/best.safetensors --point x,y
        samus evaluate --data ROOT --model weights/best.safetensors --output DIR
        ```
        """

    private static let commonLimits = [
        "Accuracy may be much lower, without any warning, on machines, probes, organs and"
            + " populations that are not in the training data.",
        "Prompts made from labels, as in the table of figures, are more exact than a person's:"
            + " accuracy with hand-made prompts is lower.",
        "The network returns a mask for every prompt, also where there is no such object.",
    ]

    private var dataTable: String {
        guard !data.isEmpty else { return "Not recorded." }
        let rows = data.map { set in
            let counts = set.images.map { "\($0.count) \($0.split)" }.joined(separator: ", ")
            return [set.name, counts, set.licence ?? "not stated: ask the authors before use"]
        }
        return MarkdownTable(["dataset", "images", "licence"], rows: rows).text
    }

    private var recipeTable: String {
        let rows = [["start", start ?? "random weights"]] + recipe.map { [$0.name, $0.value] }
        return MarkdownTable(["option", "value"], rows: rows).text
    }

    private var figureTable: String {
        guard !figures.isEmpty else { return "Not measured." }
        let rows = figures.map { figure in
            [figure.data, figure.prompt, figure.metric, Self.text(figure.value)]
        }
        return MarkdownTable(["data", "prompt", "metric", "value"], rows: rows).text
    }

    private static func text(_ value: Double) -> String {
        value.isFinite ? String(format: "%.4g", value) : "nan"
    }
}

extension String {
    fileprivate var line: String {
        String(map { $0.isNewline ? " " : $0 })
    }
}
