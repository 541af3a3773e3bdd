import Datasets
import Evaluation
import MaskMetrics
import Segmentation

extension StudyNetwork {
    init(_ name: String, _ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(
            [
                "network", "recipe", "from", "options", "budget", "prompts", "protocols", "gmac",
                "published",
            ], required: ["network"])
        guard let network = fields["network"] else { throw node.invalid("'network' is missing") }
        self.name = try node.checkedName(name)
        let architecture = try network.choice(
            "network", among: ModelArchitecture.all.map(\.commandName)
        ) { word in ModelArchitecture.all.first { $0.commandName == word } }
        self.architecture = architecture
        recipe = try fields["recipe"]?.text() ?? "full"
        from = try fields["from"]?.text()
        options =
            try fields["options"].map { node throws(StudyError) in
                try node.options()
            } ?? []
        budget = try fields["budget"].map { node throws(StudyError) in try StudyBudget(node) }
        prompts =
            try fields["prompts"].map { node throws(StudyError) in
                try node.prompts()
            } ?? [
                PromptStrategy(
                    architecture.trainedPrompts.contains(.click)
                        ? .click
                        : architecture.trainedPrompts.contains(.box) ? .box : nil)
            ]
        if prompts.contains(.promptFree), !architecture.isPromptFree {
            throw (fields["prompts"] ?? node).invalid("\(architecture.rawValue) needs a prompt")
        }
        if let prompt = prompts.first(where: { $0 != .promptFree }), !architecture.takesPrompts {
            throw (fields["prompts"] ?? node).invalid(
                "\(architecture.rawValue) takes no prompt, but '\(prompt)' is given")
        }
        protocols = try fields["protocols"].map { node throws(StudyError) in
            try node.protocols()
        }
        if options.contains(where: { $0.name == "classes" }), !architecture.takesClasses {
            throw (fields["options"] ?? node).invalid(
                "\(architecture.rawValue) segments one object at a time: 'classes' is for "
                    + "task-specific networks such as unet")
        }
        gmac = try fields["gmac"]?.number(atMost: 1e6)
        published = try fields["published"]?.published() ?? [:]
    }
}

extension StudyModel {
    init(_ name: String, _ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(
            ["model", "prompts", "gmac", "published"], required: ["model"])
        guard let field = fields["model"] else { throw node.invalid("'model' is missing") }
        self.name = try node.checkedName(name)
        model = try field.text()
        prompts =
            try fields["prompts"].map { node throws(StudyError) in
                try node.prompts()
            } ?? [.box()]
        gmac = try fields["gmac"]?.number(atMost: 1e6)
        published = try fields["published"]?.published() ?? [:]
        guard isBaseline, let other = prompts.first(where: { !$0.isBox }) else { return }
        throw (fields["prompts"] ?? node).invalid("\(model) needs a box, not '\(other)'")
    }
}

extension StudyBudget {
    init(_ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(["epochs", "steps", "minutes"])
        guard fields.count == 1, let (key, value) = fields.first else {
            throw node.invalid("one of epochs, steps and minutes is needed")
        }
        switch key {
        case "epochs": self = .epochs(try value.integer(1...1_000_000))
        case "steps": self = .steps(try value.integer(1...100_000_000))
        default: self = .minutes(try value.number(atMost: 1_000_000))
        }
    }
}

extension StudyTraining {
    init(_ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(["options", "budget", "seeds", "fractions"])
        if let node = fields["options"] {
            options = try node.options()
            guard !options.contains(where: { $0.name == "classes" }) else {
                throw node.invalid("'classes' belongs to the options of one network")
            }
        }
        if let node = fields["budget"] { budget = try StudyBudget(node) }
        if let node = fields["seeds"] {
            seeds = []
            for one in try node.list() { seeds.append(try one.integer(0...1_000_000_000)) }
            try node.checkUnique(seeds) { "\($0)" }
        }
        if let node = fields["fractions"] {
            fractions = []
            for one in try node.list() { fractions.append(try one.number(atMost: 1)) }
            try node.checkUnique(fractions) { "\($0)" }
        }
    }
}

