import Checkpoints
import Foundation
import Imaging
import Testing

@testable import Segmentation

@Suite("One label image of several objects or classes")
struct LabelMapTests {
    private let size = Size(height: 1, width: 4)

    private func mask(_ values: [UInt8]) -> Mask {
        Mask(width: size.width, height: size.height, values: values)
    }

    private func plane(_ values: [Float]) -> Planes {
        Planes(channels: 1, height: size.height, width: size.width, values: values)
    }

    @Test("where masks overlap, a pixel belongs to the highest logit, of equal ones to the first")
    func overlap() {
        var map = LabelMap(size: size)
        map.add(mask([1, 1, 1, 0]), logits: plane([1, 1, 2, 9]))
        map.add(mask([0, 1, 1, 1]), logits: plane([9, 3, 2, 0.5]))
        #expect(map.objects == [1, 2, 1, 2])
        #expect(map.mask(of: 1).values == [1, 0, 1, 0])
        #expect(map.mask(of: 2).values == [0, 1, 0, 1])
    }

    @Test("the class of a pixel is the channel with the highest logit, at the image's resolution")
    func classes() {
        // A pixel each of background, first, second and first class; none is above 0 in the second.
        let prediction = ClassPrediction(
            logits: Planes(
                channels: 3, height: 4, width: 4,
                values: [3, -1, -9, 0, -2, 1, -8, 4, -3, 0, -5, -1].flatMap {
                    [Float](repeating: $0, count: 4)
                }), iouEstimates: [0.5, 0.25])
        let geometry = InputGeometry(
            original: Size(height: 4, width: 4), inputSize: 4, preprocessing: .samus)
        let map = LabelMap(prediction, in: geometry)
        #expect(
            map.objects
                == [0, 1, 2, 1].flatMap { [UInt16](repeating: $0, count: 4) })
        #expect(prediction.margin(of: 0).values[4] == 1 - 0)
        #expect(prediction.margin(of: 1).values[8] == -5 - -8)
        #expect(prediction.margin(of: 1).values[0] == -3 - 3)
    }

    @Test("a list of classes is read back from metadata, and a wrong one is refused")
    func metadata() throws {
        let labels = [ClassLabel(value: 1, name: "left ventricle"), ClassLabel(value: 3)]
        #expect(labels[1].name == "class 3")
        let text = try #require(labels.metadata)
        #expect([ClassLabel](metadata: text) == labels)
        for wrong in [
            "", "[]", "{}", #"[{"value":1}]"#, #"[{"value":0,"name":"a"}]"#,
            #"[{"value":256,"name":"a"}]"#, #"[{"value":2,"name":"a"},{"value":1,"name":"b"}]"#,
            #"[{"value":1,"name":""}]"#,
        ] {
            #expect([ClassLabel](metadata: wrong) == nil, "\(wrong)")
        }
    }
}
