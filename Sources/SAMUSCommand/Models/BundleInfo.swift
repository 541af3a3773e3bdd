import ArgumentParser
import Foundation
import Inference
import Segmentation

/// What `samus info` shows of a model bundle.
enum BundleInfo {
    /// Prints it, all files read and compared.
    ///
    /// - Parameter path: the bundle's folder.
    /// - Throws: an exit code, its reason said, where the bundle is not whole.
    static func show(_ path: String) throws {
        let bundle = try Failure.unavailable.guarding {
            do throws(ModelBundleError) {
                return try ModelBundle(URL(fileURLWithPath: path))
            } catch {
                throw ModelError.unreadableBundle(path: path, error)
            }
        }
        let checks = bundle.manifest.files.sorted { $0.key < $1.key }.map { name, file in
            (name, file, failure: failure(of: name, in: bundle))
        }
        let files = checks.map { name, file, failure in
            (
                name,
                "\(file.bytes.formatted()) bytes, SHA-256 "
                    + (failure == nil ? "correct" : "WRONG") + ", \(file.sha256)"
            )
        }
        for (name, value) in rows(of: bundle, at: path) + files + runtime() {
            print(
                name.visibleLine.padding(toLength: 14, withPad: " ", startingAt: 0)
                    + (name.count < 14 ? "" : " ") + value.visibleLine)
        }
        for case let failure? in checks.map(\.failure) {
            throw Failure.unavailable.because("\(failure)")
        }
    }

    private static func failure(of name: String, in bundle: ModelBundle) -> ModelBundleError? {
        do throws(ModelBundleError) {
            try bundle.verify(name)
            return nil
        } catch {
            return error
        }
    }

    private static func rows(of bundle: ModelBundle, at path: String) -> [(String, String)] {
        let manifest = bundle.manifest
        let trained = manifest.trainedPrompts.map(Set.init)
        let prompts = manifest.prompts.map(\.rawValue).joined(separator: ", ")
        let size = "\(manifest.input.size)x\(manifest.input.size)"
        return [
            ("bundle", path),
            ("format", "\(manifest.format)"),
            ("model", manifest.name),
            ("network", "\(manifest.kind.rawValue) (\(manifest.encoder), input \(size))"),
            ("trained", manifest.kind.trainingText(trained)),
            ("prompts", prompts.isEmpty ? "none" : prompts),
            ("candidates", "\(manifest.candidates)"),
            ("parameters", manifest.parameters.formatted()),
            ("weights", manifest.precision.rawValue),
            ("classes", manifest.classes.isEmpty ? "-" : manifest.classes.joined(separator: ", ")),
            ("encoding", manifest.macs.map { "\($0.formatted()) multiplications" } ?? "-"),
            ("licence", manifest.licence ?? "not stated in the bundle"),
            ("origin", manifest.origin ?? "not stated in the bundle"),
            ("made from", "SHA-256 \(manifest.source.sha256)"),
            ("made by", manifest.source.program),
            ("SHA-256", "\(bundle.model.sha256) (of model.json)"),
            ("notice", manifest.notice),
        ]
    }

    /// What the bundle would run on.
    private static func runtime() -> [(String, String)] {
        do throws(OpenVINOError) {
            let library = try OpenVINOLibrary.shared()
            let core = try OpenVINOCore(library)
            let devices = try core.devices().map { ("device \($0)", core.fullName(of: $0)) }
            return [("runtime", "OpenVINO \(library.version), \(library.path)")] + devices
        } catch {
            return [("runtime", "\(error)")]
        }
    }
}
