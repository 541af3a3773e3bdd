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

/// `samus export`: writes a model as files that run without libtorch.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Export a model as a bundle that runs without libtorch.",
        usage: "samus export MODEL OUT [--precision f32|f16-weights|int8] [--target TARGET]",
        discussion: """
            Records the network on libtorch and writes it as ONNX (operator set 17). Everything that \
            does not depend on the image is computed at export. The bundle is a folder with \
            encoder.onnx, decoder.onnx, for prompt-free networks auto.onnx, and model.json; 'samus segment \
            --model OUT.samus' runs it on OpenVINO, and 'samus info OUT.samus' describes it. The \
            numbers of prompts and points are dynamic. The encoder of a bundle takes one image, \
            which is faster; with --target onnx the batch is dynamic.

            --precision f16-weights stores weights in 16 bits: half the file size, the same speed, \
            nearly the same masks. --precision int8 computes most layers of the encoder in 8-bit \
            integers, which is faster and changes masks. It needs --calibrate with a folder of \
            datasets (US30K layout) like those that the model is for: ranges are measured on images of \
            the train lists, masks are compared with float32's on the val lists, and layers that \
            change masks too much stay in float32. quantization.json in the bundle lists the \
            results. With f16-weights, --calibrate only compares masks. bf16 needs no export: run \
            any bundle with --precision bf16.

            --target x-anylabeling and anylabeling write a folder that these annotation programs \
            load by its config.yaml. The ONNX files include all preprocessing, and return one mask \
            of the image's size for points and a box. X-AnyLabeling's model type is sam_med2d for \
            SAMUS and AutoSAMUS (with prompts), and efficientvit_sam for SAM and LiteMedSAM, which \
            sam_med2d does not support. efficientvit_sam passes the original image to the encoder, \
            and its masks are closest to those of 'samus segment' for every network. AnyLabeling \
            resizes images first: SAMUS gives the same masks nevertheless, LiteMedSAM only for \
            images with a longest side of 1024. Docs/AnnotationTools.md has figures.

            Research use only, not a medical device.
            """)

    @Argument(
        help: "Name of a model, or a checkpoint file.",
        completion: .model)
    var model: String

    @Argument(
        help: "Folder to write; the name of a bundle ends in .samus, of ONNX files in -onnx.")
    var output: String

    @Option(help: "How weights are stored and products computed: f32, f16-weights or int8.")
    var precision = ModelBundle.Manifest.Precision.float32

    @Option(
        help: """
            What to write: bundle, onnx (the same files for other runtimes), or a model for \
            x-anylabeling or anylabeling.
            """)
    var target = ExportTarget.bundle

    @Option(
        help: ArgumentHelp(
            "X-AnyLabeling's model type: sam_med2d or efficientvit_sam (default: by architecture).",
            valueName: "type"))
    var toolType: XAnyLabelingType?

    @OptionGroup(title: "8-bit integers") var calibration: CalibrationOptions

    @Option(
        help: ArgumentHelp(
            "Levels of area intervals, from 'samus evaluate --split val --prompt random:1,box "
                + "--uncertainty'; 'samus segment --uncertainty' needs them for its intervals.",
            valueName: "click,box"))
    var areaLevels: AreaLevelsArgument?

    @Option(
        help: ArgumentHelp(
            "Name of the model in results (default: the name of OUT).", valueName: "name"))
    var name: String?

    @Flag(help: "Replace OUT when it exists.")
    var force = false

    func validate() throws {
        guard target != .bundle || folder.hasSuffix(".samus") else {
            throw ValidationError(
                "'\(output)' will be a bundle: its name must end in .samus")
        }
        guard target != .onnx || folder.hasSuffix(Self.onnxSuffix) else {
            throw ValidationError(
                "'\(output)' will be a folder of ONNX files: its name must end in "
                    + Self.onnxSuffix)
        }
        guard toolType == nil || target == .xAnyLabeling else {
            throw ValidationError("--tool-type needs --target x-anylabeling")
        }
        guard precision != .int8 || calibration.root != nil else {
            throw ValidationError(
                "--precision int8 needs --calibrate ROOT: images to measure ranges on")
        }
        guard modelName.wholeMatch(of: #/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}/#) != nil else {
            throw ValidationError(
                "the name of a model consists of letters, digits, - _ and . : give one with --name")
        }
    }

    /// The end of a folder's name that says that another runtime will read it.
    private static let onnxSuffix = "-onnx"

    private var modelName: String {
        if let name { return name }
        let url = URL(fileURLWithPath: folder)
        return target == .onnx
            ? String(url.lastPathComponent.dropLast(Self.onnxSuffix.count))
            : url.deletingPathExtension().lastPathComponent
    }

    /// OUT without a trailing slash.
    private var folder: String {
        var path = output
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// Checks, before any work, that OUT can be written and that nothing would be lost.
    private func checkOutput() throws {
        let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        // A former export may have been killed while it replaced OUT.
        try withExitStatus(.output) { try FileTransaction.recover(in: parent) }
        guard force || FileKind(folder) == nil else {
            throw ExitError(
                .output,
                "'\(folder)' exists already: add --force to replace it, or name another folder")
        }
        guard AtomicFolder.containsOnly(Exporter.fileNames, at: folder) else {
            throw ExitError(
                .output,
                "'\(folder)' contains other files than those of an export, which would be lost: "
                    + "name another folder")
        }
        guard FileManager.default.isWritableFile(atPath: parent) else {
            throw ExitError(
                .output,
                "'\(folder)' cannot be written: '\(parent)' is not a writable folder")
        }
    }

    func run() throws {
        try checkOutput()
        let data = try calibration.root.map { root in
            try withExitStatus(.input) { try CalibrationData(root, calibration) }
        }
        let exporter = try withExitStatus(.unavailable) {
            let file = try ModelCheckpoint(model, provider: TorchEngineProvider())
            file.notes.forEach(Terminal.log)
            Terminal.log("recording \(file.model.architecture.rawValue) ...")
            var model = file.model
            model.areaLevels = areaLevels?.levels
            return try Exporter(
                checkpoint: file.checkpoint, model: model,
                program: "samus \(ProgramVersion.current)")
        }
        let tool = target.tool(for: exporter.model.architecture, type: toolType)
        if let tool {
            try withExitStatus(.input) { try exporter.check(tool) }
            tool.warnings(for: exporter.model.architecture).forEach(Terminal.log)
        }
        let reduced = data.map { ReducedPrecision(exporter, $0) }
        let layers = try precision == .int8 ? reduced?.chooseIntegerLayers() : nil
        let agreement = try layers?.agreement ?? reduced?.agreement(of: precision)
        try withExitStatus(.output) {
            if let tool {
                try exporter.writeModel(
                    for: tool, named: modelName, precision: precision, layers: layers, to: folder)
            } else if target == .onnx {
                try exporter.writeGraphs(
                    named: modelName, precision: precision, layers: layers, to: folder)
            } else {
                try exporter.writeBundle(
                    named: modelName, precision: precision, layers: layers, to: folder)
            }
        }
        try withExitStatus(.output) { try Terminal.report(folder, layers, agreement ?? []) }
    }
}

