import Foundation

/// `MainPatient` with the lines of one data set put in the place of older ones.
struct ImportedLists {
    /// One picture's place in the lists.
    struct Entry {
        let name: String
        let split: Split
        /// The classes that are seen, from 1.
        let classes: [Int]
    }

    let root: String
    let dataset: String
    let classCount: Int

    /// The files to write, `class.json` first: without it no list can be read.
    ///
    /// - Parameter entries: the data set's pictures, in order.
    /// - Returns: names and contents.
    /// - Throws: ``ImportError/unreadable(path:reason:)`` when an older file is not of the layout.
    func files(_ entries: [Entry]) throws(ImportError) -> [(name: String, text: String)] {
        var files = [(name: "class.json", text: try classes())]
        for split in Split.allCases {
            let own = entries.filter { $0.split == split }.flatMap(lines)
            let others = try others(in: split)
            let dataset = "\(split.rawValue)-\(dataset).txt"
            files.append(("\(split.rawValue).txt", text(others + own)))
            if !own.isEmpty || FileManager.default.fileExists(atPath: path(dataset)) {
                files.append((dataset, text(own)))
            }
        }
        return files
    }

    /// The lines of a picture, one a class that is seen.
    ///
    /// With one class, or none of several seen, every class has its line: finding nothing is then
    /// right. In test lists `Dataset/NAME` means every class, as the authors' program reads them.
    func lines(_ entry: Entry) -> [String] {
        let all = Array(1..<classCount)
        let seen = entry.classes.isEmpty || all.count == 1 ? all : entry.classes
        if entry.split == .test && seen == all { return ["\(dataset)/\(entry.name)"] }
        return seen.map { "\($0)/\(dataset)/\(entry.name)" }
    }

    /// The lines of other data sets: those of the list of all or, where there is none, of each set's
    /// own, which the new list of all would hide.
    private func others(in split: Split) throws(ImportError) -> [String] {
        let lists = DataList.all(root: root).filter { $0.split == split }
        let all = lists.filter { $0.dataset == nil }
        let names = DataFolder.names(of: dataset)
        var lines: [String] = []
        for list in all.isEmpty ? lists : all {
            guard let text = try? String(contentsOfFile: list.path, encoding: .utf8) else {
                throw .unreadable(path: list.path, reason: "a text file is needed")
            }
            lines += text.split(whereSeparator: \.isNewline).map(String.init).filter { line in
                let parts = line.split(separator: "/")
                return parts.count < 2 || !names.contains(String(parts[parts.count - 2]))
            }
        }
        return lines
    }

    private func classes() throws(ImportError) -> String {
        var classes: [String: Int] = [:]
        if let data = FileManager.default.contents(atPath: path("class.json")) {
            guard let older = try? JSONDecoder().decode([String: Int].self, from: data) else {
                throw .unreadable(
                    path: path("class.json"),
                    reason: "an object of data sets and their classes is needed")
            }
            classes = older
        }
        for name in DataFolder.names(of: dataset) { classes[name] = nil }
        classes[dataset] = classCount
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(classes) else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private func path(_ name: String) -> String { "\(root)/MainPatient/\(name)" }

    private func text(_ lines: [String]) -> String {
        lines.map { $0 + "\n" }.joined()
    }
}
