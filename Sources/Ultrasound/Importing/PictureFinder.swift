/// The pictures of a COCO source, which its JSON files name in different ways.
struct PictureFinder {
    private let files: Set<String>
    private let byName: [String: [String]]

    init(_ root: SourceFolder) {
        let pictures = root.allFiles().filter(\.isPicture)
        files = Set(pictures)
        byName = Dictionary(grouping: pictures, by: \.lastComponent)
    }

    /// - Parameters:
    ///   - name: as the JSON file has it; only pictures inside the source are found by it.
    ///   - json: the JSON file.
    /// - Returns: nil where there is none, or several could be meant.
    func file(_ name: String, near json: String) -> String? {
        let folder = json.parent.isEmpty ? "" : json.parent + "/"
        for path in ["\(folder)\(name)", "images/\(name)", "\(folder)images/\(name)", name]
        where files.contains(path) {
            return path
        }
        let candidates = byName[name.lastComponent] ?? []
        guard candidates.count > 1, let split = Split(folderNamed: json) else {
            return candidates.count == 1 ? candidates[0] : nil
        }
        let own = candidates.filter { Split(folderNamed: $0.parent.lastComponent) == split }
        return own.count == 1 ? own[0] : nil
    }
}
