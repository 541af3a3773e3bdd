import Imaging
import Testing

@testable import Segmentation

@Suite("The steps of automatic mask generation agree with segment-anything")
struct AutomaticMaskPartsTests {
    private func mask(_ rows: [String]) -> Mask {
        Mask(
            width: rows[0].count, height: rows.count,
            values: rows.joined().map { $0 == "#" ? 1 : 0 })
    }

    @Test("points lie in the middle of their cells, row by row, rounded as by NumPy")
    func grid() {
        let points = CropPoints.points(side: 3, size: Size(height: 1, width: 1))
        #expect(points.count == 9)
        #expect(points[0] == PixelPoint(x: 0.16666666666666666, y: 0.16666666666666666))
        #expect(points[2] == PixelPoint(x: 0.8333333333333334, y: 0.16666666666666666))
        // segment-anything's build_point_grid(7): the third is not 5 / 14 rounded.
        #expect(
            CropPoints.points(side: 7, size: Size(height: 1, width: 1)).prefix(7).map(\.x) == [
                0.07142857142857142, 0.2142857142857143, 0.3571428571428572, 0.5,
                0.6428571428571429, 0.7857142857142858, 0.9285714285714286,
            ])
        #expect(
            CropPoints.points(side: 1, size: Size(height: 10, width: 30))
                == [PixelPoint(x: 15, y: 5)])
    }

    @Test("crops are equal to segment-anything's, column by column")
    func crops() {
        let crops = Crop.all(of: Size(height: 90, width: 120), layers: 2, overlap: 512.0 / 1500)
        #expect(crops.count == 1 + 4 + 16)
        #expect(
            crops.prefix(7).map { [$0.layer, $0.box.x0, $0.box.y0, $0.box.x1, $0.box.y1] } == [
                [0, 0, 0, 120, 90], [1, 0, 0, 75, 60], [1, 0, 30, 75, 90], [1, 45, 0, 120, 60],
                [1, 45, 30, 120, 90], [2, 0, 0, 42, 34], [2, 0, 19, 42, 53],
            ])
        #expect(crops.last?.box == PixelBox(x0: 81, y0: 57, x1: 120, y1: 90))
        let odd = Crop.all(of: Size(height: 5, width: 3), layers: 1, overlap: 0.3)
        #expect(
            odd.map { [$0.box.x0, $0.box.y0, $0.box.x1, $0.box.y1] } == [
                [0, 0, 3, 5], [0, 0, 2, 3], [0, 3, 2, 5], [2, 0, 3, 3], [2, 3, 3, 5],
            ])
    }

    @Test(
        "crops of tiny images are not empty and cover the image",
        arguments: [(1, 1), (1, 3), (7, 2), (33, 1)])
    func tinyCrops(height: Int, width: Int) {
        for crop in Crop.all(of: Size(height: height, width: width), layers: 8, overlap: 0.9) {
            #expect(crop.box.width > 0 && crop.box.height > 0)
            #expect(crop.box.x1 <= width && crop.box.y1 <= height)
        }
    }

    @Test(
        "suppression keeps the higher score, or the first of equals, and needs an IoU above the threshold"
    )
    func suppression() {
        let box = MaskBox(x0: 0, y0: 0, x1: 10, y1: 10)
        let half = MaskBox(x0: 0, y0: 0, x1: 10, y1: 5)
        let far = MaskBox(x0: 50, y0: 0, x1: 60, y1: 10)
        let line = MaskBox(x0: 3, y0: 3, x1: 3, y1: 9)
        func kept(_ boxes: [MaskBox], _ scores: [Float], _ threshold: Double) -> [Int] {
            nonMaximumSuppression(boxes, scores: scores, threshold: threshold)
        }
        #expect(kept([box, box, far], [1, 1, 2], 0.7) == [2, 0])
        #expect(kept([box, box], [1, 2], 0.7) == [1])
        #expect(kept([box, half], [2, 1], 0.5) == [0, 1])
        #expect(kept([box, half], [2, 1], 0.499) == [0])
        // 6 / 10 in single precision is above 0.6 in double precision, and torchvision compares
        // these.
        #expect(kept([box, MaskBox(x0: 0, y0: 0, x1: 10, y1: 6)], [2, 1], 0.6) == [0])
        // The IoU of boxes without area is NaN, even with themselves.
        #expect(kept([line, line], [1, 1], 0) == [0, 1])
        #expect(kept([], [], 0.5) == [])
    }

    @Test("a mask at a crop's edge is dropped, unless it is the image's edge")
    func nearEdge() {
        let size = Size(height: 300, width: 400)
        let whole = PixelBox(x0: 0, y0: 0, x1: 400, y1: 300)
        let crop = PixelBox(x0: 0, y0: 0, x1: 200, y1: 300)
        func isNear(_ x0: Int, _ x1: Int, _ crop: PixelBox) -> Bool {
            MaskBox(x0: x0, y0: 0, x1: x1, y1: 299).isNearCropEdge(of: crop, in: size)
        }
        #expect(!isNear(0, 399, whole))
        #expect(!isNear(0, 179, crop))
        #expect(isNear(0, 180, crop))
        #expect(isNear(0, 199, crop))
        let right = PixelBox(x0: 200, y0: 0, x1: 400, y1: 300)
        #expect(isNear(220, 399, right))
        #expect(!isNear(221, 399, right))
    }

    @Test("a box goes from centre to centre of the outermost pixels")
    func boxes() {
        #expect(
            MaskBox(around: mask(["....", ".##.", "...."])) == MaskBox(x0: 1, y0: 1, x1: 2, y1: 1))
        #expect(MaskBox(around: mask(["..", ".."])) == MaskBox(x0: 0, y0: 0, x1: 0, y1: 0))
    }

    @Test("stability is the IoU of the masks at both thresholds")
    func stability() {
        let logits = Planes(channels: 1, height: 1, width: 5, values: [-1, -0.5, 0, 1, 1.5])
        #expect(stabilityScore(logits, offset: 1) == 0.25)
        #expect(stabilityScore(logits, offset: 0) == 1)
    }

    @Test("small holes are filled and small islands removed, with 8-connectivity")
    func regions() {
        let before = mask([
            "#####....",
            "#.###..#.",
            "##.##....",
            "#####...#",
        ])
        #expect(before.removingSmallRegions(below: 1) == nil)
        #expect(
            before.removingSmallRegions(below: 2)
                == mask([
                    "#####....",
                    "#.###....",
                    "##.##....",
                    "#####....",
                ]))
        #expect(
            before.removingSmallRegions(below: 3)
                == mask([
                    "#####....",
                    "#####....",
                    "#####....",
                    "#####....",
                ]))
    }

    @Test("if all islands are small, the largest stays, or OpenCV's first among equals")
    func allSmall() {
        // OpenCV numbers components by 2x2 blocks, so the pixel in the second row comes first.
        let before = mask(["....#", "#....", ".....", "..#.."])
        #expect(
            before.removingSmallRegions(below: 2) == mask([".....", "#....", ".....", "....."]))
        let larger = mask(["....#", "#....", ".....", "..##."])
        #expect(
            larger.removingSmallRegions(below: 3) == mask([".....", ".....", ".....", "..##."]))
    }
}
