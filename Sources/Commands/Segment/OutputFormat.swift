import ArgumentParser

/// A kind of file that a segmentation is written as.
enum OutputFormat: String, CaseIterable, Sendable {
    /// The mask, 0 and 255.
    case png
    /// The outline on the image.
    case overlay
    /// Numbers, contours, prompts, model and times.
    case json
    /// The masks as COCO's run lengths.
    case rle
    /// The outlines as polygons.
    case contour
}

/// A list of formats as the command line takes it: `png,overlay`.
struct OutputFormats: ExpressibleByArgument, Sendable {
    let formats: Set<OutputFormat>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let formats = parts.compactMap { OutputFormat(rawValue: String($0)) }
        guard !formats.isEmpty, formats.count == parts.count else { return nil }
        self.formats = Set(formats)
    }

    static var allValueStrings: [String] { OutputFormat.allCases.map(\.rawValue) }
}

/// Which parts of a mask are kept.
enum KeptParts: String, ExpressibleByArgument, CaseIterable, Sendable {
    case all, largest
}
