import Foundation
import Imaging
import Synchronization

/// Looks at every list and image of a root.
public struct DataCheck: Sendable {
    /// How far it is.
    public struct Step: Sendable {
        /// Images that were read.
        public let done: Int
        /// All images.
        public let total: Int
        /// The one at hand, as `Breast-BUSI/benign0015`.
        public let image: String
    }

    private let data: UltrasoundData
    private let limits: ImageLimits

    /// - Parameters:
    ///   - data: what is checked.
    ///   - limits: how large an image is accepted.
    public init(_ data: UltrasoundData, limits: ImageLimits = .standard) {
        self.data = data
        self.limits = limits
    }

    /// Reads all lists and every image and label that they name, on all processors.
    ///
    /// - Parameter goesOn: told how far it is; false stops.
    /// - Returns: what was found, the same in each run; nil when it was stopped.
    /// - Throws: ``DataError`` when a list cannot be read at all, or there is none.
    public func run(
        goesOn: (Step) -> Bool = { _ in true }
    ) throws(DataError) -> DataReport? {
        let listed = try ListedData(data)
        var facts: [String: SampleFacts] = [:]
        let samples = listed.order.compactMap { listed.images[$0]?.sample }
        let stopped = !ImageReading.each(samples, limits: limits) { index, read in
            facts[samples[index].image] = read
            return goesOn(
                Step(done: index + 1, total: samples.count, image: samples[index].image))
        }
        if stopped { return nil }
        let findings = listed.findings + DataFindings(listed, facts).all + unlisted(listed)
        return DataReport(
            dataSets: data.classes.keys.sorted().map { report(of: $0, listed, facts) },
            findings: DataFinding.Kind.allCases.flatMap { kind in
                findings.filter { $0.kind == kind }
            })
    }

    private func unlistedNames(_ dataset: String, _ listed: ListedData) -> [String] {
        (data.folders[dataset]?.names(in: "img") ?? [])
            .filter { listed.images["\(dataset)/\($0)"] == nil }
    }

    private func unlisted(_ listed: ListedData) -> [DataFinding] {
        data.classes.keys.sorted().compactMap { dataset in
            let names = unlistedNames(dataset, listed)
            guard let first = names.first else { return nil }
            return DataFinding(
                .unlisted, dataset, "\(names.count) images that no list names, as \(first)")
        }
    }

    private func report(
        of dataset: String, _ listed: ListedData, _ facts: [String: SampleFacts]
    ) -> DataReport.DataSet {
        let images = listed.order.compactMap { listed.images[$0] }
            .filter { $0.sample?.dataset == dataset }
        let sizes = images.compactMap { $0.sample }.compactMap { facts[$0.image]?.size }
        func range(_ values: [Int]) -> [Int] {
            [values.min(), values.max()].compactMap { $0 }
        }
        let classes = data.classes[dataset] ?? 2
        return DataReport.DataSet(
            name: dataset, classes: classes, images: images.count,
            unlisted: unlistedNames(dataset, listed).count,
            measured: images.count { $0.sample?.spacing != nil },
            withPatient: images.count { $0.sample?.patient != nil },
            widths: range(sizes.map(\.width)), heights: range(sizes.map(\.height)),
            splits: Split.allCases.compactMap { split in
                let samples = images.compactMap { $0.samples[split] }
                guard !samples.isEmpty else { return nil }
                return part(split, samples, classes, facts)
            })
    }

    private func part(
        _ split: Split, _ images: [[Sample]], _ classes: Int, _ facts: [String: SampleFacts]
    ) -> DataReport.Part {
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
        return DataReport.Part(
            split: split, images: images.count,
            patients: Set(images.compactMap { $0.first?.patient }).count, samples: counts,
            empty: empty)
    }
}

/// Reading images on all processors.
enum ImageReading {
    /// Reads images and tells of each, in order.
    ///
    /// - Parameters:
    ///   - samples: one an image.
    ///   - limits: how large an image is accepted.
    ///   - goesOn: told what was read; false stops.
    /// - Returns: whether it came to the end.
    static func each(
        _ samples: [Sample], limits: ImageLimits, goesOn: (Int, SampleFacts) -> Bool
    ) -> Bool {
        let width = ProcessInfo.processInfo.activeProcessorCount
        for start in stride(from: 0, to: samples.count, by: width) {
            let part = Array(samples[start..<min(start + width, samples.count)])
            let read = Mutex([SampleFacts?](repeating: nil, count: part.count))
            DispatchQueue.concurrentPerform(iterations: part.count) { index in
                let facts = SampleFacts(part[index], limits: limits)
                read.withLock { $0[index] = facts }
            }
            for case (let index, let facts?) in read.withLock({ $0 }).enumerated()
            where !goesOn(start + index, facts) {
                return false
            }
        }
        return true
    }
}

/// What a check keeps of an image, whose pixels it lets go.
struct SampleFacts: Sendable {
    /// Nil when the image or its label cannot be used.
    var size: Size?
    /// Of the image's size and pixels.
    var pixels: Fingerprint?
    /// Pixels of each label value.
    var areas: [Int: Int] = [:]
    /// Why the image or its label cannot be used.
    var problem: DataFinding?

    /// Reads an image and its label.
    init(_ sample: Sample, limits: ImageLimits) {
        let absent = [("image", sample.imagePath), ("label", sample.labelPath)].filter {
            !LayoutFile.exists($0.1)
        }
        if !absent.isEmpty {
            let parts = absent.map(\.0).joined(separator: " and ")
            problem = DataFinding(
                .missing, sample.image, "no \(parts): '\(absent[0].1)' is not there")
            return
        }
        do throws(DataError) {
            let labelled = try sample.read(limits: limits)
            size = labelled.image.size
            pixels = labelled.image.fingerprint
            areas = labelled.label.areas
        } catch {
            let kind: DataFinding.Kind = if case .sizes = error { .sizes } else { .unreadable }
            problem = DataFinding(kind, sample.image, "\(error)")
        }
    }
}

extension Image {
    /// Of size and pixels.
    var fingerprint: Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add(width)
        fingerprint.add(pixels)
        return fingerprint
    }

    /// Pixels of each value that there is.
    fileprivate var areas: [Int: Int] {
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
