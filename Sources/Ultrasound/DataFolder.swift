import Foundation

/// The folder of one data set.
struct DataFolder: Sendable {
    /// Where it is; the other name of the data set where only that one exists.
    let path: String
    let index: DataIndex

    /// - Throws: ``DataError`` when its `index.csv` is wrong.
    init(root: String, dataset: String) throws(DataError) {
        let places = Self.names(of: dataset).map { "\(root)/\($0)" }
        path = places.first(where: LayoutFile.exists) ?? "\(root)/\(dataset)"
        index = try DataIndex.read(folder: path)
    }

    /// The names that a data set goes by, the given one first.
    static func names(of dataset: String) -> [String] {
        let twins = ["ThyroidGland-TG3K", "ThyroidNodule-TG3K"]
        return twins.contains(dataset) ? [dataset] + twins.filter { $0 != dataset } : [dataset]
    }

    /// Endings of pictures, the layout's own first.
    static let endings = ["png", "jpg", "jpeg", "PNG", "JPG", "JPEG"]

    /// A picture's file, PNG or where there is none JPEG.
    ///
    /// - Parameters:
    ///   - part: `img` or `label`.
    ///   - name: the picture's name without extension.
    /// - Returns: the PNG's path when there is no file at all.
    func file(_ part: String, _ name: String) -> String {
        let places = Self.endings.map { "\(path)/\(part)/\(name).\($0)" }
        return places.first(where: LayoutFile.exists) ?? places[0]
    }

    /// Names of the pictures in it, hidden files left out, sorted as people count.
    ///
    /// - Parameter part: `img` or `label`.
    /// - Returns: names without extension.
    func names(in part: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(part)")) ?? []
        let names = files.filter { file in
            !file.hasPrefix(".") && Self.endings.contains { file.hasSuffix(".\($0)") }
        }
        return Set(names.map(\.stem)).sorted { $0.precedes($1) }
    }
}
