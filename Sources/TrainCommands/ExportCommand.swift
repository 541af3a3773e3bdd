import ArgumentParser
import Commands
import Datasets
import Export
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

extension ModelBundle.Manifest.Precision: ExpressibleByArgument {}

/// `samus export`: a model as files that run without libtorch.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Turn a model into a bundle that runs without libtorch.",
        usage: "samus export MODEL OUT [--precision f32|f16-weights|int8] [--target TARGET]",
        discussion: """
            Runs the network once and writes what it did as ONNX (operator set 17), with everything \
            that no image changes computed beforehand. The bundle is a folder with encoder.onnx, \
            decoder.onnx, for AutoSAMUS auto.onnx, and model.json; 'samus segment --model \
            OUT.samus' runs it on OpenVINO, and 'samus info OUT.samus' shows it. Numbers of \
            prompts and points are free; a bundle's encoder takes one image, which is faster, \
            that of --target onnx any number.

            --precision f16-weights stores weights in 16 bits: half the file, the same speed, \
            outlines nearly the same. --precision int8 computes most layers of the encoder in \
            8-bit integers, which is faster and changes outlines: it needs --calibrate with a \
            folder of data sets (US30K layout) like those the model is for. Ranges come from \
            images of its train list; masks are then compared with float32's on its val list, \
            and layers that change them too much are kept in float32. quantization.json in the \
            bundle says what was found. With f16-weights, --calibrate only compares masks. (bf16 \
            needs no export: give --precision bf16 when running.)

            --target x-anylabeling and anylabeling write a folder that those annotation programs \
            load by its config.yaml: ONNX files that do all preparation themselves, and give one \
            mask of the image's size for clicks and a box. X-AnyLabeling's model type is \
            sam_med2d for SAMUS and AutoSAMUS (with prompts), else efficientvit_sam, which gives the \
            encoder the image as it is, and masks nearest to ours for every network; sam_med2d \
            cannot carry SAM and LiteMedSAM. AnyLabeling resizes images first: masks are SAMUS's \
            all the same, LiteMedSAM's only where the longest side is 1024. \
            Docs/AnnotationTools.md has figures.

            Research use only, not a medical device.
            """)

    @Argument(
        help: "A model's name, or a checkpoint file.",
        completion: .file(extensions: ["pth", "pt", "safetensors"]))
    var model: String

    @Argument(help: "The folder to write; for a bundle its name ends in .samus.")
    var output: String

    @Option(help: "How weights are stored and products computed: f32, f16-weights or int8.")
    var precision = ModelBundle.Manifest.Precision.float32

    @Option(
        help: """
            What is written: bundle, onnx for the ONNX files alone, or what x-anylabeling or \
            anylabeling loads.
            """)
    var target = ExportTarget.bundle

    @Option(
        help: ArgumentHelp(
            "X-AnyLabeling's model type: sam_med2d or efficientvit_sam (default: by the network).",
            valueName: "type"))
    var toolType: XAnyLabelingType?

    @OptionGroup(title: "8-bit integers") var calibration: CalibrationOptions

    @Option(
        help: ArgumentHelp(
            "The name that results will state (default: that of OUT).", valueName: "name"))
    var name: String?

    @Flag(help: "Replace OUT when it exists.")
    var force = false

    func validate() throws {
        guard target != .bundle || folder.hasSuffix(".samus") else {
            throw ValidationError(
                "'\(output)' will be a bundle: give it a name that ends in .samus")
        }
        guard toolType == nil || target == .xAnyLabeling else {
            throw ValidationError("--tool-type is for --target x-anylabeling")
        }
        guard precision != .int8 || calibration.root != nil else {
            throw ValidationError(
                "--precision int8 needs --calibrate ROOT: images to find the ranges with")
        }
        guard
            target == .onnx
                || modelName.wholeMatch(of: #/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}/#) != nil
        else {
            throw ValidationError(
                "a model's name is made of letters, digits, - _ and . : give one with --name")
        }
    }

    private var modelName: String {
        name ?? URL(fileURLWithPath: folder).deletingPathExtension().lastPathComponent
    }

    /// OUT without the slash that shells put behind folders.
    private var folder: String {
        var path = output
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// Refuses a place that cannot be written, or where something would be lost, before any work.
    private func checkPlace() throws {
        guard force || !FileManager.default.fileExists(atPath: folder) else {
            throw ExitError(
                .output,
                "'\(folder)' exists already: add --force to replace it, or name another folder")
        }
        guard AtomicFolder.holdsOnly(Exporter.fileNames, at: folder) else {
            throw ExitError(
                .output,
                "'\(folder)' holds other things than an export, which would be lost: name another "
                    + "folder")
        }
        let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        guard FileManager.default.isWritableFile(atPath: parent) else {
            throw ExitError(
                .output,
                "'\(folder)' cannot be written: '\(parent)' is no folder to write in")
        }
    }

    func run() throws {
        try checkPlace()
        let data = try calibration.root.map { root in
            try withExitStatus(.input) { try CalibrationData(root, calibration) }
        }
        let exporter = try withExitStatus(.unavailable) {
            let file = try ModelFile(model, provider: TorchEngineProvider())
            file.notes.forEach(Terminal.log)
            Terminal.log("recording \(file.model.kind.rawValue) ...")
            return try Exporter(
                checkpoint: file.checkpoint, model: file.model,
                program: "samus \(ProgramVersion.current)")
        }
        let form = target.form(of: exporter.model.kind, type: toolType)
        if case .tool(let tool) = form {
            try withExitStatus(.input) { try exporter.check(tool) }
            tool.warnings(for: exporter.model.kind).forEach(Terminal.log)
        }
        let reduced = data.map { ReducedPrecision(exporter, $0) }
        let layers = try precision == .int8 ? reduced?.integers() : nil
        let agreement = try layers?.agreement ?? reduced?.agreement(of: precision)
        try withExitStatus(.output) {
            switch form {
            case .bundle:
                try exporter.writeBundle(
                    named: modelName, precision: precision, layers: layers, to: folder)
            case .onnx:
                try exporter.writeGraphs(precision: precision, layers: layers, to: folder)
            case .tool(let tool):
                try exporter.writeModel(
                    for: tool, named: modelName, precision: precision, layers: layers, to: folder)
            }
        }
        try withExitStatus(.output) { try Terminal.report(folder, layers, agreement ?? []) }
    }
}

extension Terminal {
    /// The lines that end an export.
    fileprivate static func report(
        _ folder: String, _ layers: QuantizedLayers?, _ agreement: [MaskAgreement]
    ) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            let bytes = (attributes[.size] as? Int ?? 0).formatted()
            print(name.padding(toLength: 20, withPad: " ", startingAt: 0) + bytes + " bytes")
        }
        if let layers {
            print(
                "\n\(layers.counts.integers) of \(layers.counts.all) layers in 8-bit integers, "
                    + "ranges from \(layers.images) images")
        }
        if !agreement.isEmpty {
            print("\nmasks against float32's    objects  mean Dice  least Dice")
        }
        for row in agreement {
            print(
                row.dataset.padding(toLength: 26, withPad: " ", startingAt: 0)
                    + String(
                        format: "%8d %10.4f %11.4f", row.objects, row.meanDice, row.leastDice))
        }
        print("\n\(folder)\n\(ResearchNotice.text)")
    }
}

