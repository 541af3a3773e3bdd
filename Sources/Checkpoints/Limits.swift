extension Checkpoint {
    /// How much a file may ask for before it is refused.
    ///
    /// Reading allocates at most 256 bytes for each byte of pickle, header or zip directory, and a
    /// few blocks of 1 MB; copying all tensors at most ``maximumExpansion`` times the file.
    public struct Limits: Sendable {
        /// Tensors in one file.
        public var maximumTensors = 100_000
        /// Axes of one tensor; PyTorch itself stops at 64.
        public var maximumRank = 64
        /// Bytes of all tensors together, as multiples of the file.
        ///
        /// Tied weights and expanded views make a file's tensors larger than the file; strides of 0
        /// can make them larger without end.
        public var maximumExpansion = 8
        /// Bytes of a safetensors header, of a pickle and of a zip directory.
        public var maximumHeaderBytes = 100_000_000
        /// Operations of the pickles of one file; one tensor takes about thirty.
        public var maximumPickleOperations = 1_000_000

        /// Limits far above those of any published segmentation model.
        public static let standard = Limits()

        /// The standard limits, to be changed one by one.
        public init() {}
    }
}
