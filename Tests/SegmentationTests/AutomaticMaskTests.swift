import Imaging
import Segmentation
import Testing

@Suite("Automatic masks agree with segment-anything 1.0")
struct AutomaticMaskAgreementTests {
    @Test(
        "masks are equal and in the same order",
        arguments: [
            "dense", "grid-8", "all", "crops", "deep-crops", "regions", "crops-and-regions",
            "nothing",
        ])
    func masks(name: String) throws {
        let expected = try AutomaticFixture.case(name)
        let found = try AutomaticMaskGenerator(
            engine: AnalyticEngine(), options: expected.options.swift
        ).masks(of: AutomaticFixture.image()).map(\.record)
        #expect(found.count == expected.masks.count)
        for (index, (found, expected)) in zip(found, expected.masks).enumerated() {
            // Masks and numbers are equal, except for the last bit of a quotient.
            #expect(found.segmentation == expected.segmentation, "mask \(index)")
            #expect(found.area == expected.area, "mask \(index)")
            #expect(found.bbox == expected.bbox, "mask \(index)")
            #expect(found.pointCoordinates == expected.pointCoordinates, "mask \(index)")
            #expect(found.cropBox == expected.cropBox, "mask \(index)")
            #expect(found.predictedIoU == expected.predictedIoU, "mask \(index)")
            #expect(abs(found.stabilityScore - expected.stabilityScore) < 1e-5, "mask \(index)")
        }
    }

    @Test("grey repeated to three channels, and batches of any size, change nothing")
    func batches() throws {
        var options = try AutomaticFixture.case("grid-8").options.swift
        let image = try AutomaticFixture.image()
        let engine = AnalyticEngine()
        let expected = try AutomaticMaskGenerator(engine: engine, options: options)
            .masks(of: image)
        options.pointsPerBatch = 5
        #expect(
            try AutomaticMaskGenerator(engine: engine, options: options).masks(of: image.rgb())
                == expected)
    }
}
