import SegmentAnything
import Segmentation
import Testing
import Torch
import TorchEngine
import TorchNN

@Suite("NearestNetwork describes files that match no network")
struct NearestNetworkTests {
    /// Names and shapes of tensors, without values.
    private struct Shapes: TensorSource {
        var names: [String]
        var shapes: [String: [Int]]

        /// The names and shapes of a network.
        init(_ kind: ModelArchitecture, _ sizes: ModelConfiguration) {
            let network = Initialization.skipped { NetworkRegistry.make(kind, sizes) }
            let values = network.namedValues()
            names = values.map(\.name)
            shapes = Dictionary(
                uniqueKeysWithValues: values.map { ($0.name, $0.value.value.shape) })
        }

        func shape(of name: String) -> [Int]? { shapes[name] }
        func dtype(of name: String) -> DType? {
            shapes[name].map { _ in name.hasSuffix("num_batches_tracked") ? .int64 : .float32 }
        }
        func read(_ name: String, into target: Tensor) {}

        mutating func add(_ name: String, _ shape: [Int]) {
            names.append(name)
            shapes[name] = shape
        }

        mutating func rename(_ change: (String) -> String?) {
            let old = self
            names = []
            shapes = [:]
            for name in old.names {
                if let new = change(name) { add(new, old.shapes[name] ?? []) }
            }
        }
    }

    @Test(
        "the published sizes of SAM are distinguished",
        arguments: [
            (ModelArchitecture.sam, 0), (.sam, 1), (.sam, 2), (.samus, 0), (.autoSAMUS, 0),
            (.liteMedSAM, 0),
        ])
    func published(kind: ModelArchitecture, index: Int) throws {
        let sizes = kind.published[index]
        let found = try #require(NearestNetwork(to: Shapes(kind, sizes)))
        #expect(found.architecture == kind)
        #expect(found.sizes == sizes)
        #expect(found.shared == found.count)
        #expect(found.difference == nil)
    }

    @Test("adapters of a network that is not known are recognized")
    func adapters() throws {
        var tensors = Shapes(.sam, .sam(.base(imageSize: 1024)))
        for index in 0..<12 {
            tensors.add("image_encoder.blocks.\(index).other_adapter.fc.weight", [192, 768])
        }
        let found = try #require(NearestNetwork(to: tensors))
        #expect(found.architecture == .sam)
        #expect(found.shared == found.count)
        let words = found.description
        #expect(words.contains("SAM (ViT-B, input 1024x1024): 314 of its 314 tensors match"))
        #expect(words.contains("adapters that this network lacks"))
        #expect(words.contains("unexpected: 'image_encoder.blocks.9.other_adapter.fc.weight'"))
        #expect(words.hasSuffix("… and 2 more"))
    }

    @Test("an image encoder alone is recognized, with and without its prefix")
    func encoder() throws {
        var tensors = Shapes(.sam, .sam(.large(imageSize: 1024)))
        tensors.rename { $0.hasPrefix("image_encoder.") ? $0 : nil }
        var bare = tensors
        bare.rename { String($0.dropFirst("image_encoder.".count)) }
        for source in [tensors, bare] {
            let found = try #require(NearestNetwork(to: source))
            #expect(found.architecture == .sam)
            #expect(found.sizes == .sam(.large(imageSize: 1024)))
            #expect(found.description.contains("an image encoder only"))
        }
        #expect(NearestNetwork(to: bare)?.renaming?.contains("'image_encoder.'") == true)
        #expect(NearestNetwork(to: tensors)?.renaming == nil)
    }

    @Test(
        "a wrapped network and LoRA weights are recognized; unrelated tensors have no nearest network"
    )
    func others() throws {
        var inside = Shapes(.sam, .sam(.base(imageSize: 1024)))
        inside.rename { "sam_model.\($0)" }
        let found = try #require(NearestNetwork(to: inside))
        #expect(found.difference == nil)
        #expect(found.description.contains("under names without their 'sam_model.'"))

        var additions = Shapes(.sam, .sam(.base(imageSize: 1024)))
        additions.rename { $0.hasPrefix("mask_decoder.") ? $0 : nil }
        additions.add("w_a_000", [4, 768])
        #expect(NearestNetwork(to: additions)?.description.contains("(LoRA)") == true)

        var nothing = Shapes(.sam, .sam(.base(imageSize: 1024)))
        nothing.rename { _ in nil }
        #expect(NearestNetwork(to: nothing) == nil)
        nothing.add("fc.weight", [10, 10])
        #expect(NearestNetwork(to: nothing) == nil)
    }
}
