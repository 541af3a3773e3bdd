import FileIO
import Foundation
import Testing

@Suite("JSON has snake_case keys and a format version")
struct JSONTests {
    private struct Record: Codable, Equatable {
        var inputSize: Int
        var meanDice: Double
        var byName: [String: Int]
        var madeAt: Date
        var link: String
    }

    private let record = Record(
        inputSize: 256, meanDice: 0.5, byName: ["camelCase": 1, "snake_case": 2],
        madeAt: Date(timeIntervalSince1970: 0), link: "a/b")

    @Test("names in a dictionary stay as they are, with and without struct around it")
    func dictionaryKeys() throws {
        struct Counts: Codable {
            let perDataset: [String: Int]
        }
        let names = ["Breast-BUSI": 2]
        #expect(try String(decoding: JSON.encode(names), as: UTF8.self) == #"{"Breast-BUSI":2}"#)
        #expect(
            try String(
                decoding: JSON.encode(Counts(perDataset: names), formatVersion: 1), as: UTF8.self)
                == #"{"format_version":1,"per_dataset":{"Breast-BUSI":2}}"#)
    }

    @Test("keys are sorted snake_case; dictionaries keep their keys")
    func encoding() throws {
        let text = String(decoding: try JSON.encode(record, formatVersion: 3), as: UTF8.self)
        #expect(
            text == """
                {"by_name":{"camelCase":1,"snake_case":2},"format_version":3,"input_size":256,\
                "link":"a/b","made_at":"1970-01-01T00:00:00Z","mean_dice":0.5}
                """)
        #expect(JSON.formatVersion(of: text.utf8) == 3)
        #expect(JSON.formatVersion(of: "{}".utf8) == nil)
    }

    @Test("what was written is read back, in both layouts", arguments: [true, false])
    func roundTrip(isIndented: Bool) throws {
        let bytes = try JSON.encode(
            record, formatVersion: 1, style: isIndented ? .indented : .compact)
        #expect(try JSON.decode(Record.self, from: bytes) == record)
        #expect((bytes.last == UInt8(ascii: "\n")) == isIndented)
    }

    @Test("camelCase keys of earlier versions are read")
    func camelCase() throws {
        let text = """
            {"inputSize":256,"meanDice":0.5,"byName":{"camelCase":1,"snake_case":2},\
            "madeAt":"1970-01-01T00:00:00Z","link":"a/b"}
            """
        #expect(try JSON.decode(Record.self, from: text.utf8) == record)
    }

    @Test("exact keys stay as they are")
    func exactKeys() throws {
        struct Foreign: Codable, Equatable {
            let num_heads: Int
        }
        let bytes = try JSON.encode(Foreign(num_heads: 8), keys: .exact)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"num_heads":8}"#)
        #expect(try JSON.decode(Foreign.self, from: bytes, keys: .exact).num_heads == 8)
    }

    @Test("infinities and NaN are an error, or words")
    func nonFinite() throws {
        let values = [1.5, .infinity, -.infinity, .nan]
        #expect(throws: EncodingError.self) { try JSON.encode(values) }
        let bytes = try JSON.encode(values, allowsNonFinite: true)
        #expect(String(decoding: bytes, as: UTF8.self) == #"[1.5,"inf","-inf","nan"]"#)
        let read = try JSON.decode([Double].self, from: bytes)
        #expect(read[..<3] == [1.5, .infinity, -.infinity] && read[3].isNaN)
    }

    @Test(
        "an error says what is wrong and where",
        arguments: [
            (#"[{"x":[1]},{"x":["a"]}]"#, "[1].x[0]: "), (#"[{"y":1}]"#, "[0]: 'x' is missing"),
            (#"[{"x":[1]}"#, ""),
        ])
    func errors(text: String, beginning: String) {
        struct Item: Decodable {
            let x: [Int]
        }
        let error = #expect(throws: JSONError.self) {
            try JSON.decode([Item].self, from: text.utf8)
        }
        #expect(error?.reason.hasPrefix(beginning) == true)
        #expect(error?.reason.isEmpty == false)
    }
}

@Suite("Tables")
struct TableTests {
    @Test(
        "CSV rows are parsed and formatted",
        arguments: [
            ("a,b\r\n\"c,d\",\"e\"\"f\"\n", [["a", "b"], ["c,d", "e\"f"]]),
            ("a\n\n\"x\ny\",\n", [["a"], ["x\ny", ""]]), ("", []),
            ("5\" probe,1\n2,3", [["5\" probe", "1"], ["2", "3"]]),
        ])
    func csv(text: String, rows: [[String]]) {
        #expect(CSV.rows(text) == rows)
        #expect(CSV.rows(rows.map(CSV.line).joined(separator: "\n")) == rows)
    }

    @Test("a Markdown cell cannot end early")
    func markdown() {
        var table = MarkdownTable(["a", "b"])
        #expect(table.isEmpty)
        table.add(["x|y", "two\nlines"])
        #expect(table.text == "| a | b |\n| --- | --- |\n| x\\|y | two lines |")
    }
}

@Suite("Numbers")
struct NumberTests {
    @Test("SplitMix64 gives the numbers of its authors' program")
    func splitMix64() {
        // From splitmix64.c (Vigna, public domain) with x = 1234567.
        var random = SplitMix64(seed: 1_234_567)
        let found = (0..<3).map { _ in random.next() }
        #expect(
            found == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
            ])
        for _ in 0..<100 { #expect((0..<7).contains(random.next(below: 7))) }
    }

    @Test("durations in seconds")
    func durations() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
    }
}
