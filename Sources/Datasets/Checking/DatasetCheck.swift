import FileIO
import Foundation
import Imaging
import Synchronization

/// Checks every list and image of a dataset collection.
public struct DatasetCheck: Sendable {
    /// Progress of a check or a split.
    public struct Progress: Sendable {
        /// Number of images read.
        public let done: Int
        /// Number of all images.
        public let total: Int
        /// The current image, for example `Breast-BUSI/benign0015`.
        public let image: String
    }

    private let data: DatasetCollection
    private let limits: ImageLimits

    /// - Parameters:
    ///   - data: the datasets to check.
    ///   - limits: how large an image is accepted.
    public init(_ data: DatasetCollection, limits: ImageLimits = .standard) {
        self.data = data
        self.limits = limits
    }

    /// Reads all lists and every image and label that they name, on all processors.
    ///
    /// - Parameter shouldContinue: called after each image; false stops.
    /// - Returns: the findings, in the same order in each run; nil when stopped.
    /// - Throws: ``DatasetError`` when a list cannot be read, or there is none.
    public func run(
        shouldContinue: (Progress) -> Bool = { _ in true }
    ) throws(DatasetError) -> DatasetReport? {
        let listed = try DatasetListing(data)
        var facts: [String: InspectedImage] = [:]
        let samples = listed.order.compactMap { listed.images[$0]?.sample }
        let isComplete = inspectImages(samples, limits: limits) { index, read in
            facts[samples[index].image] = read
            return shouldContinue(
                Progress(done: index + 1, total: samples.count, image: samples[index].image))
        }
        guard isComplete else { return nil }
        let findings =
            listed.findings + DatasetFindings(listed, facts).all + unlisted(listed)
            + data.classes.keys.sorted().flatMap { data.folders[$0]?.findings ?? [] }
        return DatasetReport(
            datasets: data.classes.keys.sorted().map { report(of: $0, listed, facts) },
            findings: DatasetFinding.Kind.allCases.flatMap { kind in
                findings.filter { $0.kind == kind }
            })
    }

    private func unlistedNames(_ dataset: String, _ listed: DatasetListing) -> [String] {
        (data.folders[dataset]?.names(in: "img") ?? [])
            .filter { listed.images["\(dataset)/\($0)"] == nil }
    }

    private func unlisted(_ listed: DatasetListing) -> [DatasetFinding] {
        data.classes.keys.sorted().compactMap { dataset in
            let names = unlistedNames(dataset, listed)
            guard let first = names.first else { return nil }
            return DatasetFinding(
                .unlisted, dataset, "\(counted(names.count, "image")) in no list, such as \(first)")
        }
    }

    private func report(
        of dataset: String, _ listed: DatasetListing, _ facts: [String: InspectedImage]
    ) -> DatasetReport.Dataset {
        let images = listed.order.compactMap { listed.images[$0] }
            .filter { $0.sample?.dataset == dataset }
        let sizes = images.compactMap { $0.sample }.compactMap { facts[$0.image]?.size }
        func range(_ values: [Int]) -> [Int] {
            [values.min(), values.max()].compactMap { $0 }
        }
        let classes = data.classes[dataset] ?? 2
        return DatasetReport.Dataset(
            name: dataset, classes: classes, images: images.count,
            unlisted: unlistedNames(dataset, listed).count,
            withSpacing: images.count { $0.sample?.spacing != nil },
            withPatient: images.count { $0.sample?.patient != nil },
            widths: range(sizes.map(\.width)), heights: range(sizes.map(\.height)),
            splits: Split.allCases.compactMap { split in
                let samples = images.compactMap { $0.samples[split] }
                guard !samples.isEmpty else { return nil }
                return part(split, samples, classes, facts)
            })
    }

    private func part(
        _ split: Split, _ images: [[Sample]], _ classes: Int, _ facts: [String: InspectedImage]
    ) -> DatasetReport.Part {
        var counts = [Int](repeating: 0, count: classes - 1)
        var empty = counts
        for sample in images.joined() {
            counts[sample.label - 1] += 1
            if let read = facts[sample.image], read.problem == nil,
                read.areas[sample.label] == nil
            {
                empty[sample.label - 1] += 1
            }
        }
        return DatasetReport.Part(
            split: split, images: images.count,
            patients: Set(images.compactMap { $0.first?.patient }).count, samples: counts,
            empty: empty)
    }
}

/// Reads images and labels on all processors, in order.
///
/// - Parameters:
///   - samples: one per image.
///   - limits: how large an image is accepted.
///   - shouldContinue: called with the index and the result of each image; false stops.
/// - Returns: whether all images were read.
func inspectImages(
    _ samples: [Sample], limits: ImageLimits, shouldContinue: (Int, InspectedImage) -> Bool
) -> Bool {
    let width = ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: samples.count, by: width) {
        let part = Array(samples[start..<min(start + width, samples.count)])
        let results = Mutex([InspectedImage?](repeating: nil, count: part.count))
        DispatchQueue.concurrentPerform(iterations: part.count) { index in
            let image = InspectedImage(part[index], limits: limits)
            results.withLock { $0[index] = image }
        }
        for case (let index, let image?) in results.withLock({ $0 }).enumerated()
        where !shouldContinue(start + index, image) {
            return false
        }
    }
    return true
}

/// The result of reading an image and its label, without the pixels.
struct InspectedImage: Sendable {
    /// The image's size; nil when the image or its label cannot be used.
    var size: Size?
    /// Hash of the image's size and pixels.
    var pixels: Fingerprint?
    /// Number of pixels of each label value.
    var areas: [Int: Int] = [:]
    /// How the values of the label were read, where they lie between background and object.
    var note: String?
    /// Why the image or its label cannot be used.
    var problem: DatasetFinding?

    /// Reads an image and its label.
    init(_ sample: Sample, limits: ImageLimits) {
        let absent = [("image", sample.imagePath), ("label", sample.labelPath)].filter {
            !LayoutFile.exists($0.1)
        }
        if !absent.isEmpty {
            let parts = absent.map(\.0).joined(separator: " and ")
            problem = DatasetFinding(
                .missing, sample.image, "no \(parts): '\(absent[0].1)' does not exist")
            return
        }
        do throws(DatasetError) {
            let labelled = try sample.read(limits: limits)
            note = labelled.labelNote
            size = labelled.image.size
            pixels = labelled.image.fingerprint
            areas = labelled.label.areas
        } catch {
            let kind: DatasetFinding.Kind = if case .sizes = error { .sizes } else { .unreadable }
            problem = DatasetFinding(kind, sample.image, "\(error)")
        }
    }
}

extension Image {
    /// Hash of size and pixels.
    var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add(width)
        fingerprint.add(pixels)
        return fingerprint
    }

    /// Number of pixels of each value that occurs.
    var areas: [Int: Int] {
        var counts = [Int](repeating: 0, count: 256)
        pixels.withUnsafeBufferPointer { pixels in
            counts.withUnsafeMutableBufferPointer { counts in
                for pixel in pixels { counts[Int(pixel)] &+= 1 }
            }
        }
        let seen = counts.indices.filter { counts[$0] > 0 }
        return Dictionary(uniqueKeysWithValues: seen.map { ($0, counts[$0]) })
    }
}
