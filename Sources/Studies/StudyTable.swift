import Evaluation
import MaskMetrics

/// One metric of one protocol: a row for each system and prompt, a column for each task.
public struct StudyTable {
    /// A cell of the table.
    public struct Cell {
        /// Mean, standard deviation and interval; the bootstrap draws whole patients.
        public var statistics: SummaryStatistics
        /// Number of patients, or of images where patients are unknown.
        public var patients: Int
        /// The unit of lengths; nil for other metrics.
        public var unit: LengthUnit?
        /// Standard deviation of the means of several seeds; nil for one seed.
        public var seedDeviation: Double?
        /// Whether it is the best of its column among two or more rows with the same information.
        public var isBest = false
        /// The comparison with the best one; nil for the best one.
        public var comparison: Comparison?
    }

    /// A paired comparison with the best row of the same information.
    public struct Comparison {
        /// Number of patients, or of images where patients are unknown.
        public var pairs: Int
        /// Mean difference to the best row.
        public var difference: Double
        /// The p-value of Wilcoxon's signed-rank test over patients.
        public var pValue: Double
        /// The p-value after Holm's correction over the rows of the column.
        public var corrected: Double
    }

    /// The significance level of the marks.
    static let significance = 0.05

    /// The protocol.
    public let kind: StudyProtocol
    /// The metric.
    public let metric: MaskMetric
    /// The rows.
    public let rows: [StudyRow]
    /// The columns.
    public let tasks: [StudyTask]
    /// Cells by row and column; nil where an evaluation is not done.
    public private(set) var cells: [[Cell?]]

    /// Computes the statistics and tests.
    ///
    /// - Parameters:
    ///   - scores: the evaluations.
    ///   - kind: the protocol.
    ///   - metric: the metric.
    public init(_ scores: StudyScores, _ kind: StudyProtocol, _ metric: MaskMetric) {
        (self.kind, self.metric) = (kind, metric)
        rows = scores.rows(of: kind)
        tasks = scores.tasks(of: kind)
        cells = rows.map { _ in [] }
        for task in tasks {
            let found = rows.map { scores.cell(kind, $0, task) }
            let column = Self.column(found, rows, metric)
            for row in rows.indices { cells[row].append(column[row]) }
        }
    }

    private static func column(
        _ found: [StudyCell?], _ rows: [StudyRow], _ metric: MaskMetric
    ) -> [Cell?] {
        var cells = found.map { $0.flatMap { Cell($0, metric) } }
        let means = found.map { $0?.clusterMeans(metric) ?? [:] }
        // A prompt made from the label is information that a row without a prompt does not have.
        for isPrompted in [false, true] {
            let group = rows.indices.filter {
                rows[$0].isPrompted == isPrompted && cells[$0] != nil
            }
            let best = group.max { one, other in
                let values = [one, other].map { cells[$0]?.statistics.mean ?? 0 }
                return metric.isBetterLarge ? values[0] < values[1] : values[0] > values[1]
            }
            guard let best, group.count > 1 else { continue }
            cells[best]?.isBest = true
            var compared: [(row: Int, comparison: Comparison)] = []
            for row in group where row != best {
                if let one = Comparison(means[row], means[best]) { compared.append((row, one)) }
            }
            let corrected = MultipleTests.holm(compared.map(\.comparison.pValue))
            for (place, one) in compared.enumerated() {
                cells[one.row]?.comparison = one.comparison
                cells[one.row]?.comparison?.corrected = corrected[place]
            }
        }
        return cells
    }

    /// The mean of a row over the tasks, each of which counts once; nil where a task is missing, or
    /// units differ.
    public func mean(of row: Int) -> Double? {
        let found = cells[row].compactMap(\.self)
        guard found.count == tasks.count, Set(found.map(\.unit)).count == 1 else { return nil }
        return found.reduce(0) { $0 + $1.statistics.mean } / Double(found.count)
    }

    /// Whether a cell differs from the best one.
    static func isSignificant(_ cell: Cell) -> Bool {
        cell.comparison.map { $0.corrected < significance } ?? false
    }

    /// The mean ranks of rows with the same information, each task a block.
    public struct Ranks {
        /// Whether these are the rows with a prompt.
        public var isPrompted: Bool
        /// The rows that have every task.
        public var rows: [Int]
        /// Their ranks and tests.
        public var comparison: RankComparison
    }

    /// The ranks of the rows without a prompt and of those with one, apart, as the tests are.
    ///
    /// - Returns: nothing for a kind with fewer than two rows, or for fewer than two tasks.
    public func ranks() -> [Ranks] {
        guard tasks.count > 1 else { return [] }
        return [false, true].compactMap { isPrompted in
            let complete = rows.indices.filter {
                rows[$0].isPrompted == isPrompted && cells[$0].allSatisfy { $0 != nil }
            }
            guard complete.count > 1 else { return nil }
            let values = tasks.indices.map { task in
                complete.map { cells[$0][task]?.statistics.mean ?? 0 }
            }
            do throws(MetricsError) {
                return Ranks(
                    isPrompted: isPrompted, rows: complete,
                    comparison: try RankComparison(values, moreIsBetter: metric.isBetterLarge))
            } catch {
                preconditionFailure("means of finite values: \(error)")
            }
        }
    }
}

extension StudyTable.Cell {
    /// The statistics of a metric; nil where no case has it.
    fileprivate init?(_ cell: StudyCell, _ metric: MaskMetric) {
        let cases = cell.cases(with: metric)
        let clusters = cases.map(\.cluster)
        guard
            let statistics = SummaryStatistics(
                cases.compactMap { $0.values[metric] }, clusters: clusters, seed: 0)
        else { return nil }
        self.statistics = statistics
        patients = Set(clusters).count
        unit = metric.isLength ? cell.unit : nil
        let seeds = cell.seedMeans[metric] ?? []
        seedDeviation = seeds.count > 1 ? (try? Summary(seeds))?.deviation : nil
    }
}

extension StudyTable.Comparison {
    /// - Parameters:
    ///   - row: the mean of each patient.
    ///   - best: those of the best row; the result is nil without a common patient.
    fileprivate init?(_ row: [String: Double], _ best: [String: Double]) {
        let common = row.keys.filter { best[$0] != nil }.sorted()
        let (values, bestValues) = (common.compactMap { row[$0] }, common.compactMap { best[$0] })
        guard let test = try? Wilcoxon(values, bestValues) else { return nil }
        pairs = common.count
        difference = zip(values, bestValues).reduce(0) { $0 + $1.0 - $1.1 } / Double(common.count)
        pValue = test.pValue
        corrected = test.pValue
    }
}
