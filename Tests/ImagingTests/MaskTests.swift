import FileIO
import Foundation
import Imaging
import Testing

@Suite("Components, contours and run lengths of masks")
struct MaskTests {
    let expected: [Expected.MaskCase]

    init() throws { expected = try Fixtures.expected().masks }

    @Test("run lengths equal those of pycocotools")
    func runLength() throws {
        for entry in expected {
            let run = entry.mask.runLength()
            #expect(run.counts == entry.counts)
            #expect(run.compressed == entry.compressed)
            #expect(run.mask() == entry.mask)
            #expect(RunLength(size: run.size, counts: run.counts) == run)
            #expect(RunLength(compressed: entry.compressed, size: run.size) == run)
        }
    }

    @Test("run lengths that do not fit the mask's size are refused")
    func badRunLength() {
        let size = Size(height: 2, width: 3)
        #expect(RunLength(size: size, counts: [6]) != nil)
        #expect(RunLength(size: size, counts: [5]) == nil)
        #expect(RunLength(size: size, counts: [Int.max, Int.max, 8]) == nil)
        #expect(RunLength(size: size, counts: [-1, 7]) == nil)
        #expect(RunLength(size: Size(height: 0, width: 0), counts: []) == nil)
        #expect(RunLength(size: Size(height: 1 << 40, width: 1 << 40), counts: [0]) == nil)
        for text in ["", "6x", "~~", "o", "oooooooooooooooooo", "\u{e9}", "666"] {
            #expect(RunLength(compressed: text, size: size) == nil, "\(text)")
        }
        var random = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                UInt8.random(in: 40..<120, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let run = RunLength(compressed: text, size: size) {
                #expect(run.counts.reduce(0, +) == 6)
            }
        }
    }

    @Test("connected components equal OpenCV's", arguments: Connectivity.allCases)
    func components(connectivity: Connectivity) {
        for entry in expected {
            let labels = entry.mask.labelled(connectivity: connectivity)
            let golden = connectivity == .four ? entry.components4 : entry.components8
            #expect(labels.areas.sorted() == golden)
            guard golden.count < 20 else { continue }
            let masks = entry.mask.components(connectivity: connectivity)
            #expect(masks.map(\.area) == labels.areas)
            #expect(
                entry.mask.largestComponent(connectivity: connectivity).area == golden.last ?? 0)
        }
    }

    @Test("filling the contours restores the mask", arguments: Connectivity.allCases)
    func contours(connectivity: Connectivity) {
        for entry in expected {
            let contours = entry.mask.contours(connectivity: connectivity)
            #expect(Mask(filling: contours, size: entry.mask.size) == entry.mask)
            #expect(contours.map(\.signedArea).reduce(0, +) == entry.mask.area)
            let golden = connectivity == .four ? entry.components4 : entry.components8
            #expect(contours.count { !$0.isHole } == golden.count)
            for contour in contours {
                #expect(contour.corners.count >= 4)
                for (index, corner) in contour.corners.enumerated() {
                    let next = contour.corners[(index + 1) % contour.corners.count]
                    #expect((corner.x == next.x) != (corner.y == next.y))
                }
            }
        }
    }

    @Test("filling the contours restores every possible mask of 4x3 pixels")
    func everySmallMask() {
        for number in 0..<4096 {
            let mask = Mask(width: 4, height: 3, values: (0..<12).map { UInt8(number >> $0 & 1) })
            for connectivity in Connectivity.allCases {
                let contours = mask.contours(connectivity: connectivity)
                let outer = contours.count { !$0.isHole }
                let filled = Mask(filling: contours, size: mask.size)
                guard filled == mask,
                    outer == mask.labelled(connectivity: connectivity).areas.count
                else {
                    Issue.record("mask \(number), \(connectivity)")
                    return
                }
            }
        }
    }

    @Test("a ring has an outer contour and a hole")
    func ring() {
        let ring = Mask(width: 3, height: 3, values: [1, 1, 1, 1, 0, 1, 1, 1, 1])
        let contours = ring.contours()
        #expect(contours.map(\.signedArea) == [9, -1])
        #expect(contours[0].corners.contains(PixelCorner(x: 3, y: 3)))
        #expect(contours[1].corners.contains(PixelCorner(x: 1, y: 1)))
    }

    @Test("two pixels that touch at a corner share a contour only with 8-connectivity")
    func touching() {
        let mask = Mask(width: 2, height: 2, values: [1, 0, 0, 1])
        #expect(mask.contours(connectivity: .eight).map(\.signedArea) == [2])
        #expect(mask.contours(connectivity: .four).map(\.signedArea) == [1, 1])
    }

    @Test("area, bounding box and image count all pixels that are not zero")
    func measures() {
        let mask = Mask(width: 4, height: 3, values: [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 255, 0])
        #expect(mask.area == 2)
        #expect(mask.boundingBox == PixelBox(x0: 1, y0: 1, x1: 3, y1: 3))
        #expect(mask.image().pixels == [0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0])
        #expect(Mask(width: 2, height: 1, values: [0, 0]).boundingBox == nil)
    }

    @Test("the threshold itself and NaN are background")
    func threshold() {
        let plane = Planes(channels: 1, height: 1, width: 4, values: [-1, 0, 0.5, .nan])
        #expect(Mask(thresholding: plane, above: 0).values == [0, 0, 1, 0])
    }
}
