import Foundation

/// Paths of the package and of `../shared`, independent of the working directory.
public enum Shared {
    /// The root of the package.
    public static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// `../shared`: images and golden values too large for the repository.
    public static let folder = package.deletingLastPathComponent().appending(path: "shared")

    /// The golden values in `../shared`.
    public static let golden = folder.appending(path: "golden")

    /// Whether `../shared` exists; tests that need it use `.enabled(if: Shared.isPresent, …)`.
    public static var isPresent: Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: "golden").path)
    }
}
