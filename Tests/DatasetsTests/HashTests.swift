import Datasets
import Foundation
import Imaging
import Testing

@Suite("DatasetCollection.hash is equal for equal data only")
struct HashTests {
    @Test("it depends on samples, their order and content, not on the folder")
    func hash() throws {
        func tree() throws -> DataTree {
            let tree = try DataTree()
            try tree.image("Breast-BUSI", "a")
            try tree.image("Breast-BUSI", "b", shade: 1)
            try tree.list("train", "1/Breast-BUSI/a", "1/Breast-BUSI/b")
            return tree
        }
        func hash(_ tree: DataTree) throws -> String {
            try DatasetCollection.hash(of: tree.opened().samples(.train))
        }
        let first = try tree()
        let original = try hash(first)
        #expect(original.count == 16)
        #expect(try hash(tree()) == original)
        try first.list("train", "1/Breast-BUSI/b", "1/Breast-BUSI/a")
        #expect(try hash(first) != original)
        let second = try tree()
        try second.image("Breast-BUSI", "b", shade: 1, label: [0, 255])
        #expect(try hash(second) != original)
        try second.list("train", "1/Breast-BUSI/a", "1/Breast-BUSI/missing")
        #expect(throws: DatasetError.self) { try hash(second) }
    }

    @Test("of a large file it covers size, beginning and end")
    func largeFiles() throws {
        let tree = try DataTree()
        try tree.list("train", "1/Breast-BUSI/a")
        try tree.data("Breast-BUSI/label/a.png", Data([1]))
        func hash(_ size: Int, _ place: Int? = nil) throws -> String {
            var data = Data(count: size)
            if let place { data[place] = 1 }
            try tree.data("Breast-BUSI/img/a.png", data)
            return try DatasetCollection.hash(of: tree.opened().samples(.train))
        }
        let plain = try hash(3 << 20)
        #expect(try hash(3 << 20, 0) != plain)
        #expect(try hash(3 << 20, (3 << 20) - 1) != plain)
        #expect(try hash(3 << 20, 3 << 19) == plain)
        #expect(try hash(3 << 20 + 1) != plain)
        #expect(try hash(700 << 10, 600 << 10) != hash(700 << 10))
    }

    @Test("a fingerprint depends on where one content ends and the next begins")
    func fingerprint() {
        func of(_ parts: [[UInt8]]) -> UInt64 {
            var fingerprint = Fingerprint()
            for part in parts { fingerprint.add(part) }
            return fingerprint.value
        }
        let different = [
            of([]), of([[]]), of([[0]]), of([[0, 0]]), of([[0], [0]]), of([[1, 2, 3]]),
            of([[1, 2], [3]]), of([Array(0..<9)]), of([Array(0..<8), [8]]),
        ]
        #expect(Set(different).count == different.count)
    }
}

@Suite("LabelledImageCache respects its memory limit")
struct ImageCacheTests {
    @Test("images within the limit are read once, others each time, from many threads")
    func bound() throws {
        let tree = try DataTree()
        for index in 0..<4 { try tree.image("Breast-BUSI", "p\(index)", shade: index) }
        try tree.list("train", "1/Breast-BUSI/p0", "1/Breast-BUSI/p1", "1/Breast-BUSI/p2")
        let samples = try tree.opened().samples(.train)
        // Two images of 8x6 pixels, each with its label.
        let cache = LabelledImageCache(limit: 2 * 2 * 48)
        let read = try samples.map { try cache.image(of: $0) }
        #expect(try read == samples.map { try $0.read() })
        for sample in samples { try FileManager.default.removeItem(atPath: sample.imagePath) }
        #expect(try cache.image(of: samples[0]) == read[0])
        #expect(try cache.image(of: samples[1]) == read[1])
        #expect(throws: DatasetError.self) { try cache.image(of: samples[2]) }
        DispatchQueue.concurrentPerform(iterations: 32) { index in
            #expect((try? cache.image(of: samples[index % 2])) == read[index % 2])
        }
    }
}
