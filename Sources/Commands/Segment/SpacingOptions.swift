import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging

/// The options that state the size of a pixel.
struct SpacingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Size of a pixel in mm: one number, or width,height. It counts before what a file "
                + "states.",
            valueName: "mm"))
    var spacing: GivenSpacing?

    @Option(
        help: ArgumentHelp(
            "A CSV table with the columns name and mm_x, mm_y (or filename and pixel size(mm), as "
                + "in HC18).",
            valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var spacingTable: String?

    func validate() throws {
        guard spacing == nil || spacingTable == nil else {
            throw ValidationError("give --spacing or --spacing-table, not both")
        }
    }

    /// Reads the table.
    ///
    /// - Throws: ``SpacingTableError``.
    func source() throws(SpacingTableError) -> SpacingSource {
        SpacingSource(
            given: spacing?.value, table: try spacingTable.map(SpacingSource.readTable) ?? [:],
            tablePath: spacingTable)
    }
}

/// A pixel size on the command line: `0.2` or `0.2,0.3`.
struct GivenSpacing: ExpressibleByArgument {
    let value: PixelSpacing

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0) }.filter { $0 > 0 && $0.isFinite }
        guard numbers.count == parts.count, (1...2).contains(numbers.count) else { return nil }
        value = PixelSpacing(x: numbers[0], y: numbers[numbers.count - 1])
    }
}

/// Pixel sizes from the command line.
struct SpacingSource {
    var given: PixelSpacing?
    /// By file name without its extension.
    var table: [String: PixelSpacing] = [:]
    /// The file of the table.
    var tablePath: String?

    /// The size of a file's pixels.
    ///
    /// - Parameter path: the file; `a.mask.png` has the pixels of `a.png`.
    /// - Returns: nil where the command line states none.
    func calibration(for path: String) -> Calibration? {
        if let given { return .known(given, source: "--spacing") }
        var name = URL(fileURLWithPath: path).lastPathComponent
        while true {
            if let found = table[name] { return .known(found, source: "--spacing-table") }
            let shorter = (name as NSString).deletingPathExtension
            guard shorter != name else { return nil }
            name = shorter
        }
    }

    fileprivate static func readTable(
        _ path: String
    ) throws(SpacingTableError) -> [String: PixelSpacing] {
        let text: String
        do throws(FileReadError) {
            text = try RegularFile.text(path, limit: 64 << 20)
        } catch {
            throw .unreadable(path, error.reason)
        }
        let rows = CSV.rows(text)
        guard let header = rows.first else { throw .unreadable(path, "it is empty") }
        func column(_ names: String...) -> Int? {
            names.lazy.compactMap { header.firstIndex(of: $0) }.first
        }
        let common = column("pixel_size_mm", "pixel size(mm)")
        guard let name = column("name", "filename"), let x = column("mm_x") ?? common,
            let y = column("mm_y") ?? common
        else {
            throw .unreadable(
                path,
                "its first line needs the columns name and mm_x, mm_y, or filename and "
                    + "pixel size(mm)")
        }
        var table: [String: PixelSpacing] = [:]
        for (index, row) in rows.enumerated().dropFirst() {
            guard max(name, x, y) < row.count, let width = Double(row[x]),
                let height = Double(row[y]), width > 0, height > 0, width.isFinite, height.isFinite
            else {
                // A size that is not known is left empty.
                if max(x, y) < row.count, row[x].isEmpty || row[y].isEmpty { continue }
                throw .unreadable(path, "row \(index + 1) has no positive pixel size")
            }
            table[(row[name] as NSString).deletingPathExtension] = PixelSpacing(x: width, y: height)
        }
        return table
    }
}

/// Why a table of pixel sizes cannot be used.
enum SpacingTableError: Error, Equatable, CustomStringConvertible {
    case unreadable(String, String)

    var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "the table of pixel sizes '\(path)' cannot be used: \(reason)"
        }
    }
}
