import Foundation

/// The checkout in which a program was built.
public enum Checkout {
    /// The folder of the package that has a program in its `.build`.
    ///
    /// An installed program has no checkout: a folder above the program, for example /tmp, is not
    /// trusted.
    ///
    /// - Parameter program: the folder of the executable.
    /// - Returns: nil if the program is not in a `.build` next to a `Package.swift`.
    public static func containing(_ program: URL) -> URL? {
        var folder = program.standardizedFileURL
        // .build/<triple>/release, or deeper for a test bundle on macOS.
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

/// The location of this program.
package enum ProgramLocation {
    /// The folder of the executable, symbolic links resolved.
    package static var folder: URL {
        let path = Bundle.main.executablePath ?? CommandLine.arguments.first ?? "samus"
        return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
    }
}
