import DICOM
import FileIO
import Foundation
import Imaging
import Synchronization

/// Reads frames, and keeps the volumes and frames that were used last.
///
/// A volume is decompressed once for all its frames. A cine that is read in order, forwards or
/// backwards, is decoded in blocks: one pass through the file serves several frames.
final class FrameCache: Sendable {
    private enum Content {
        case volume(NIfTIVolume, NIfTIGreyScale)
        case frame(Image)
    }

    private struct State {
        var entries: [String: (content: Content, bytes: Int, used: Int)] = [:]
        var bytes = 0
        var clock = 0
        var decodings = 0
    }

    /// Largest number of frames, and of their bytes, that one pass through a cine decodes.
    private static let (blockFrames, blockBytes) = (16, 64 << 20)

    private let state = Mutex(State())
    private let limit: Int

    /// Number of passes through files so far.
    var decodings: Int { state.withLock { $0.decodings } }
    /// The size of what is kept, in bytes.
    var bytes: Int { state.withLock { $0.bytes } }

    /// - Parameter limit: largest size of what is kept, in bytes; what was used last is always kept.
    init(limit: Int) {
        self.limit = limit
    }

    /// Reads a frame.
    ///
    /// - Parameters:
    ///   - frame: from 1.
    ///   - image: the image.
    ///   - limits: the largest accepted image.
    /// - Returns: the frame.
    /// - Throws: errors of reading, ``RequestError`` for a frame that does not exist.
    func frame(_ frame: Int, of image: StoredImage, limits: ImageLimits) throws -> Image {
        try image.check(frame: frame)
        switch (image.format, image.source) {
        case (.image, .bytes(let bytes)):
            return try Image.decode(bytes, name: "image", limits: limits)
        case (.image, .file(let path)):
            return try Image.decode(
                RegularFile.read(path, limit: limits.bytes), name: "image", limits: limits)
        case (.nifti, .bytes(let bytes)):
            let (volume, scale) = try volume(of: image, limits) { bytes }
            return volume.image(frame: frame - 1, scale: scale)
        case (.nifti, .file(let path)):
            let (volume, scale) = try volume(of: image, limits) {
                try RegularFile.read(path, limit: limits.bytes)
            }
            return volume.image(frame: frame - 1, scale: scale)
        case (.dicom, .file(let path)): return try cine(frame, of: image, path)
        case (.dicom, .temporary(let file)): return try cine(frame, of: image, file.path)
        default: preconditionFailure("DICOM files are read by path, others from memory or a folder")
        }
    }

    private func volume(
        of image: StoredImage, _ limits: ImageLimits, read: () throws -> [UInt8]
    ) throws -> (NIfTIVolume, NIfTIGreyScale) {
        let key = "\(image.sha256)/\(image.source.isFile)"
        if case .volume(let volume, let scale)? = known(key) { return (volume, scale) }
        let volume = try NIfTIVolume.decode(read(), name: "image", limits: limits)
        // The file may have been replaced since it was described.
        guard volume.frames == image.frames, volume.width == image.size.width,
            volume.height == image.size.height
        else { throw RequestError(.conflict, "the image was changed: open it again") }
        let scale = volume.greyScale()
        countDecoding()
        keep(.volume(volume, scale), bytes: volume.byteCount, key)
        return (volume, scale)
    }

    private func cine(_ frame: Int, of image: StoredImage, _ path: String) throws -> Image {
        func key(_ number: Int) -> String { image.key(frame: number) }
        if case .frame(let found)? = known(key(frame)) { return found }
        let bytes = max(image.size.area * (image.dicom?.channels ?? 3), 1)
        let count = max(1, min(Self.blockFrames, Self.blockBytes / bytes))
        // A frame that nobody steps to is read alone.
        let range: ClosedRange<Int>
        if known(key(frame - 1)) != nil {
            range = frame...min(image.frames, frame + count - 1)
        } else if known(key(frame + 1)) != nil {
            range = max(1, frame - count + 1)...frame
        } else {
            range = frame...frame
        }
        let reader = try DICOMFile.read(path).frameReader()
        countDecoding()
        for number in range {
            do {
                let image = try reader.frame(number - 1)
                keep(.frame(image), bytes: bytes, key(number))
                if number == frame, frame == range.upperBound { return image }
            } catch {
                // A damaged neighbour is the matter of those who want to see it.
                if number == frame { throw error }
            }
        }
        if case .frame(let found)? = known(key(frame)) { return found }
        return try reader.frame(frame - 1)
    }

    private func countDecoding() {
        state.withLock { $0.decodings += 1 }
    }

    private func known(_ key: String) -> Content? {
        state.withLock { state in
            guard let found = state.entries[key] else { return nil }
            state.clock += 1
            state.entries[key]?.used = state.clock
            return found.content
        }
    }

    private func keep(_ content: Content, bytes: Int, _ key: String) {
        state.withLock { state in
            state.clock += 1
            state.bytes += bytes - (state.entries[key]?.bytes ?? 0)
            state.entries[key] = (content, bytes, state.clock)
            while state.bytes > limit, state.entries.count > 1,
                let oldest = state.entries.min(by: { $0.value.used < $1.value.used })
            {
                state.entries[oldest.key] = nil
                state.bytes -= oldest.value.bytes
            }
        }
    }
}

extension StoredImage.Source {
    fileprivate var isFile: Bool {
        if case .file = self { return true }
        return false
    }
}
