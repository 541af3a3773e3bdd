import Foundation
import Imaging
import Synchronization

/// Looks at every list and picture of a root.
public struct DataCheck: Sendable {
    /// How far it is.
    public struct Step: Sendable {
        /// Pictures that were read.
        public let done: Int
        /// All pictures.
        public let total: Int
        /// The one at hand, as `Breast-BUSI/benign0015`.
        public let picture: String
    }

    private let data: UltrasoundData
    private let limits: ImageLimits

    /// - Parameters:
    ///   - data: what is checked.
    ///   - limits: how large a picture is accepted.
    public init(_ data: UltrasoundData, limits: ImageLimits = .standard) {
        self.data = data
        self.limits = limits
    }

    /// Reads all lists and every picture and label that they name, on all processors.
    ///
    /// - Parameter goesOn: told how far it is; false stops.
    /// - Returns: what was found, the same in each run; nil when it was stopped.
    /// - Throws: ``DataError`` when a list cannot be read at all, or there is none.
    public func run(
        goesOn: (Step) -> Bool = { _ in true }
    ) throws(DataError) -> DataReport? {
        let listed = try ListedData(data)
        var facts: [String: PictureFacts] = [:]
        let samples = listed.order.compactMap { listed.pictures[$0]?.sample }
        let stopped = !PictureReading.each(samples, limits: limits) { index, read in
            facts[samples[index].picture] = read
            return goesOn(
                Step(done: index + 1, total: samples.count, picture: samples[index].picture))
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
            .filter { listed.pictures["\(dataset)/\($0)"] == nil }
    }

    private func unlisted(_ listed: ListedData) -> [DataFinding] {
        data.classes.keys.sorted().compactMap { dataset in
            let names = unlistedNames(dataset, listed)
            guard let first = names.first else { return nil }
            return DataFinding(
                .unlisted, dataset, "\(names.count) pictures that no list names, as \(first)")
        }
    }

    private func report(
        of dataset: String, _ listed: ListedData, _ facts: [String: PictureFacts]
    ) -> DataReport.DataSet {
        let pictures = listed.order.compactMap { listed.pictures[$0] }
            .filter { $0.sample?.dataset == dataset }
        let sizes = pictures.compactMap { $0.sample }.compactMap { facts[$0.picture]?.size }
        func range(_ values: [Int]) -> [Int] {
            [values.min(), values.max()].compactMap { $0 }
        }
        let classes = data.classes[dataset] ?? 2
        return DataReport.DataSet(
            name: dataset, classes: classes, pictures: pictures.count,
            unlisted: unlistedNames(dataset, listed).count,
            measured: pictures.count { $0.sample?.spacing != nil },
            withPatient: pictures.count { $0.sample?.patient != nil },
            widths: range(sizes.map(\.width)), heights: range(sizes.map(\.height)),
            splits: Split.allCases.compactMap { split in
                let samples = pictures.compactMap { $0.samples[split] }
                guard !samples.isEmpty else { return nil }
                return part(split, samples, classes, facts)
            })
    }

    private func part(
        _ split: Split, _ pictures: [[Sample]], _ classes: Int, _ facts: [String: PictureFacts]
    ) -> DataReport.Part {
        var counts = [Int](repeating: 0, count: classes - 1)
        var empty = counts
        for sample in pictures.joined() {
            counts[sample.label - 1] += 1
            if let read = facts[sample.picture], read.problem == nil,
                read.areas[sample.label] == nil
            {
                empty[sample.label - 1] += 1
            }
        }
        return DataReport.Part(
            split: split, pictures: pictures.count,
            patients: Set(pictures.compactMap { $0.first?.patient }).count, samples: counts,
            empty: empty)
    }
}

/// Reading pictures on all processors.
enum PictureReading {
    /// Reads pictures and tells of each, in order.
    ///
    /// - Parameters:
    ///   - samples: one a picture.
    ///   - limits: how large a picture is accepted.
    ///   - goesOn: told what was read; false stops.
    /// - Returns: whether it came to the end.
    static func each(
        _ samples: [Sample], limits: ImageLimits, goesOn: (Int, PictureFacts) -> Bool
    ) -> Bool {
        let width = ProcessInfo.processInfo.activeProcessorCount
        for start in stride(from: 0, to: samples.count, by: width) {
            let part = Array(samples[start..<min(start + width, samples.count)])
            let read = Mutex([PictureFacts?](repeating: nil, count: part.count))
            DispatchQueue.concurrentPerform(iterations: part.count) { index in
                let facts = PictureFacts(part[index], limits: limits)
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
