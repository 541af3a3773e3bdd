import FileIO
import Foundation
import Testing

@testable import DICOMWeb

@Suite("Multipart answers are taken apart, or refused")
struct MultipartRelatedTests {
    private static let type = #"multipart/related; type="application/dicom"; boundary="a-b""#

    private func parts(_ body: String, _ type: String = type) -> [String]? {
        (try? MultipartRelated(Array(body.utf8), contentType: type))?.parts.map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private func error(_ body: String, _ type: String = type) -> String? {
        do {
            _ = try MultipartRelated(Array(body.utf8), contentType: type)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("parts with and without headers, a preamble, an epilogue, and line breaks in files")
    func parsing() {
        let body =
            "before\r\n--a-b\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--a\r\n\r\n"
            + "--a-b\r\n\r\n\r\nsecond\r\n--a-b--\r\nafter"
        #expect(parts(body) == ["first\r\n--a\r\n", "\r\nsecond"])
        #expect(parts("--a-b\n\nx\n--a-b--", "Multipart/Related;boundary=a-b") == ["x"])
        // A boundary inside a line is content.
        #expect(parts("--a-b\r\n\r\nx--a-b--\r\n--a-b--") == ["x--a-b--"])
        #expect(parts("--a-b--") == [])
    }

    @Test("what we send comes back")
    func roundTrip() throws {
        let files: [[UInt8]] = [[], [13, 10, 45, 45], (0...255).map { UInt8($0) }]
        let body = MultipartRelated.body(of: files, type: "application/dicom", boundary: "xyz")
        let found = try MultipartRelated(
            body, contentType: "multipart/related; boundary=xyz")
        #expect(found.parts.map(Array.init) == files)
    }

    @Test("answers that are cut off or of another type are refused")
    func refusals() {
        #expect(error("x", "text/html; boundary=a-b")?.contains("text/html") == true)
        #expect(error("x", "multipart/related") != nil)
        #expect(error("x", "multipart/related; boundary=") != nil)
        #expect(error("nothing")?.contains("does not contain its boundary") == true)
        #expect(error("--a-b\r\n\r\nx")?.contains("closing boundary") == true)
        #expect(error("--a-b\r\nContent-Type: x")?.contains("empty line") == true)
        let long = "--a-b\r\nX: " + String(repeating: "y", count: 20_000) + "\r\n\r\nx\r\n--a-b--"
        #expect(error(long)?.contains("empty line") == true)
        let many = String(repeating: "--a-b\r\n\r\nx\r\n", count: 1025) + "--a-b--"
        #expect(error(many)?.contains("1024") == true)
    }

    @Test("a hundred thousand damaged answers are taken apart or refused")
    func fuzz() {
        var random = SplitMix64(seed: 5)
        let body = MultipartRelated.body(
            of: [[1, 2, 3], Array("--ab\r\n\r\n".utf8)], type: "x/y", boundary: "ab")
        var accepted = 0
        for round in 0..<100_000 {
            var bytes = body
            for _ in 0...random.next(below: 6) {
                let place = random.next(below: bytes.count)
                switch round % 3 {
                case 0: bytes[place] = UInt8(random.next(below: 256))
                case 1: bytes.remove(at: place)
                default: bytes.insert([13, 10, 45][random.next(below: 3)], at: place)
                }
            }
            if let found = try? MultipartRelated(
                bytes, contentType: "multipart/related; boundary=ab")
            {
                accepted += 1
                #expect(found.parts.reduce(0) { $0 + $1.count } <= bytes.count)
            }
        }
        #expect(accepted > 1000 && accepted < 100_000)
    }
}

@Suite("Addresses and credentials")
struct DICOMWebClientTests {
    private func problem(
        _ address: String, _ credentials: DICOMWebClient.Credentials = .none,
        allowsPlainHTTP: Bool = false
    ) -> String? {
        do {
            _ = try DICOMWebClient(
                address, credentials: credentials, allowsPlainHTTP: allowsPlainHTTP)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("http is for this machine, or where it is allowed; credentials need https")
    func addresses() {
        #expect(problem("https://pacs.example/dicom-web") == nil)
        #expect(problem("http://localhost:8042/dicom-web") == nil)
        #expect(problem("http://127.0.0.1:8042/dicom-web", .token("t")) == nil)
        #expect(problem("http://pacs.example/")?.contains("--allow-http") == true)
        #expect(problem("http://pacs.example/", allowsPlainHTTP: true) == nil)
        #expect(
            problem("http://pacs.example/", .token("secret"), allowsPlainHTTP: true)?
                .contains("https only") == true)
        for address in ["pacs.example", "ftp://pacs.example", "", "https://", "file:///etc"] {
            #expect(problem(address) != nil, "\(address)")
        }
        let secret = problem("https://user:secret@pacs.example/")
        #expect(secret?.contains("environment") == true && secret?.contains("secret") == false)
        #expect(problem("https://pacs.example/?x=1") != nil)
    }

    @Test("credentials come from the environment")
    func credentials() {
        typealias Credentials = DICOMWebClient.Credentials
        #expect(Credentials(environment: [:]).header == nil)
        #expect(Credentials(environment: ["SAMUS_PACS_TOKEN": "abc"]).header == "Bearer abc")
        #expect(
            Credentials(environment: ["SAMUS_PACS_USER": "me", "SAMUS_PACS_PASSWORD": "pw"]).header
                == "Basic bWU6cHc=")
    }

    @Test("DICOM JSON: texts, numbers, names, sequences, and UIDs that are none")
    func json() throws {
        let text = """
            {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00080018": {"vr": "UI", "Value":
             ["../../etc"]}, "00201209": {"vr": "IS", "Value": [12]}, "00100010": {"vr": "PN",
             "Value": [{"Alphabetic": "Doe^John"}]}, "00080060": {"vr": "CS"}, "00081198": {"vr":
             "SQ", "Value": [{"00081197": {"vr": "US", "Value": [272]}}]}, "00280010": {"vr": "US",
             "Value": [null, 1e300]}}
            """
        let found = try JSONDecoder().decode(DICOMJSON.self, from: Data(text.utf8))
        #expect(found.uid("0020000D") == "1.2.3")
        #expect(found.uid("00080018") == nil)
        #expect(found.number("00201209") == 12 && found.text("00201209") == "12")
        #expect(found.text("00100010") == "Doe^John")
        #expect(found.text("00080060") == nil && found.text("00080005") == nil)
        #expect(found.items("00081198").first?.number("00081197") == 272)
        #expect(found.number("00280010") == nil && found.text("00280010") != nil)
        #expect("1.2.840".isDICOMUID && !"".isDICOMUID && !"1/2".isDICOMUID)
        #expect(!String(repeating: "1", count: 65).isDICOMUID)
    }
}
