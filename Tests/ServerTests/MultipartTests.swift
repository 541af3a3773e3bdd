import Testing

@testable import Server

extension ServerTests {
    @Suite("Multipart forms")
    struct MultipartTests {
        private func parse(_ text: String, _ type: String = "multipart/form-data; boundary=b")
            throws
            -> [MultipartForm.Part]
        {
            try MultipartForm(Array(text.utf8), contentType: type).parts
        }

        @Test("parts with and without a file, as browsers and curl send them")
        func plain() throws {
            let parts = try parse(
                "--b\r\nContent-Disposition: form-data; name=\"point\"\r\n\r\n1,2\r\n"
                    + "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n"
                    + "Content-Type: image/png\r\n\r\n\u{1}\r\n--x\r\n\r\n--b--\r\n")
            #expect(parts.map(\.name) == ["point", "image"])
            #expect(parts[0].text == "1,2")
            #expect(parts[0].filename == nil)
            #expect(parts[1].filename == "a.png")
            #expect(Array(parts[1].content) == Array("\u{1}\r\n--x\r\n".utf8))
        }

        @Test("the fixed boundary, whole paths and the epilogue of MONAI Label's client")
        func monai() throws {
            let limit = "----------lImIt_of_THE_fIle_eW_$"
            let parts = try parse(
                "--\(limit)\r\nContent-Disposition: form-data; name=\"params\"\r\n\r\n{}\r\n--\(limit)\r\n"
                    + "Content-Disposition: form-data; name=\"file\"; filename=\"/tmp/a b/scan.nii.gz\"\r\n"
                    + "Content-Type: application/gzip\r\n\r\ndata\r\n--\(limit)--\r\n\r\n\r\n",
                "multipart/form-data; boundary=\(limit)")
            #expect(parts.map(\.name) == ["params", "file"])
            #expect(parts[1].filename == "scan.nii.gz")
            #expect(parts[1].text == "data")
        }

        @Test("lower-case names, line feeds alone, unquoted and Windows names")
        func variants() throws {
            let parts = try parse(
                "preamble\n--b\ncontent-disposition: form-data; filename=\"C:\\dir\\a.png\"; name=x\n\nv\n--b--",
                "Multipart/Form-Data; charset=utf-8; Boundary=\"b\"")
            #expect(parts.map(\.name) == ["x"])
            #expect(parts[0].filename == "a.png")
            #expect(parts[0].text == "v")
        }

        @Test(
            "malformed bodies are refused",
            arguments: [
                "", "--", "--b", "--b\r\n", "nothing", "--b\r\nContent-Disposition: form-data",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n--b--",
                "--b\r\nno colon\r\n\r\nx\r\n--b--", "--b\r\nX: y\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
            ])
        func malformed(text: String) {
            #expect(throws: RequestError.self) { try parse(text) }
        }

        @Test("a boundary is needed, of at most 70 characters")
        func boundary() {
            for type in [
                "multipart/form-data", "multipart/form-data; boundary=",
                "multipart/form-data; boundary=" + String(repeating: "b", count: 71),
            ] {
                #expect(throws: RequestError.self) { try parse("--b--", type) }
            }
        }

        @Test("too many parts are refused")
        func many() {
            let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
            #expect(throws: RequestError.self) {
                try parse(String(repeating: part, count: 1025) + "--b--")
            }
        }

        @Test("random bytes never crash the parser")
        func fuzz() {
            var random = SystemRandomNumberGenerator()
            let pieces = [
                "--b", "--", "\r\n", "\n", "Content-Disposition: form-data; name=\"", "\"", ";",
                "=",
                "filename=", "\\", "\u{0}", "x",
            ]
            for _ in 0..<3000 {
                let text = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                }.joined()
                _ = try? parse(text)
                _ = MultipartForm.parameter("name", in: text)
            }
        }
    }
}
