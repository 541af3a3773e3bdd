/// Names of what a run writes beside an image's name, which no later run takes for images.
package enum ResultName {
    /// What the files of a result end with.
    private static let endings = [
        ".mask.png", ".labels.png", ".overlay.png", ".probability.png", ".area.png", ".json",
        ".seg.dcm", ".sr.dcm",
    ]

    /// Whether a file is a mask, an overlay, a record or a DICOM object of a former run.
    ///
    /// - Parameter path: a name or a path.
    /// - Returns: false for images of any kind.
    package static func isResult(_ path: String) -> Bool {
        let name = path.lowercased()
        return endings.contains(where: name.hasSuffix)
    }
}