extension StudyEvaluation {
    init(_ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(["protocols", "held-out", "split", "limit", "resolution"])
        if let node = fields["protocols"] { protocols = try node.protocols() }
        for group in try fields["held-out"]?.list() ?? [] { heldOut.append(try group.names()) }
        if let node = fields["split"] {
            split = try node.choice("list", among: ["test", "val", "train"]) {
                Split(rawValue: $0)
            }
        }
        limit = try fields["limit"]?.integer(1...1_000_000)
        if let node = fields["resolution"] {
            resolution = try node.choice(
                "resolution", among: EvaluationResolution.allCases.map(\.rawValue)
            ) { EvaluationResolution(rawValue: $0) }
        }
    }
}

extension StudyResultOptions {
    init(_ node: StudyNode) throws(StudyError) {
        let fields = try node.fields(["metrics", "sheets"])
        if let node = fields["metrics"] {
            metrics = []
            // An area error has no best direction.
            let words = MaskMetric.allCases.filter { $0.unit != .area }.map(\.rawValue)
            for one in try node.list() {
                metrics.append(
                    try one.choice("metric", among: words) {
                        words.contains($0) ? MaskMetric(rawValue: $0) : nil
                    })
            }
            try node.checkUnique(metrics, \.rawValue)
        }
        sheets = try fields["sheets"]?.integer(0...50) ?? sheets
    }
}

extension StudyNode {
    /// A name in tables.
    fileprivate func checkedName(_ name: String) throws(StudyError) -> String {
        guard name.count <= 60, name.unicodeScalars.allSatisfy({ (32..<127).contains($0.value) })
        else { throw invalid("a name of printable ASCII, at most 60 letters, is needed") }
        return name
    }

    func names() throws(StudyError) -> [String] {
        var names: [String] = []
        for one in try list() { names.append(try one.text()) }
        return names
    }

    fileprivate func prompts() throws(StudyError) -> [PromptStrategy] {
        var prompts: [PromptStrategy] = []
        for node in try list() {
            let text = try node.text()
            guard let prompt = PromptStrategy(text) else {
                throw node.invalid("'\(text)' is no prompt; there are \(PromptStrategy.forms)")
            }
            if case .interactive = prompt {
                throw node.invalid("'\(text)' is for training only")
            }
            if case .onNothing = prompt {
                throw node.invalid("'\(text)' has no object that could be compared")
            }
            if case .corrections = prompt, prompts.contains(where: \.isCorrections) {
                throw node.invalid(
                    "'\(text)': one corrections:N is enough; it is measured after each of 0 to N "
                        + "corrections")
            }
            prompts.append(prompt)
        }
        try checkUnique(prompts, \.description)
        return prompts
    }

    fileprivate func protocols() throws(StudyError) -> [StudyProtocol] {
        var protocols: [StudyProtocol] = []
        for node in try list() {
            protocols.append(
                try node.choice("protocol", among: StudyProtocol.allCases.map(\.rawValue)) {
                    StudyProtocol(rawValue: $0)
                })
        }
        try checkUnique(protocols, \.rawValue)
        return protocols
    }

    /// Dice by protocol and task.
    fileprivate func published() throws(StudyError) -> PublishedDice {
        var published: PublishedDice = [:]
        let fields = try fields(StudyProtocol.allCases.map(\.rawValue))
        for kind in StudyProtocol.allCases {
            for (task, value) in try fields[kind.rawValue]?.entries() ?? [] {
                published[kind, default: [:]][task] = try value.number(atMost: 1)
            }
        }
        return published
    }

    /// Options that the study itself gives to `samus train`.
    private static let ownOptions = [
        "data", "sets", "fraction", "network", "recipe", "from", "epochs", "seed", "time-limit",
        "threads", "project", "name", "resume", "continue", "force", "dry-run",
    ]

    /// Options of `samus train` that name weights, which are no input of a job.
    private static let weightOptions = ["teacher", "decoder-from"]

    fileprivate func options() throws(StudyError) -> [StudyOption] {
        var options: [StudyOption] = []
        for (name, value) in try entries() {
            guard name.wholeMatch(of: #/[a-z][a-z-]*/#) != nil else {
                throw value.invalid("'\(name)' is no option of samus train")
            }
            guard !Self.ownOptions.contains(name) else {
                throw value.invalid("the study gives --\(name) itself")
            }
            guard !Self.weightOptions.contains(name) else {
                throw value.invalid(
                    "--\(name) is not supported in a study, which does not hash these weights")
            }
            let text = try value.text()
            let isFlag = text == "true" || text == "false"
            options.append(
                StudyOption(
                    name: name, value: isFlag ? nil : text, isOff: text == "false",
                    line: value.line))
        }
        return options
    }
}
