import Foundation

/// Where the package and what lies beside it are found, however the tests were started.
public enum Shared {
    /// The root of the package.
    public static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// `../shared`: images and golden values too large for the repository.
    public static let folder = package.deletingLastPathComponent().appending(path: "shared")

    /// The golden values there.
    public static let golden = folder.appending(path: "golden")

    /// Whether it is there; tests that need it ask `.enabled(if: Shared.isPresent, …)`.
    public static var isPresent: Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: "golden").path)
    }
}
