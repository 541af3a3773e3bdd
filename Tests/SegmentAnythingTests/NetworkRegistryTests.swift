import Segmentation
import Testing
import Torch
import TorchNN

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
        "the tensors of a network match its signature and no other",
        arguments: ModelArchitecture.all)
    func signatures(architecture: ModelArchitecture) throws {
        let configuration = try #require(architecture.published.first)
        let network = Initialization.skipped { NetworkRegistry.make(architecture, configuration) }
        let tensors = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { ($0.name, $0.value.value.shape) })
        let matching = ModelArchitecture.all.filter { $0.signature.matches(tensors) }
        #expect(matching == [architecture])
        #expect(ModelArchitecture(tensors: tensors) == architecture)
    }

    @Test(
        "every recipe of an entry trains something, all others nothing",
        arguments: ModelArchitecture.all)
    func recipes(architecture: ModelArchitecture) throws {
        let configuration = try #require(architecture.published.first)
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
                "SAM", "SAMUS", "AutoSAMUS", "SAMUS-Lite", "LiteMedSAM", "U-Net", "U-Net-bilinear",
                "CE-Net", "CPFNet", "SETR", "CA-Net", "FAT-Net", "TransFuse", "SwinUnet",
                "TransUNet", "MISSFormer", "H2Former", "AAU-Net",
            ])
        #expect(ModelArchitecture(rawValue: "U-Net of tomorrow") == nil)
    }
}
