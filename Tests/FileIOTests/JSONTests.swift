import Foundation
import Testing

@testable import FileIO

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

    @Test("keys of a dictionary are not converted, with or without a struct around it")
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

    @Test("keys of a struct are sorted snake_case; keys of a dictionary are not converted")
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

    @Test("a record is decoded as it was encoded, in both layouts", arguments: [true, false])
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

    @Test("keys are not converted if they are exact")
    func exactKeys() throws {
        struct Foreign: Codable, Equatable {
            let num_heads: Int
        }
        let bytes = try JSON.encode(Foreign(num_heads: 8), keys: .exact)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"num_heads":8}"#)
        #expect(try JSON.decode(Foreign.self, from: bytes, keys: .exact).num_heads == 8)
    }

    @Test("infinities and NaN are refused, or encoded as strings")
    func nonFinite() throws {
        let values = [1.5, .infinity, -.infinity, .nan]
        #expect(throws: EncodingError.self) { try JSON.encode(values) }
        let bytes = try JSON.encode(values, allowsNonFinite: true)
        #expect(String(decoding: bytes, as: UTF8.self) == #"[1.5,"inf","-inf","nan"]"#)
        let read = try JSON.decode([Double].self, from: bytes)
        #expect(read[..<3] == [1.5, .infinity, -.infinity] && read[3].isNaN)
    }

    @Test(
        "an error states what is wrong and where",
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

@Suite("Strict JSON is UTF-8 and has each key once")
struct StrictJSONTests {
    /// Accepts every JSON value.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    @Test(
        "an object that has a key twice is refused, also if one of the keys has escapes",
        arguments: [
            (#"{"a":1,"a":2}"#, "a"), (#"[{"x":[{"b":1,"y":{},"\u0062" : 2}]}]"#, "b"),
            (#"{"é\"\n":1,"\u00E9\u0022\u000a":2}"#, "é\"\\n"),
            (#"{"\ud83e\udde0":1,"🧠":2}"#, "🧠"),
        ])
    func repeatedKeys(text: String, key: String) throws {
        #expect(throws: JSONError(reason: "an object has '\(key)' twice")) {
            try JSON.decode(Anything.self, from: text.utf8, isStrict: true)
        }
        _ = try JSON.decode(Anything.self, from: text.utf8)
    }

    @Test(
        "equal keys of different objects, and equal strings that are values, are accepted",
        arguments: [
            #"{"a":{"a":1},"b":[{"a":1},{"a":"b"}]}"#, #"{"a":"a","b":"\":\"a","c":["b","b"]}"#,
            #"{"a\\":1,"a\\\\":2}"#, "[]", "7", #""a""#,
        ])
    func distinctKeys(text: String) throws {
        _ = try JSON.decode(Anything.self, from: text.utf8, isStrict: true)
    }

    @Test(
        "UTF-16, UTF-32, NUL bytes and invalid UTF-8 are refused",
        arguments: [
            "{\"a\":1}".data(using: .utf16), "{\"a\":1}".data(using: .utf16LittleEndian),
            "{\"a\":1}".data(using: .utf32), "{\"a\":1}".data(using: .utf32BigEndian),
            Data([0x22, 0, 0x22]), Data([0x22, 0xFF, 0x22]),
        ])
    func encodings(text: Data?) throws {
        let text = try #require(text)
        let error = #expect(throws: JSONError.self) {
            try JSON.decode(Anything.self, from: text, isStrict: true)
        }
        #expect(error?.reason == "it is not UTF-8 text; UTF-16 and UTF-32 are not read")
    }

    @Test("malformed text of any length throws and does not trap")
    func malformed() {
        let text = Array(#"{"a\u0062\\":["\ud83e\udde0",{"b":1}],"c":"\""}"#.utf8)
        for count in 0..<text.count {
            #expect(throws: JSONError.self) {
                try JSON.decode(Anything.self, from: text[..<count], isStrict: true)
            }
        }
    }
}

@Suite("CSV and Markdown tables")
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

    @Test("bars and line breaks in a Markdown cell are escaped")
    func markdown() {
        var table = MarkdownTable(["a", "b"])
        #expect(table.isEmpty)
        table.add(["x|y", "two\nlines"])
        #expect(table.text == "| a | b |\n| --- | --- |\n| x\\|y | two lines |")
    }

    @Test("HTML and backticks of a name stay text in Markdown")
    func markdownNames() {
        var table = MarkdownTable(["a"])
        table.add(["<img src=x>"])
        #expect(table.text.hasSuffix("| \\<img src=x> |"))
        #expect("a.png".markdownCode == "`a.png`")
        #expect("m`<img src=x>".markdownCode == "`` m`<img src=x> ``")
        #expect("``\n`\u{1b}".markdownCode == "``` ``\\n`\\u{1b} ```")
    }

    @Test("a number with its noun", arguments: [(0, "0 images"), (1, "1 image"), (2, "2 images")])
    func countedNouns(count: Int, text: String) {
        #expect(counted(count, "image") == text)
    }
}

@Suite("Random numbers and durations")
struct NumberTests {
    @Test("SplitMix64 gives the same numbers as its authors' program")
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

    @Test("a duration of 1500 milliseconds is 1.5 seconds")
    func durations() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
    }
}
