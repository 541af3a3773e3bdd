import ArgumentParser
import Commands
import DICOM
import DICOMWeb
import FileIO
import Foundation

/// `samus pacs store`.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Store DICOM files, for example results.",
        discussion: """
            An object that the server has is not sent again. Results of 'samus segment' have the \
            same UIDs for the same masks of the same image and model, so that storing them twice \
            changes nothing.
            """)

    @OptionGroup var server: ServerOptions

    @Argument(help: "DICOM files.", completion: .file(extensions: ["dcm"]))
    var files: [String]

    @Flag(help: "Say what would be stored, and send nothing.")
    var dryRun = false

    func run() throws {
        let client = try server.client()
        let counts = try ArchiveStore(client: client, dryRun: dryRun).store(files)
        Terminal.print(counts.text(dryRun: dryRun))
        if counts.failed > 0 { throw ExitError(.someImages) }
    }
}

/// Stores files that the server does not have.
struct ArchiveStore {
    struct Counts {
        var stored = 0
        var present = 0
        var failed = 0

        func text(dryRun: Bool) -> String {
            "\(counted(stored + present + failed, "object")): \(stored) "
                + (dryRun ? "would be stored" : "stored") + ", \(present) already there, "
                + "\(failed) failed"
        }
    }

    let client: DICOMWebClient
    let dryRun: Bool

    private static let largestFile = 512 << 20

    /// - Parameter files: DICOM files.
    /// - Returns: what was done.
    /// - Throws: ``ExitError`` when the server cannot be used any more.
    func store(_ files: [String]) throws -> Counts {
        var counts = Counts()
        let interruption = Interruption()
        for path in files {
            guard !interruption.isRequested else {
                throw ExitError(
                    .interrupted,
                    "interrupted after \(counts.stored) objects: run it again to go on")
            }
            do {
                let file = try DICOMFile.read(path)
                guard let instance = file.sopInstance, instance.isDICOMUID else {
                    throw DICOMWebError.cannotRead(path, reason: "it has no SOP Instance UID")
                }
                if try client.has(instance) {
                    counts.present += 1
                    continue
                }
                if !dryRun {
                    let bytes = try RegularFile.read(path, limit: Self.largestFile)
                    try client.store(bytes, instance: instance)
                }
                counts.stored += 1
            } catch let error as DICOMWebError where error.endsRun {
                throw ExitError(.unavailable, "\(error)")
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch {
                Terminal.log("failed: \(path): \(error)")
                counts.failed += 1
            }
        }
        return counts
    }
}
