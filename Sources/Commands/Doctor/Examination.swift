import DICOM
import FileIO
import Foundation
import Inference

/// Collects what `samus doctor` reports.
struct Examination {
    /// Duration of the measurement in seconds, without loading and compiling.
    private static let measuredSeconds = 10.0

    let measures: Bool

    func report() -> DoctorReport {
        let openVINO = openVINO()
        let models = ModelCatalog.entries.map(model)
        let (measurement, problem) = measures ? measure() : (nil, nil)
        var problems = [openVINO.problem, problem].compactMap(\.self)
        if !models.contains(where: { $0.form == "bundle" && $0.problem == nil }) {
            problems.append(
                "no model is installed: set SAMUS_MODELS to a folder with model bundles, or run "
                    + "'make setup' in the checkout")
        }
        return DoctorReport(
            program: "samus \(ProgramVersion.current)", machine: machine(), openvino: openVINO,
            libtorch: libTorch(), dicom: dicomReader(), cache: cache(), models: models,
            measurement: measurement, advice: Self.advice(for: .current, measurement),
            problems: problems)
    }

    private func machine() -> DoctorReport.Machine {
        let processor = Processor.current
        let memory = SystemMemory.current
        return DoctorReport.Machine(
            system: Self.system, architecture: Self.architecture, processor: processor.name,
            cores: ProcessInfo.processInfo.activeProcessorCount,
            features: processor.notableFeatures, hasBfloat16: processor.hasBFloat16,
            hasIntegerDotProduct: processor.hasIntegerDotProduct, memoryBytes: memory.total,
            availableMemoryBytes: memory.available, memoryLimitBytes: memory.limit)
    }

    private static var architecture: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: name.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The distribution and the version of the C library.
    ///
    /// The kernel's own text is left out: it can contain the name of whoever built it.
    private static var system: String {
        #if canImport(Glibc)
            var version = [CChar](repeating: 0, count: 64)
            confstr(Int32(_CS_GNU_LIBC_VERSION), &version, version.count)
            let bytes = version.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            let libc = ", " + String(decoding: bytes, as: UTF8.self)
            let facts = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
            let line = facts.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
            let name = line?.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" }
            return (name ?? "Linux") + libc
        #else
            return ProcessInfo.processInfo.operatingSystemVersionString
        #endif
    }

    private func openVINO() -> DoctorReport.OpenVINO {
        do throws(OpenVINOError) {
            let library = try OpenVINOLibrary.shared()
            let core = try OpenVINOCore(library)
            let devices = try core.devices().map { name in
                DoctorReport.OpenVINODevice(
                    name: name, product: core.fullName(of: name),
                    capabilities: core.capabilities(of: name))
            }
            return .init(version: library.version, devices: devices, problem: nil)
        } catch {
            return .init(version: nil, devices: [], problem: Self.withoutPaths("\(error)"))
        }
    }

    /// Asks `samus-train`, which has libtorch; a program that does not start must not end this one.
    private func libTorch() -> DoctorReport.LibTorch {
        guard Handover.isPossible else {
            return .init(report: nil, problem: "samus-train, which has libtorch, is not built")
        }
        do {
            let (text, errors) = try Handover.output(of: ["torch-report"])
            guard let report = try? JSON.decode(TorchReport.self, from: text.utf8) else {
                let reason = errors.split(separator: "\n").last.map(String.init) ?? "no reason"
                return .init(
                    report: nil,
                    problem: "samus-train does not start: \(Self.withoutPaths(reason))")
            }
            return .init(report: report, problem: nil)
        } catch {
            return .init(
                report: nil,
                problem: "samus-train does not start: \(Self.withoutPaths("\(error)"))")
        }
    }

