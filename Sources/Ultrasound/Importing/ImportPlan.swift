import Imaging

/// Finds what is to be imported in a source of one form.
protocol Importer {
    /// - Parameters:
    ///   - source: the folder or file the user named.
    ///   - options: what the user chose.
    /// - Returns: what there is to read.
    /// - Throws: ``ImportError`` when the source is not of the form.
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan
}

/// A picture and its label, read from a source.
struct ImportedPicture {
    /// As the original calls it.
    var name: String
    var image: Image
    /// The class of each pixel, one channel; 0 is background.
    var label: Image
    var spacing: PixelSpacing?
    var details: [String: String] = [:]
    /// What the user should know of it.
    var remark: String?
}

/// What gives one picture, or several that are stored together.
struct ImportItem {
    /// The picture's file, seen from the source.
    var source: String
    var patient: String?
    /// By the original's own lists.
    var split: Split?
    var details: [String: String] = [:]
    let read: () throws(ImportProblem) -> [ImportedPicture]
}

/// All that an importer found.
struct ImportPlan {
    var items: [ImportItem] = []
    /// The classes' names, from class 1.
    var classNames: [String]
    /// Columns of `index.csv` beside the usual ones.
    var detailColumns: [String] = []
    /// Whether the original has a split of its own, which is then kept.
    var hasSplit = false
    /// Files that should have been imported and cannot be.
    var problems: [ImportProblem] = []
    /// Files passed over that are not meant to be imported.
    var remarks: [ImportProblem] = []
    /// What the user should know of the whole.
    var notes: [String] = []
}
