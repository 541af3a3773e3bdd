import Foundation

extension UltrasoundData {
    /// A number of samples and the files they are made of: equal where the same data was used.
    ///
    /// Of each file its size and at most 1 MiB count, of larger ones the beginning and the end. It
    /// does not depend on where the folder lies.
    ///
    /// - Parameter samples: in their order, which counts.
    /// - Returns: 16 hexadecimal digits.
    /// - Throws: ``DataError/unreadable(path:reason:)``.
    public static func hash(of samples: [Sample]) throws(DataError) -> String {
        var fingerprint = Fingerprint()
        var seen: Set<String> = []
        for sample in samples {
            fingerprint.add(sample.id)
            fingerprint.add(sample.classes)
            for path in [sample.imagePath, sample.labelPath] where seen.insert(path).inserted {
                try fingerprint.add(contentOf: path)
            }
        }
        return fingerprint.text
    }
}

extension Fingerprint {
    /// Adds a file's size and content, at most its first and last 512 KiB.
    ///
    /// - Throws: ``DataError/unreadable(path:reason:)``.
    mutating func add(contentOf path: String) throws(DataError) {
        let part = 512 << 10
        do {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw DataError.unreadable(path: path, reason: "there is no such file")
            }
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            let size = Int(try file.seekToEnd())
            add(size)
            try file.seek(toOffset: 0)
            add(Array(try file.read(upToCount: min(size, part)) ?? Data()))
            let rest = min(max(size - part, 0), part)
            try file.seek(toOffset: UInt64(size - rest))
            add(Array(try file.read(upToCount: rest) ?? Data()))
        } catch let error as DataError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: "\(error.localizedDescription)")
        }
    }
}
