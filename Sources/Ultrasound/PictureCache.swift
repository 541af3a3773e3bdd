import Synchronization

/// Decoded pictures in memory within a bound: each file is read once while there is room.
///
/// When the bound is reached no more are kept: each epoch asks for every picture once, so that
/// whatever were thrown out would be asked for before it is asked for again.
public final class PictureCache: Sendable {
    private struct Kept {
        var pictures: [String: LabelledPicture] = [:]
        var bytes = 0
    }

    private let limit: Int
    private let kept = Mutex(Kept())

    /// An empty cache.
    ///
    /// - Parameter limit: bytes of pixels.
    public init(limit: Int) {
        self.limit = limit
    }

    /// A sample's picture and label, from memory or from its files.
    ///
    /// - Parameter sample: may be asked for on several threads at once.
    /// - Returns: as `Sample.read(limits:)` gives it.
    /// - Throws: ``DataError`` as `Sample.read(limits:)` does.
    public func picture(of sample: Sample) throws(DataError) -> LabelledPicture {
        if let picture = kept.withLock({ $0.pictures[sample.picture] }) { return picture }
        let picture = try sample.read()
        let size = picture.image.pixels.count + picture.label.pixels.count
        kept.withLock { kept in
            guard kept.pictures[sample.picture] == nil, kept.bytes + size <= limit else { return }
            kept.pictures[sample.picture] = picture
            kept.bytes += size
        }
        return picture
    }
}
