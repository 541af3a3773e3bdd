import ArgumentParser
import Export
import Segmentation

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
    func form(of kind: ModelKind, type: XAnyLabelingType?) -> Form {
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
    func warnings(for kind: ModelKind) -> [String] {
        guard self == .anyLabeling else { return [] }
        let window =
            "warning: AnyLabeling's window warps pictures into 684x1024 pixels before the network "
            + "sees them: masks there differ from those of 'samus segment'"
        guard kind == .liteMedSAM else { return [window] }
        return [
            window,
            "warning: AnyLabeling and samexporter resize pictures to 1024, to which LiteMedSAM "
                + "reacts: masks equal ours only where the longest side is 1024 already "
                + "(--target x-anylabeling has no such limit)",
        ]
    }
}