/// What is written.
enum ExportTarget: String, ExpressibleByArgument, CaseIterable {
    case bundle, onnx
    case xAnyLabeling = "x-anylabeling"
    case anyLabeling = "anylabeling"

    /// The same with a choice made where there is one.
    enum Form {
        case bundle, onnx
        case tool(AnnotationTool)
    }

    /// - Parameters:
    ///   - kind: of the network.
    ///   - type: X-AnyLabeling's, where one was asked for.
    /// - Returns: what is written of the network.
    func form(of kind: ModelArchitecture, type: XAnyLabelingType?) -> Form {
        switch self {
        case .bundle: .bundle
        case .onnx: .onnx
        case .xAnyLabeling: .tool(.xAnyLabeling(type ?? XAnyLabelingType(for: kind)))
        case .anyLabeling: .tool(.anyLabeling)
        }
    }
}

extension XAnyLabelingType: ExpressibleByArgument {}

extension AnnotationTool {
    /// What its user has to know of a network there.
    ///
    /// - Parameter kind: of the network.
    /// - Returns: lines for the terminal.
    func warnings(for kind: ModelArchitecture) -> [String] {
        guard self == .anyLabeling else { return [] }
        let window =
            "warning: AnyLabeling's window warps images into 684x1024 pixels before the network "
            + "sees them: masks there differ from those of 'samus segment'"
        guard kind == .liteMedSAM else { return [window] }
        return [
            window,
            "warning: AnyLabeling and samexporter resize images to 1024, to which LiteMedSAM "
                + "reacts: masks equal ours only where the longest side is 1024 already "
                + "(--target x-anylabeling has no such limit)",
        ]
    }
}
