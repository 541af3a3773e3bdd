import Foundation
import Torch

extension ProcessGroup {
    /// Rows that the processes computed for their shares, together and in the order of the items.
    ///
    /// - Parameters:
    ///   - rows: one for each item of this process's share, which
    ///     ``shard(_:rank:of:remainder:)`` cut with ``ShardRemainder/uneven``.
    ///   - work: what it is for, in an error's words.
    /// - Returns: the rows of all items, on all ranks.
    /// - Throws: `ProcessGroupError` when another process has gone, or `EncodingError` for a row
    ///   that JSON cannot hold.
    public func gather<Row: Codable>(
        rows: [Row], for work: String = "the gathering of results"
    ) throws -> [Row] {
        let encoder = JSONEncoder()
        // Distances can be infinite or not numbers.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let shares = try gather(bytes: Array(encoder.encode(rows)), for: work)
        return joined(try shares.map { try decoder.decode([Row].self, from: Data($0)) })
    }
}
