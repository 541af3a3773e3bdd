import Foundation
import Imaging
import Inference
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchEngine
import TorchNN

@testable import Export

/// Small networks of every architecture with weights from a formula; LiteMedSAM has only one size.
enum SmallNetwork: String, CaseIterable, CustomTestStringConvertible {
    case samus, autoSAMUS, sam, liteMedSAM, medSAM, medicalSAMAdapter, medicalSAMAdapter2023
    case samMed2D

    var testDescription: String { rawValue }

    var kind: ModelArchitecture {
        switch self {
        case .samus: .samus
        case .autoSAMUS: .autoSAMUS
        case .sam: .sam
        case .liteMedSAM: .liteMedSAM
        case .medSAM: .medSAM
        case .medicalSAMAdapter: .medicalSAMAdapter
        case .medicalSAMAdapter2023: .medicalSAMAdapter2023
        case .samMed2D: .samMed2D
        }
    }

    private var sizes: SAMConfiguration {
        let isSAMUS = self == .samus || self == .autoSAMUS
        var sizes = SAMConfiguration.base(imageSize: isSAMUS ? 64 : 128)
        sizes.width = 48
        sizes.depth = 4
        sizes.heads = 3
        sizes.windowSize = 3
        sizes.globalBlocks = [1, 3]
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        sizes.adapter = kind.published.first?.adapter
        return sizes
    }

    /// An exporter for the network.
    func exporter() throws -> Exporter {
        let sizes = sizes
        let network: any SegmentationNetwork =
            switch self {
            case .samus: SAMUS(sizes)
            case .autoSAMUS: AutoSAMUS(sizes)
            case .sam, .medSAM, .medicalSAMAdapter, .medicalSAMAdapter2023, .samMed2D:
                NetworkRegistry.make(kind, .sam(sizes))
            // Its batch norms have integer counters, which the formula does not cover.
            case .liteMedSAM: Initialization.seeded(1) { LiteMedSAM() }
            }
        if self != .liteMedSAM { try network.load(FormulaWeights(for: network)) }
        let inputSize = self == .liteMedSAM ? LiteMedSAM.inputSize : sizes.imageSize
        return try Exporter(
            network, inputSize: inputSize,
            model: ModelDescription(
                name: rawValue, architecture: kind,
                network: .init(
                    encoder: "small", inputSize: inputSize, candidates: 3, parameters: 1),
                sha256: String(repeating: "0", count: 64), licence: nil),
            program: "tests")
    }
}

/// A folder for one test.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }
}

/// A smooth grey image that is not square.
func smoothImage(width: Int = 90, height: Int = 70) -> Image {
    var pixels: [UInt8] = []
    for y in 0..<height {
        for x in 0..<width {
            let wave = sin(Double(x) / 7) * cos(Double(y) / 9) + sin(Double(x + 2 * y) / 23)
            pixels.append(UInt8(127 + 60 * wave))
        }
    }
    return Image(width: width, height: height, channels: 1, pixels: pixels)
}

/// The runtime for tests of bundles.
enum Runtime {
    static let isInstalled = (try? OpenVINOLibrary.shared()) != nil
    static let reason: Comment = "OpenVINO is not installed: run 'make setup'"
}