    private func dicomReader() -> DoctorReport.DICOMReader {
        let setting = ProcessInfo.processInfo.environment["SAMUS_DICOM"] ?? ""
        do throws(DICOMError) {
            _ = try DICOMDecoder.findProgram()
            return .init(place: setting.isEmpty ? "next to samus" : "of SAMUS_DICOM", problem: nil)
        } catch {
            let searched = setting.isEmpty ? "next to samus" : "at SAMUS_DICOM"
            return .init(
                place: nil,
                problem: "cannot be read: there is no samus-dicom \(searched) "
                    + "('make inference' in a checkout builds it)")
        }
    }

    private func cache() -> DoctorReport.Cache {
        let environment = ProcessInfo.processInfo.environment
        guard let cache = CompiledModelCache.standard() else {
            return .init(place: "off", entries: 0, bytes: 0, limitBytes: 0, isWritable: false)
        }
        let place =
            environment["SAMUS_CACHE"] != nil
            ? "SAMUS_CACHE"
            : cache.folder.path.hasSuffix("/.cache/samus") ? "~/.cache/samus" : "XDG_CACHE_HOME"
        let state = cache.state
        return .init(
            place: place, entries: state.entries, bytes: state.bytes, limitBytes: cache.limit,
            isWritable: state.isWritable)
    }

    private func model(_ entry: ModelCatalog.Entry) -> DoctorReport.Model {
        func place(_ path: String) -> String {
            ModelCatalog.places.first { path.hasPrefix($0.folder.path + "/") }?.name
                ?? "another folder"
        }
        if let bundle = ModelCatalog.bundle(of: entry) {
            var problem: String?
            do {
                let opened = try ModelBundle(named: entry.name, at: bundle)
                try opened.manifest.files.keys.sorted().forEach(opened.verify)
            } catch {
                problem = Self.withoutPaths("\(error)")
            }
            return .init(name: entry.name, place: place(bundle), form: "bundle", problem: problem)
        }
        if let checkpoint = ModelCatalog.checkpoint(of: entry) {
            return .init(
                name: entry.name, place: place(checkpoint), form: "checkpoint", problem: nil)
        }
        return .init(name: entry.name, place: nil, form: nil, problem: nil)
    }

    /// Measures the default model's bundle.
    private func measure() -> (DoctorReport.Measurement?, problem: String?) {
        do {
            let options = try EngineOptions.parse(["--model", ModelCatalog.standard.name])
            guard options.bundle != nil else { return (nil, nil) }
            Terminal.log("measuring, which takes about \(Int(Self.measuredSeconds)) seconds ...")
            let choice = try PrecisionChoice.measure(
                LoadedModel(options), options, seconds: Self.measuredSeconds)
            return (
                .init(
                    model: ModelCatalog.standard.name, seconds: choice.seconds,
                    missing: choice.missing, fastest: choice.fastest.rawValue), nil
            )
        } catch {
            return (nil, Self.withoutPaths("\(error)"))
        }
    }

    /// What to know about speed, from the processor and the measurement.
    static func advice(
        for processor: Processor, _ measurement: DoctorReport.Measurement?
    ) -> [String] {
        var advice: [String] = []
        if !processor.hasIntegerDotProduct {
            advice.append(
                "this processor has no instruction for sums of 8-bit products (VNNI): a bundle in "
                    + "8-bit integers can be slower than one in f32; measure it with 'samus bench'")
        }
        if let measurement, measurement.missing.contains("bf16") {
            advice.append(
                "OpenVINO has no bf16 here: --precision bf16 computes in f32, and results say so")
        }
        return advice
    }

    /// A message without paths: folders can contain the name of a user.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - home: the user's folder, which is replaced first, because it may contain spaces.
    /// - Returns: the message, with `…` for each path.
    static func withoutPaths(
        _ message: String, home: String = NSHomeDirectory()
    ) -> String {
        let message = home.count > 1 ? message.replacing(home, with: "~") : message
        return message.replacing(#/'[~\/][^']*'/#, with: "'…'")
            .replacing(#/[~\/][^\s,;:()]*\/[^\s,;:()]*/#, with: "…")
    }
}
