import Files
import Foundation
import Imaging

/// A data set being written beside the place where it will be: it appears whole or not at all.
final class ImportTarget {
    private let root: String
    private let dataset: String
    private let temporary: String
    private var isCommitted = false

    /// Makes the folders.
    ///
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``.
    init(root: String, dataset: String) throws(ImportError) {
        self.root = root
        self.dataset = dataset
        let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
        temporary = "\(root)/.\(dataset).\(suffix).partial"
        for folder in ["\(root)/MainPatient", "\(temporary)/img", "\(temporary)/label"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw .cannotWrite(path: folder, reason: Self.lastError())
            }
        }
    }

    deinit {
        if !isCommitted { try? FileManager.default.removeItem(atPath: temporary) }
    }

    /// Writes a picture and its label as PNG.
    ///
    /// - Parameters:
    ///   - image: the picture.
    ///   - label: its label, in the numbers to be stored.
    ///   - name: without extension.
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``, as when the disk is full.
    func write(_ image: Image, label: Image, name: String) throws(ImportError) {
        for (folder, picture) in [("img", image), ("label", label)] {
            do throws(ImageError) {
                try write(Data(picture.encodedPNG()), to: "\(folder)/\(name).png")
            } catch {
                throw .cannotWrite(
                    path: "\(root)/\(dataset)/\(folder)/\(name).png", reason: "\(error)")
            }
        }
    }

    private func write(_ data: Data, to path: String) throws(ImageError) {
        // Not flushed one by one: all are, before the folder gets its name.
        guard FileManager.default.createFile(atPath: "\(temporary)/\(path)", contents: data) else {
            throw .cannotWrite(name: path, reason: Self.lastError())
        }
    }

    /// Writes a text file into the data set.
    func write(_ text: String, to name: String) throws(ImportError) {
        guard
            FileManager.default.createFile(
                atPath: "\(temporary)/\(name)", contents: Data(text.utf8))
        else { throw .cannotWrite(path: "\(root)/\(dataset)/\(name)", reason: Self.lastError()) }
    }

    /// Gives the data set its name, then the lists their new lines.
    ///
    /// - Parameters:
    ///   - lists: the files of `MainPatient`, by their names.
    ///   - replaces: whether an older data set of the name goes.
    /// - Throws: ``ImportError``; the older data set is then where it was.
    func commit(lists: [(name: String, text: String)], replaces: Bool) throws(ImportError) {
        let final = "\(root)/\(dataset)"
        let older = "\(temporary).replaced"
        do throws(FileError) {
            var files: [AtomicFile] = []
            for list in lists {
                let file = try AtomicFile("\(root)/MainPatient/\(list.name)")
                try file.append(Array(list.text.utf8))
                try file.seal()
                files.append(file)
            }
            sync()
            let hasOlder = replaces && rename(final, older) == 0
            guard rename(temporary, final) == 0 else {
                let error = FileError(path: final, reason: Self.lastError())
                if hasOlder { rename(older, final) }
                throw error
            }
            do throws(FileError) {
                for file in files { try file.commit() }
            } catch {
                rename(final, temporary)
                if hasOlder { rename(older, final) }
                throw error
            }
            isCommitted = true
            if hasOlder { try? FileManager.default.removeItem(atPath: older) }
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}
