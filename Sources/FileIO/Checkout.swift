import Foundation

/// The checkout that a program was built in.
public enum Checkout {
    /// The folder of the package around a program in its `.build`.
    ///
    /// An installed program has none: files of a folder that merely lies above it, as /tmp, are not
    /// its own.
    ///
    /// - Parameter program: the folder of the executable.
    /// - Returns: nil where the program does not lie in a `.build` beside a `Package.swift`.
    public static func around(_ program: URL) -> URL? {
        var folder = program.standardizedFileURL
        // .build/<triple>/release, or deeper for a bundle of tests on macOS.
        for _ in 0..<7 where folder.path != "/" {
            let parent = folder.deletingLastPathComponent()
            let manifest = parent.appendingPathComponent("Package.swift").path
            if folder.lastPathComponent.hasPrefix(".build"),
                FileManager.default.fileExists(atPath: manifest)
            {
                return parent
            }
            folder = parent
        }
        return nil
    }
}
