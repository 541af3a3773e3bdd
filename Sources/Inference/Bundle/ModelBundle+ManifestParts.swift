import Segmentation

extension ModelBundle.Manifest {
    /// What goes into the encoder.
    public struct Input: Codable, Equatable, Sendable {
        /// Height and width in pixels.
        public var size: Int
        /// 1 for grey, 3 for RGB.
        public var channels: Int
        /// How a picture becomes the input.
        public var preparation: InputPreparation
        /// The values that black and white become, or lie between.
        public var range: [Double]

        /// An input.
        ///
        /// - Parameters:
        ///   - size: height and width in pixels.
        ///   - channels: 1 for grey, 3 for RGB.
        ///   - preparation: how a picture becomes the input.
        ///   - range: the values that black and white become, or lie between.
        public init(
            size: Int, channels: Int, preparation: InputPreparation, range: [Double] = [0, 1]
        ) {
            self.size = size
            self.channels = channels
            self.preparation = preparation
            self.range = range
        }
    }

    /// What comes out of the encoder, `[width, side, side]`.
    public struct Embedding: Codable, Equatable, Sendable {
        /// Numbers for each place, D.
        public var width: Int
        /// Height and width.
        public var side: Int

        /// An embedding.
        ///
        /// - Parameters:
        ///   - width: numbers for each place.
        ///   - side: height and width.
        public init(width: Int, side: Int) {
            self.width = width
            self.side = side
        }
    }

    /// How weights are stored.
    public enum Precision: String, Codable, Sendable, CaseIterable {
        case float32 = "f32"
        case float16Weights = "f16-weights"
        case int8
    }

    /// One of the bundle's files.
    public struct File: Codable, Equatable, Sendable {
        /// Its size.
        public var bytes: Int
        /// Its SHA-256, 64 small hexadecimal digits.
        public var sha256: String

        /// A file.
        ///
        /// - Parameters:
        ///   - bytes: its size.
        ///   - sha256: 64 small hexadecimal digits.
        public init(bytes: Int, sha256: String) {
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// What a bundle was made from.
    public struct Source: Codable, Equatable, Sendable {
        /// The checkpoint's SHA-256.
        public var sha256: String
        /// What made it, with its version.
        public var program: String

        /// A source.
        ///
        /// - Parameters:
        ///   - sha256: the checkpoint's.
        ///   - program: what made it, with its version.
        public init(sha256: String, program: String) {
            self.sha256 = sha256
            self.program = program
        }
    }
}
