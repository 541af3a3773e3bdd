import Testing
import Torch
import TorchNN

@testable import Segmentation
@testable import TorchEngine

@Suite("The registry of architectures and the networks agree")
struct NetworkRegistryTests {
    @Test("every entry has its layers, and every network an entry")
    func entries() {
        #expect(Set(NetworkRegistry.networks.map { $0.architecture }) == Set(ModelArchitecture.all))
        #expect(NetworkRegistry.networks.count == ModelArchitecture.all.count)
        #expect(
            Set(ModelArchitecture.all.map(\.commandName)).count == ModelArchitecture.all.count)
    }

    @Test(
        "the tensors of a network match its signature and no other; a statement tells SAM and MedSAM",
        arguments: ModelArchitecture.all)
    func signatures(architecture: ModelArchitecture) throws {
        let configuration = try #require(architecture.published.first)
        let network = Initialization.skipped { NetworkRegistry.make(architecture, configuration) }
        let tensors = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { ($0.name, $0.value.value.shape) })
        let matching = ModelArchitecture.all.filter { $0.signature.matches(tensors) }
        let twins: [ModelArchitecture] = [.sam, .medSAM]
        #expect(matching == (twins.contains(architecture) ? twins : [architecture]))
        for stated in [architecture.rawValue, "a network of tomorrow", "U-Net", nil] {
            #expect(
                ModelArchitecture(tensors: tensors, stated: stated)
                    == (architecture == .medSAM && stated != architecture.rawValue
                        ? .sam : architecture))
        }
    }

    @Test("a network with an adapter is detected, and so is its adapter")
    func adapted() throws {
        for architecture in ModelArchitecture.adaptable {
            for method in architecture.adapters {
                let adapter = method.adapter(rank: 3)
                let configuration = try #require(architecture.published.first)
                let network = Initialization.skipped {
                    NetworkRegistry.make(architecture, configuration.adapted(by: adapter))
                }
                let tensors = Dictionary(
                    uniqueKeysWithValues: network.namedValues().map {
                        ($0.name, $0.value.value.shape)
                    })
                #expect(
                    ModelArchitecture(tensors: tensors, stated: architecture.rawValue)
                        == architecture)
                #expect(EncoderAdapter(names: tensors.keys.sorted()) { tensors[$0] } == adapter)
                #expect(EncoderAdapter(rawValue: adapter.rawValue) == adapter)
                #expect(network.trainedParameters(by: .adapter)?.isEmpty == false)
            }
        }
        for text in ["lora-0", "lora-1025", "lora-", "lora-four", "samus", ""] {
            #expect(EncoderAdapter(rawValue: text) == nil)
        }
    }

    @Test(
        "every recipe of an entry trains something, all others nothing",
        arguments: ModelArchitecture.all)
    func recipes(architecture: ModelArchitecture) throws {
        let published = try #require(architecture.published.first)
        let added = architecture.adapters.first?.adapter(rank: 4)
        let configuration = published.adapter == nil ? published.adapted(by: added) : published
        let network = Initialization.skipped { NetworkRegistry.make(architecture, configuration) }
        for recipe in Recipe.allCases {
            let trained = network.trainedParameters(by: recipe)
            #expect((trained != nil) == architecture.recipes.contains(recipe), "\(recipe)")
            #expect(trained?.isEmpty != true, "\(recipe)")
        }
    }

    @Test("names in files are read back; an unknown name is refused")
    func names() {
        for architecture in ModelArchitecture.all {
            #expect(ModelArchitecture(rawValue: architecture.rawValue) == architecture)
        }
        #expect(
            ModelArchitecture.all.map(\.rawValue) == [
                "SAM", "SAMUS", "AutoSAMUS", "SAMUS-Lite", "LiteMedSAM", "MedSAM", "SAMed", "MSA",
                "MSA-2023", "SAM-Med2D", "U-Net", "U-Net-bilinear",
                "CE-Net", "CPFNet", "SETR", "CA-Net", "FAT-Net", "TransFuse", "SwinUnet",
                "TransUNet", "MISSFormer", "H2Former", "AAU-Net",
            ])
        #expect(ModelArchitecture(rawValue: "U-Net of tomorrow") == nil)
    }
}