extension Terminal {
    /// Prints the files, the layers in integers and how masks agree.
    fileprivate static func report(
        _ folder: String, _ layers: QuantizedLayers?, _ agreement: [MaskAgreement]
    ) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            let bytes = (attributes[.size] as? Int ?? 0).formatted()
            Terminal.print(
                name.padding(toLength: 20, withPad: " ", startingAt: 0) + bytes + " bytes")
        }
        if let layers {
            Terminal.print(
                "\n\(layers.counts.integer) of \(layers.counts.all) layers in 8-bit integers, "
                    + "calibrated on \(layers.imageCount) images")
        }
        if !agreement.isEmpty {
            Terminal.print("\nmasks against float32's    objects  mean Dice   min Dice")
        }
        for row in agreement {
            Terminal.print(
                row.dataset.padding(toLength: 26, withPad: " ", startingAt: 0)
                    + String(
                        format: "%8d %10.4f %11.4f", row.objects, row.meanDice, row.minDice))
        }
        Terminal.print("\n\(folder)\n\(ResearchNotice.text)")
    }
}

/// What `samus export` writes.
enum ExportTarget: String, ExpressibleByArgument, CaseIterable {
    case bundle, onnx
    case xAnyLabeling = "x-anylabeling"
    case anyLabeling = "anylabeling"

    /// The annotation tool to write for.
    ///
    /// - Parameters:
    ///   - architecture: the model's architecture.
    ///   - type: X-AnyLabeling's type from the command line; nil for the default.
    /// - Returns: nil for a bundle and for ONNX files.
    func tool(for architecture: ModelArchitecture, type: XAnyLabelingType?) -> AnnotationTool? {
        switch self {
        case .bundle, .onnx: nil
        case .xAnyLabeling: .xAnyLabeling(type ?? XAnyLabelingType(for: architecture))
        case .anyLabeling: .anyLabeling
        }
    }
}

/// Levels on the command line: `0.05,0.2`.
struct AreaLevelsArgument: ExpressibleByArgument {
    let levels: AreaLevels

    init?(argument: String) {
        let numbers = argument.split(separator: ",", omittingEmptySubsequences: false)
            .map { Double($0) ?? .nan }
        guard numbers.count == 2, numbers.allSatisfy({ (0...0.5).contains($0) }) else { return nil }
        levels = AreaLevels(click: numbers[0], box: numbers[1])
    }
}

extension XAnyLabelingType: ExpressibleByArgument {}

extension AnnotationTool {
    /// Known limitations of the tool.
    ///
    /// - Parameter architecture: the model's architecture.
    /// - Returns: warnings for the terminal.
    fileprivate func warnings(for architecture: ModelArchitecture) -> [String] {
        guard self == .anyLabeling else { return [] }
        let window =
            "warning: AnyLabeling's window warps images to 684x1024 pixels before they reach the "
            + "network: its masks differ from those of 'samus segment'"
        guard architecture == .liteMedSAM else { return [window] }
        return [
            window,
            "warning: AnyLabeling and samexporter resize images to 1024, and LiteMedSAM is sensitive "
                + "to that: masks equal those of 'samus segment' only for images with a longest "
                + "side of 1024 (--target x-anylabeling has no such limit)",
        ]
    }
}
