import Datasets
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("Import of images with masks")
struct MaskImportTests {
    private let tree: ImportTree

    init() throws {
        tree = try ImportTree()
    }

    @Test("BUSI: masks are united, normal images have empty labels, other files are reported")
    func busi() throws {
        let labelled = try tree.image("Dataset_BUSI_with_GT/benign/benign (1).png", shade: 3)
        let folder = "Dataset_BUSI_with_GT"
        try tree.mask("\(folder)/benign/benign (1)_mask.png", at: [(1, 1), (2, 1)])
        try tree.mask("\(folder)/benign/benign (1)_mask_1.png", at: [(2, 1), (5, 4)])
        try tree.image("\(folder)/benign/benign (2).png")
        try tree.image("\(folder)/malignant/malignant (10).png")
        try tree.mask("\(folder)/malignant/malignant (10)_mask.png", at: [(0, 0)])
        try tree.mask("\(folder)/malignant/malignant (11)_mask.png", at: [(0, 0)])
        try tree.image("\(folder)/malignant/malignant (12).png", width: 9)
        try tree.mask("\(folder)/malignant/malignant (12)_mask.png", at: [(0, 0)])
        try tree.image("\(folder)/normal/normal (1).png")
        try tree.mask("\(folder)/normal/normal (1)_mask.png", at: [])
        try tree.text("\(folder)/normal/Thumbs.db", "x")
        let report = try tree.run(.busi)
        #expect(report.images == 3 && report.empty == 1)
        #expect(
            report.problems.map(\.file) == [
                "benign/benign (2).png", "malignant/malignant (11)_mask.png",
                "malignant/malignant (12).png",
            ])
        #expect(report.remarks.map(\.file) == ["normal/Thumbs.db"])
        let dataset = "Breast-BUSI"
        #expect(try tree.stored(dataset, "benign0001").image == labelled)
        #expect(try tree.places(dataset, "benign0001") == [[1, 1], [2, 1], [5, 4]])
        #expect(try tree.places(dataset, "normal0001") == [])
        #expect(
            try tree.lines("MainPatient/train-Breast-BUSI.txt") == [
                "1/Breast-BUSI/benign0001", "1/Breast-BUSI/malignant0010",
                "1/Breast-BUSI/normal0001",
            ])
        #expect(try tree.index(dataset)["malignant0010"]?["pathology"] == "malignant")
        // DatasetCollection reads the result.
        let data = try DatasetCollection(root: tree.root)
        let sample = try #require(data.samples(.train).first)
        #expect(try sample.read().mask(of: 1).area == 3)
    }

    @Test("BUS-BRA: patients and the test fold are imported")
    func busbra() throws {
        for (index, name) in ["0001-l", "0001-r", "0002-l", "0003-l"].enumerated() {
            try tree.image("BUSBRA/Images/bus_\(name).png", shade: index)
            try tree.mask("BUSBRA/Masks/mask_\(name).png", at: [(index, 1)])
        }
        try tree.text(
            "BUSBRA/bus_data.csv",
            "ID,Case,Histology,Pathology,BIRADS,Device\r\nbus_0001-l,1,Cyst,benign,2,GE\r\n"
                + "bus_0001-r,1,Cyst,benign,2,GE\r\nbus_0002-l,2,IDC,malignant,4,GE\r\n"
                + "bus_0003-l,3,IDC,malignant,5,GE\r\n")
        try tree.text(
            "BUSBRA/5-fold-cv.csv",
            "ID,Pathology,kFold\nbus_0001-l,benign,5\nbus_0001-r,benign,5\n"
                + "bus_0002-l,malignant,1\nbus_0003-l,malignant,2\n")
        let report = try tree.run(.busbra) { $0.fold = 5 }
        #expect(report.splits == [.test: 2, .val: 1, .train: 1])
        #expect(report.problems.isEmpty && report.hasSplit)
        let index = try tree.index("Breast-BUSBRA")
        #expect(index["bus_0001-r"]?["patient"] == "case0001")
        #expect(index["bus_0002-l"]?["split"] == "val")
        #expect(index["bus_0003-l"]?["birads"] == "5")
        #expect(
            try tree.lines("MainPatient/test.txt") == [
                "Breast-BUSBRA/bus_0001-l", "Breast-BUSBRA/bus_0001-r",
            ])
        #expect(throws: ImportError.self) {
            try tree.run(.busbra) {
                $0.fold = 6
                $0.dataset = "Other"
            }
        }
    }

    @Test("UDIAT: images and masks are paired by name")
    func udiat() throws {
        try tree.image("original/000001.png")
        try tree.mask("GT/000001.png", at: [(3, 3)])
        let report = try tree.run(.udiat)
        #expect(report.images == 1 && !report.hasSplit)
        #expect(try tree.places("Breast-UDIAT", "000001") == [[3, 3]])
    }

    @Test("TN3K: JPEG images and masks, folds and test set are imported")
    func tn3k() throws {
        for part in ["trainval", "test"] {
            for number in 0..<3 {
                try tree.fixture("image.jpg", as: "tn3k/\(part)-image/000\(number).jpg")
                try tree.fixture("mask.jpg", as: "tn3k/\(part)-mask/000\(number).jpg")
            }
        }
        try tree.text("tn3k/tn3k-trainval-fold0.json", #"{"train": [0, 9], "val": [2]}"#)
        let report = try tree.run(.tn3k)
        #expect(report.splits == [.train: 2, .val: 1, .test: 3])
        #expect(report.problems.map(\.file) == ["tn3k-trainval-fold0.json"])
        #expect(report.remarks.map(\.file) == ["trainval-image/0001.jpg"])
        let dataset = "ThyroidNodule-TN3K"
        #expect(try tree.lines("MainPatient/val.txt") == ["1/\(dataset)/trainval_0002"])
        let (image, label) = try tree.stored(dataset, "test_0000")
        #expect(
            image == (try Image.read(ImportTree.fixtures.appending(path: "image.jpg").path)))
        let data = try Data(contentsOf: ImportTree.fixtures.appending(path: "expected.json"))
        struct Expected: Decodable {
            struct ImageEntry: Decodable { let mask: Data }
            let jpeg: ImageEntry
        }
        let mask = try JSONDecoder().decode(Expected.self, from: data).jpeg.mask
        // The JPEG's edge is blurred; half of the grey level is at the outline.
        let different = zip(label.pixels, mask).count { ($0 == 0) != ($1 == 0) }
        #expect(different <= 2)
        #expect(Set(label.pixels) == [0, 255])
    }

    @Test("TG3K: folder names in any case, and the published split, are read")
    func tg3k() throws {
        for number in 0..<3 {
            try tree.fixture("image.jpg", as: "Thyroid-image/000\(number).jpg")
            try tree.fixture("mask.jpg", as: "Thyroid-mask/000\(number).jpg")
        }
        try tree.text("tg3k-trainval.json", #"{"train": [0, 1], "val": [2]}"#)
        let report = try tree.run(.tg3k)
        #expect(report.splits == [.train: 2, .val: 1] && report.problems.isEmpty)
        #expect(report.notes.contains { $0.contains("it splits videos by frame") })
        #expect(
            try tree.lines("MainPatient/val-ThyroidGland-TG3K.txt") == ["1/ThyroidGland-TG3K/0002"])
    }

    @Test("HC18: outlines are filled, spacing is known, two images belong to one patient")
    func hc18() throws {
        func ring(_ path: String, gap: Bool = false) throws {
            var ring: [(x: Int, y: Int)] = []
            for y in 1...4 {
                for x in 1...5 where x == 1 || x == 5 || y == 1 || y == 4 {
                    if !gap || x != 3 { ring.append((x, y)) }
                }
            }
            try tree.mask(path, at: ring)
        }
        for name in ["010_HC", "010_2HC", "011_HC"] {
            try tree.image("training_set/\(name).png")
            try ring("training_set/\(name)_Annotation.png", gap: name == "011_HC")
        }
        try tree.text(
            "training_set_pixel_size_and_HC.csv",
            "filename,pixel size(mm),head circumference (mm)\n010_HC.png,0.069136,44.3\n"
                + "010_2HC.png,0.07,44.1\n011_HC.png,0.07,44.1\n")
        let report = try tree.run(.hc18)
        #expect(report.images == 2 && report.withSpacing == 2)
        #expect(report.problems.map(\.file) == ["011_HC_Annotation.png"])
        let dataset = "FetalHead-HC18"
        #expect(try tree.places(dataset, "010_HC").count == 20)
        let row = try #require(tree.index(dataset)["010_HC"])
        #expect(row["mm_x"] == "0.069136" && row["patient"] == "hc18_010")
        #expect(row["head_circumference_mm"] == "44.3")
        let sample = try #require(DatasetCollection(root: tree.root).samples(.train).first)
        #expect(sample.spacing == PixelSpacing(x: 0.07, y: 0.07))
        #expect(sample.patient == "hc18_010")
    }

    @Test("folders: splits, mask suffixes, class numbers and grey RGB masks are read")
    func folders() throws {
        let grey = try tree.image("train/images/a b.png")
        try tree.image(grey.rgb(), "train/images/c.png")
        try tree.mask("train/masks/a b_mask.png", at: [(1, 1)], value: 2)
        try tree.mask("train/masks/c_mask.png", at: [(2, 2)], value: 1)
        try tree.image("valid/images/a b.png")
        try tree.mask("valid/masks/a b.png", at: [], value: 1)
        let report = try tree.run(.folders) { $0.dataset = "Mine" }
        #expect(report.problems.isEmpty)
        #expect(report.splits == [.train: 2, .val: 1])
        #expect(try tree.places("Mine", "a_b", value: 2) == [[1, 1]])
        #expect(try tree.stored("Mine", "c").image == grey)
        #expect(
            try tree.lines("MainPatient/train-Mine.txt") == ["2/Mine/a_b", "1/Mine/c"])
        // An empty label has a line for each class.
        #expect(
            try tree.lines("MainPatient/val-Mine.txt") == ["1/Mine/a_b-2", "2/Mine/a_b-2"])
    }

    @Test("folders: grey values of classes must be given; smooth edges are cut at 127")
    func greys() throws {
        try tree.image("images/a.png")
        try tree.mask("masks/a.png", at: [(1, 1)], value: 85)
        try tree.image("images/b.png")
        try tree.mask("masks/b.png", at: [(2, 2)], value: 170)
        #expect(throws: ImportError.self) { try tree.run(.folders) }
        #expect(tree.files().isEmpty)
        let report = try tree.run(.folders) {
            $0.dataset = "Named"
            $0.classValues = [170, 85]
        }
        #expect(report.classNames == ["value 170", "value 85"])
        #expect(try tree.places("Named", "a", value: 2) == [[1, 1]])
        #expect(try tree.lines("MainPatient/class.json").joined().contains(#""Named" : 3"#))

        try tree.image("images/c.png", width: 64, height: 2)
        let smooth = Image(
            width: 64, height: 2, channels: 1, pixels: (0..<128).map { UInt8($0 * 2) })
        try tree.image(smooth, "masks/c.png")
        let cut = try tree.run(.folders) { $0.dataset = "Smooth" }
        #expect(cut.remarks.contains { $0.reason.contains("above 127 are inside") })
        #expect(try tree.places("Smooth", "c").count == 64)
    }

    @Test("folders: few grey values along an outline are one object; the advice on classes works")
    func fewGreys() throws {
        func disc(_ inner: UInt8, _ edge: UInt8, _ name: String) throws {
            var pixels = [UInt8](repeating: 0, count: 100)
            for y in 2..<8 { for x in 2..<8 { pixels[10 * y + x] = edge } }
            for y in 3..<7 { for x in 3..<7 { pixels[10 * y + x] = inner } }
            try tree.image("images/\(name).png", width: 10, height: 10)
            try tree.image(
                Image(width: 10, height: 10, channels: 1, pixels: pixels), "masks/\(name).png")
        }
        try disc(255, 64, "a")
        let smooth = try tree.run(.folders) { $0.dataset = "Smooth" }
        #expect(smooth.remarks.contains { $0.reason.contains("those above 127 are inside") })
        #expect(try tree.places("Smooth", "a").count == 16)
        try disc(16, 16, "b")
        #expect {
            try tree.run(.folders) { $0.dataset = "Refused" }
        } throws: {
            "\($0)".contains("values 16, 255") && "\($0)".contains("--class-values 255 alone")
        }
        let advised = try tree.run(.folders) {
            $0.dataset = "Advised"
            $0.classValues = [255]
        }
        #expect(advised.images == 2 && advised.empty == 0 && advised.problems.isEmpty)
        #expect(try tree.places("Advised", "b").count == 36)
    }

    @Test("folders: class numbers of 16-bit and palette masks are kept")
    func deepAndPaletteFolders() throws {
        let numbers: [UInt8] = [0, 1, 2, 1, 0, 2]
        let colours: [[UInt8]] = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
        for name in ["deep", "palette"] {
            try tree.image("images/\(name).png", width: 3, height: 2)
        }
        try tree.bytes(
            "masks/deep.png", PNGBytes.grey16(width: 3, values: numbers.map(UInt16.init)))
        try tree.bytes(
            "masks/palette.png", PNGBytes.palette(width: 3, indices: numbers, colours: colours))
        let report = try tree.run(.folders) { $0.dataset = "M" }
        #expect(report.classNames == ["class 1", "class 2"] && report.problems.isEmpty)
        for mask in ["deep", "palette"] {
            let label = try tree.stored("M", mask).label
            #expect(label.pixels == numbers, "\(mask)")
        }
    }

    @Test("folders: masks of one colour are one class, of several colours are refused")
    func colouredFolders() throws {
        func mask(_ colours: [[UInt8]], _ name: String) throws {
            let rest = [UInt8](repeating: 0, count: 3 * (48 - colours.count))
            let image = Image(
                width: 8, height: 6, channels: 3, pixels: colours.flatMap(\.self) + rest)
            try tree.image(image, "masks/\(name).png")
        }
        try tree.image("images/a.png")
        try mask([[128, 0, 0], [128, 0, 0]], "a")
        let report = try tree.run(.folders) { $0.dataset = "One" }
        #expect(report.images == 1)
        #expect(try tree.places("One", "a") == [[0, 0], [1, 0]])
        try mask([[128, 0, 0], [0, 128, 0]], "a")
        #expect {
            try tree.run(.folders) { $0.dataset = "Two" }
        } throws: { "\($0)".contains("2 colours") }
    }

    @Test(
        "BUS-BRA: an unknown fold is refused; without a fold file all images are in train, with a note"
    )
    func busbraWithoutFolds() throws {
        try tree.image("BUSBRA/Images/bus_0001-l.png")
        try tree.mask("BUSBRA/Masks/mask_0001-l.png", at: [(1, 1)])
        #expect {
            try tree.run(.busbra) { $0.fold = 2 }
        } throws: { "\($0)".contains("5-fold-cv.csv") }
        let report = try tree.run(.busbra)
        #expect(report.splits == [.train: 1])
        #expect(report.notes.contains { $0.contains("5-fold-cv.csv is missing") })
    }

    @Test("folders: images of one name, and several masks of one image, are left out")
    func sameNames() throws {
        try tree.image("images/a.png")
        try tree.fixture("image.jpg", as: "images/a.jpg")
        try tree.mask("masks/a.png", at: [(1, 1)])
        try tree.image("images/b.png")
        try tree.mask("masks/b.png", at: [(1, 1)])
        try tree.fixture("mask.jpg", as: "masks/b.jpg")
        try tree.image("images/C.png", shade: 1)
        try tree.image("images/c.png", shade: 2)
        try tree.mask("masks/C.png", at: [(1, 1)])
        try tree.mask("masks/c.png", at: [(2, 2)])
        try tree.image("images/D.png", shade: 3)
        try tree.mask("masks/d.png", at: [(3, 3)])
        let report = try tree.run(.folders) { $0.dataset = "M" }
        #expect(
            Set(report.problems.map(\.file)) == ["images/a.jpg", "images/a.png", "images/b.png"])
        #expect(report.images == 3)
        #expect(try tree.places("M", "C") == [[1, 1]] || tree.places("M", "C") == [[2, 2]])
        #expect(try tree.places("M", "D") == [[3, 3]])
    }

    @Test(
        "folders: an image that EXIF turns is left out where nothing shows that its mask is turned")
    func turnedImages() throws {
        for orientation in [1, 3, 6] {
            let path = "Tests/Fixtures/imaging/orientation\(orientation).jpg"
            let bytes = try Data(contentsOf: Shared.package.appending(path: path))
            let name = "o\(orientation)"
            try tree.bytes("images/\(name).jpg", [UInt8](bytes))
            let size = try Image.decode([UInt8](bytes), name: name).size
            try tree.mask(
                "masks/\(name).png", width: size.width, height: size.height, at: [(1, 1)])
        }
        let report = try tree.run(.folders) { $0.dataset = "M" }
        // The mask of orientation 6 has the size of the turned image.
        #expect(report.images == 2)
        #expect(report.problems.map(\.file) == ["images/o3.jpg"])
        #expect(report.problems[0].reason.contains("EXIF orientation 3"))
    }

    @Test("folders: a file whose name is not UTF-8 costs its image only")
    func otherEncodings() throws {
        for name in ["a", "b"] {
            try tree.image("images/\(name).png")
            try tree.mask("masks/\(name).png", at: [(1, 1)])
        }
        // A name in GBK.
        for folder in ["images", "masks"] {
            let former = "\(tree.source)/\(folder)/b.png"
            var name = Array("\(tree.source)/\(folder)/".utf8CString.dropLast())
            name += [0xBD, 0xE1, 0xBD, 0xDA].map { CChar(bitPattern: $0) }
            name += Array(".png".utf8CString)
            // macOS accepts names in UTF-8 only.
            guard rename(former, name) == 0 else { return }
        }
        let report = try tree.run(.folders) { $0.dataset = "M" }
        #expect(report.images == 1)
        #expect(
            report.problems.map(\.reason) == [
                "its name is not UTF-8, so that it cannot be opened: rename the file"
            ])
    }

    @Test("--patient-pattern fills the patients that a source does not name")
    func patients() throws {
        for name in ["007_left", "007_right", "other"] {
            try tree.image("images/\(name).png")
            try tree.mask("masks/\(name).png", at: [(1, 1)])
        }
        let pattern = try PatientPattern(#"^(\d+)_"#)
        _ = try tree.run(.folders) {
            $0.dataset = "M"
            $0.patientPattern = pattern
        }
        let index = try tree.index("M")
        #expect(index["007_left"]?["patient"] == "007" && index["007_right"]?["patient"] == "007")
        #expect(index["other"]?["patient"] == "")
    }
}
