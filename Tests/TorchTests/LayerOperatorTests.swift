import TestSupport
import Testing
import Torch

@Suite("Operators of layers agree with PyTorch, forward and backward")
struct LayerOperatorTests {
    static let cases: [OperatorCase] = [
        .one("relu", relu),
        .one("gelu", gelu),
        .one("sigmoid", sigmoid),
        .list("linear") { linear($0[0], weight: $0[1], bias: $0[2]) },
        .two("linear-plain") { linear($0, weight: $1) },
        .list("convolution") { convolution2d($0[0], weight: $0[1], bias: $0[2], padding: 1) },
        .two("convolution-strided") { convolution2d($0, weight: $1, stride: 2) },
        .list("convolution-grouped") {
            convolution2d(
                $0[0], weight: $0[1], bias: $0[2], padding: 2, dilation: 2, groups: 2)
        },
        .list("convolution-depthwise") {
            convolution2d($0[0], weight: $0[1], bias: $0[2], padding: 1, groups: 4)
        },
        .list("transposed-convolution") {
            transposedConvolution2d($0[0], weight: $0[1], bias: $0[2], stride: 2)
        },
        .two("transposed-convolution-padded") {
            transposedConvolution2d($0, weight: $1, stride: 2, padding: 1, outputPadding: 1)
        },
        .two("transposed-convolution-grouped") {
            transposedConvolution2d($0, weight: $1, groups: 2)
        },
        .list("layer-norm") {
            layerNorm($0[0], shape: [4], weight: $0[1], bias: $0[2], epsilon: 1e-5)
        },
        .one("layer-norm-two-axes") {
            layerNorm($0, shape: [3, 4], weight: nil, bias: nil, epsilon: 1e-6)
        },
        .list("batch-norm-training") {
            batchNorm(
                $0[0], weight: $0[1], bias: $0[2], runningMean: nil, runningVariance: nil,
                training: true)
        },
        .list("batch-norm-inference") {
            batchNorm(
                $0[0], weight: $0[1], bias: $0[2], runningMean: $0[3].detached(),
                runningVariance: $0[4].detached(), training: false, epsilon: 1e-3)
        },
        .two("embedding") { embedding($0, table: $1) },
        .one("max-pool") { maxPool2d($0, size: 2) },
        .one("max-pool-padded") { maxPool2d($0, size: 3, stride: 2, padding: 1) },
        .one("average-pool") { averagePool2d($0, size: 2) },
        .one("average-pool-padded") { averagePool2d($0, size: 3, stride: 2, padding: 1) },
        .one("bilinear-up") { bilinear($0, height: 11, width: 13) },
        .one("bilinear-down") { bilinear($0, height: 3, width: 2) },
        .one("bilinear-antialias") { bilinear($0, height: 3, width: 2, antialias: true) },
        .one("bilinear-antialias-up") { bilinear($0, height: 9, width: 7, antialias: true) },
        .list("attention") {
            scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2])
        },
        .list("attention-masked") {
            scaledDotProductAttention(
                query: $0[0], key: $0[1], value: $0[2], mask: $0[3], scale: 0.3)
        },
    ]

    /// The cases of a second fixture.
    static let moreCases: [OperatorCase] = [
        .one("bilinear-corners-up") { bilinear($0, height: 11, width: 13, alignCorners: true) },
        .one("bilinear-corners-down") { bilinear($0, height: 3, width: 2, alignCorners: true) },
        .one("nearest-up") { nearest($0, height: 12, width: 15) },
        .list("convolution-1d") {
            convolution1d($0[0], weight: $0[1], bias: $0[2], padding: 1)
        },
        .two("convolution-1d-strided") { convolution1d($0, weight: $1, stride: 2) },
        .list("group-norm") {
            groupNorm($0[0], groups: 2, weight: $0[1], bias: $0[2], epsilon: 1e-6)
        },
        .one("group-norm-single-channels") {
            groupNorm($0, groups: 4, weight: nil, bias: nil, epsilon: 1e-5)
        },
        .list("batch-norm-vectors") {
            batchNorm(
                $0[0], weight: $0[1], bias: $0[2], runningMean: nil, runningVariance: nil,
                training: true, epsilon: 1e-3)
        },
    ]

    @Test(
        "each operator of the second fixture gives PyTorch's results and gradients",
        arguments: moreCases)
    func agreesToo(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.moreLayers.get(), absolute: 1e-5)
    }

    @Test(
        "each operator gives PyTorch's results and gradients, to 1e-5 where a sum has many terms",
        arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.layers.get(), absolute: 1e-5)
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.layers.get().sections.sorted() == Self.cases.map(\.name).sorted())
        #expect(
            try Fixtures.moreLayers.get().sections.sorted() == Self.moreCases.map(\.name).sorted())
    }

    @Test("dropout keeps the expectation in training and is the identity otherwise")
    func dropoutScales() {
        let x = Tensor.ones([10_000])
        let dropped = dropout(x, probability: 0.25, training: true).floats()
        #expect(Set(dropped) == [0, 1 / Float(0.75)])
        #expect(abs(dropped.reduce(0, +) / 10_000 - 1) < 0.05)
        #expect(dropout(x, probability: 0.25, training: false).floats() == x.floats())
    }

    @Test("channel dropout keeps or drops whole channels")
    func channelDropoutScales() {
        let x = Tensor.ones([4, 1000, 2, 2])
        let dropped = channelDropout(x, probability: 0.25, training: true)
        let channels = dropped.reshaped([-1, 4]).floats()
        let wholes = stride(from: 0, to: channels.count, by: 4).map { channels[$0..<$0 + 4] }
        #expect(wholes.allSatisfy { Set($0).count == 1 })
        #expect(Set(channels) == [0, 1 / Float(0.75)])
        #expect(channelDropout(x, probability: 0.25, training: false).floats() == x.floats())
    }
}
