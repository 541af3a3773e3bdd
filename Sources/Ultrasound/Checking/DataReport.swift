import Imaging

/// What a check of data sets found.
public struct DataReport: Codable, Equatable, Sendable {
    /// One data set.
    public struct DataSet: Codable, Equatable, Sendable {
        /// Its folder's name.
        public let name: String
        /// Its classes, background included.
        public let classes: Int
        /// Pictures that a list names.
        public let pictures: Int
        /// Pictures on the disk that no list names.
        public let unlisted: Int
        /// Listed pictures with known mm per pixel.
        public let measured: Int
        /// Listed pictures whose patient is known.
        public let withPatient: Int
        /// Smallest and largest width of its pictures, in pixels; empty when none can be read.
        public let widths: [Int]
        /// Smallest and largest height.
        public let heights: [Int]
        /// What it has in each split that has any of it.
        public let splits: [Part]
    }

    /// A split of a data set.
    public struct Part: Codable, Equatable, Sendable {
        /// Which split.
        public let split: Split
        /// Pictures.
        public let pictures: Int
        /// Known patients.
        public let patients: Int
        /// Samples of each class, the first of class 1: lines that name it.
        public let samples: [Int]
        /// Of these, samples whose label has no pixel of the class.
        public let empty: [Int]
    }

    /// The data sets, by name.
    public let dataSets: [DataSet]
    /// All that was found, what is most serious first.
    public let findings: [DataFinding]

    /// What makes figures wrong or impossible.
    public var errors: [DataFinding] { findings.filter(\.kind.isError) }
    /// What is worth a look.
    public var warnings: [DataFinding] { findings.filter { !$0.kind.isError } }
}
