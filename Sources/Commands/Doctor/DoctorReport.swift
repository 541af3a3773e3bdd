import FileIO
import Foundation
import Inference

/// What `samus doctor` finds on this machine.
///
/// The report has no path, and no name of a user or machine, so that it can be attached to a public
/// bug report; folders are named by the setting that they come from.
struct DoctorReport: Encodable {
    struct Machine: Encodable {
        let system: String
        let architecture: String
        let processor: String
        let cores: Int
        /// The instruction sets that speed depends on, by the kernel's names.
        let features: [String]
        let hasBfloat16: Bool
        let hasIntegerDotProduct: Bool
        let memoryBytes: Int
        let availableMemoryBytes: Int?
        let memoryLimitBytes: Int?
    }

    struct OpenVINODevice: Encodable {
        /// OpenVINO's name: `CPU`, `GPU.0`.
        let name: String
        let product: String
        let capabilities: [String]
    }

    struct OpenVINO: Encodable {
        let version: String?
        let devices: [OpenVINODevice]
        let problem: String?
    }

    struct LibTorch: Encodable {
        let report: TorchReport?
        let problem: String?
    }

    /// The program `samus-dicom`, which reads DICOM files.
    struct DICOMReader: Encodable {
        /// The setting that names it, or `next to samus`; nil if it was not found.
        let place: String?
        /// Why DICOM files cannot be read.
        let problem: String?
    }

    struct Cache: Encodable {
        /// The setting that names the folder, or `off`.
        let place: String
        let entries: Int
        let bytes: Int
        let limitBytes: Int
        let isWritable: Bool
    }

    struct Model: Encodable {
        let name: String
        /// Where it was found; nil if it is not installed.
        let place: String?
        /// `bundle` or `checkpoint`.
        let form: String?
        /// Why it cannot be used.
        let problem: String?
    }

    struct Measurement: Encodable {
        let model: String
        /// The shortest time for encoding an image, in seconds, by the precision that ran.
        let seconds: [String: Double]
        /// Precisions that this machine has no arithmetic for.
        let missing: [String]
        let fastest: String
    }

    let program: String
    let machine: Machine
    let openvino: OpenVINO
    let libtorch: LibTorch
    let dicom: DICOMReader
    let cache: Cache
    let models: [Model]
    let measurement: Measurement?
    /// What to know about speed on this machine.
    let advice: [String]
    /// Why `samus segment` does not work here; empty if it does.
    let problems: [String]
}

/// libtorch as `samus-train` reports it.
public struct TorchReport: Codable, Sendable {
    /// libtorch's version.
    public let version: String
    /// The devices that can be used, by PyTorch's names.
    public let devices: [String]
    /// Why other devices cannot be used, by PyTorch's names.
    public let unavailable: [String: String]
    /// Threads of one operator.
    public let threads: Int

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - version: libtorch's version.
    ///   - devices: devices that can be used.
    ///   - unavailable: why other devices cannot be used.
    ///   - threads: threads of one operator.
    public init(
        version: String, devices: [String], unavailable: [String: String], threads: Int
    ) {
        self.version = version
        self.devices = devices
        self.unavailable = unavailable
        self.threads = threads
    }
}

extension DoctorReport {
    /// The report for people.
    var text: String {
        var rows: [(String, String)] = [
            ("program", program),
            ("system", "\(machine.system), \(machine.architecture)"),
            ("processor", "\(machine.processor), \(machine.cores) cores"),
            ("features", machine.features.joined(separator: " ")),
            ("memory", memory),
        ]
        rows.append(("OpenVINO", openvino.version ?? openvino.problem ?? "not found"))
        rows += openvino.devices.map { device in
            (
                "  device \(device.name)",
                "\(device.product): \(device.capabilities.joined(separator: " "))"
            )
        }
        if let torch = libtorch.report {
            rows.append(("libtorch", "\(torch.version), \(counted(torch.threads, "thread"))"))
            rows.append(("  devices", torch.devices.joined(separator: ", ")))
        } else {
            rows.append(("libtorch", libtorch.problem ?? "not found"))
        }
        rows.append(("DICOM files", dicom.place.map { "samus-dicom \($0)" } ?? dicom.problem ?? ""))
        rows.append(
            (
                "cache",
                "\(cache.place): \(cache.entries) entries, \(megabytes(cache.bytes)) of at most "
                    + megabytes(cache.limitBytes)
                    + (cache.isWritable ? "" : ", cannot be written to")
            ))
        rows += models.map { model in
            let found = [model.form, model.place.map { "in \($0)" }].compactMap(\.self)
            return (
                model.name,
                ([found.isEmpty ? "not installed" : found.joined(separator: " ")]
                    + [model.problem].compactMap(\.self)).joined(separator: ": ")
            )
        }
        if let measurement {
            rows.append(("measured", "\(measurement.model): \(times(measurement))"))
            rows.append(("fastest", "--precision \(measurement.fastest)"))
        }
        rows += advice.map { ("advice", $0) } + problems.map { ("problem", $0) }
        let width = 2 + (rows.map(\.0.count).max() ?? 0)
        return rows.map { name, value in
            name.padding(toLength: width, withPad: " ", startingAt: 0) + value.visibleLine
        }
        .joined(separator: "\n")
    }

    private var memory: String {
        let parts = [
            machine.availableMemoryBytes.map { "\(megabytes($0)) available" },
            machine.memoryLimitBytes.map { "limited to \(megabytes($0))" },
        ]
        return ([megabytes(machine.memoryBytes)] + parts.compactMap(\.self))
            .joined(separator: ", ")
    }

    private func times(_ measurement: Measurement) -> String {
        PrecisionChoice(seconds: measurement.seconds, missing: measurement.missing).text
    }

    private func megabytes(_ bytes: Int) -> String {
        "\((bytes / 1_000_000).formatted()) MB"
    }
}
