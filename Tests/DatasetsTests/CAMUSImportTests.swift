import Datasets
import Foundation
import Imaging
import Testing

@Suite("Import of CAMUS")
struct CAMUSImportTests {
    private let tree: ImportTree
    private let dataset = "Echocardiography-CAMUS"

    init() throws {
        tree = try ImportTree()
        for patient in ["patient0001", "patient0002"] {
            for view in ["2CH", "4CH"] {
                for phase in ["ED", "ES"] {
                    let name = "database_nifti/\(patient)/\(patient)_\(view)_\(phase)"
                    try tree.fixture("frame.nii.gz", as: "\(name).nii.gz")
                    try tree.fixture("frame_gt.nii.gz", as: "\(name)_gt.nii.gz")
                }
                let name = "database_nifti/\(patient)/\(patient)_\(view)_half_sequence"
                try tree.fixture("sequence.nii.gz", as: "\(name).nii.gz")
                try tree.fixture("sequence_gt.nii.gz", as: "\(name)_gt.nii.gz")
                try tree.text(
                    "database_nifti/\(patient)/Info_\(view).cfg",
                    "ED: 1\nES: 4\nNbFrame: 4\nSex: F\nAge: 56\nImageQuality: Good\n")
            }
        }
        try tree.text("database_split/subgroup_training.txt", "patient0001\n")
        try tree.text("database_split/subgroup_testing.txt", "patient0002\n")
    }

    @Test("end diastole and end systole are imported, with spacing and the published split")
    func frames() throws {
        let report = try tree.run(.camus)
        #expect(report.images == 8 && report.withSpacing == 8 && report.problems.isEmpty)
        #expect(report.splits == [.train: 4, .test: 4])
        let volume = try NIfTIVolume.read(
            ImportTree.fixtures.appending(path: "frame.nii.gz").path)
        let (image, label) = try tree.stored(dataset, "patient0001_2CH_ED")
        #expect(image == (try volume.image(frame: 0)))
        #expect(image.width == 12 && image.height == 9 && Set(label.pixels) == [0, 1, 2, 3])
        let row = try #require(tree.index(dataset)["patient0002_4CH_ES"])
        #expect(row["mm_x"] == "0.3" && row["mm_y"] == "0.15" && row["patient"] == "patient0002")
        #expect(row["view"] == "4CH" && row["phase"] == "ES" && row["quality"] == "Good")
        #expect(row["classes"] == "1 2 3" && row["width"] == "12")
        #expect(
            try tree.lines("MainPatient/train.txt").prefix(3) == [
                "1/\(dataset)/patient0001_2CH_ED", "2/\(dataset)/patient0001_2CH_ED",
                "3/\(dataset)/patient0001_2CH_ED",
            ])
        #expect(try tree.lines("MainPatient/test.txt").count == 4)
        #expect(try DatasetCollection(root: tree.root).samples(.test).count == 12)
    }

    @Test("with wholeSequences all frames are imported")
    func sequences() throws {
        let report = try tree.run(.camus) { $0.wholeSequences = true }
        #expect(report.images == 16 && report.problems.isEmpty)
        let index = try tree.index(dataset)
        #expect(index["patient0001_2CH_frame01"]?["phase"] == "ED")
        #expect(index["patient0001_2CH_frame02"]?["phase"] == "")
        #expect(index["patient0001_2CH_frame04"]?["phase"] == "ES")
        let volume = try NIfTIVolume.read(
            ImportTree.fixtures.appending(path: "sequence.nii.gz").path)
        #expect(
            try tree.stored(dataset, "patient0001_2CH_frame04").image == volume.image(frame: 3))
    }

    @Test("a frame without a file of its own is taken from the half-sequence by Info_2CH.cfg")
    func info() throws {
        let folder = URL(filePath: tree.source).appending(path: "database_nifti/patient0001")
        for file in ["patient0001_2CH_ES.nii.gz", "patient0001_4CH_ES.nii.gz"] {
            try FileManager.default.removeItem(at: folder.appending(path: file))
        }
        try tree.text("database_nifti/patient0001/Info_4CH.cfg", "ED: 1\nES: 5\n")
        let report = try tree.run(.camus)
        #expect(report.images == 7)
        #expect(
            report.problems.map(\.reason) == [
                "it has 4 frames; Info_4CH.cfg says that ES is number 5"
            ])
        let volume = try NIfTIVolume.read(
            ImportTree.fixtures.appending(path: "sequence.nii.gz").path)
        #expect(try tree.stored(dataset, "patient0001_2CH_ES").image == volume.image(frame: 3))
    }

    @Test("the .mhd format and a missing or truncated label are reported")
    func problems() throws {
        try tree.text("database_nifti/patient0003/patient0003_2CH_ED.mhd", "x")
        let folder = URL(filePath: tree.source).appending(path: "database_nifti/patient0001")
        try FileManager.default.removeItem(
            at: folder.appending(path: "patient0001_4CH_ES_gt.nii.gz"))
        try Data([0x1F, 0x8B, 8]).write(
            to: folder.appending(path: "patient0001_2CH_ED_gt.nii.gz"))
        let report = try tree.run(.camus)
        #expect(report.images == 6)
        #expect(report.problems.count == 6)
        #expect(report.problems.contains { $0.reason.contains("older .mhd form") })
        #expect(report.problems.contains { $0.file.hasSuffix("patient0001_4CH_ES.nii.gz") })
        #expect(report.problems.contains { $0.file.hasSuffix("patient0001_2CH_ED_gt.nii.gz") })
    }
}
