import FileIO
import Foundation
import Testing

@testable import Imaging

/// Ten frames of 40 x 30 pixels: a grey ramp, and a red bar that moves.
private enum Ramp {
    static let size = Size(height: 30, width: 40)

    static func frame(_ index: Int, isGrey: Bool = false) -> Image {
        var pixels: [UInt8] = []
        for y in 0..<size.height {
            for x in 0..<size.width {
                let isBar = (x - 3 * index).magnitude < 3
                let grey = UInt8(5 * x + y)
                pixels += isBar ? (isGrey ? [255, 255, 255] : [255, 0, 0]) : [grey, grey, grey]
            }
        }
        return Image(width: size.width, height: size.height, channels: 3, pixels: pixels)
    }

    /// An animated PNG of the frames.
    static func animation(
        _ colours: AnimatedPNG.Colours, frames: Int = 10, isGrey: Bool = false
    ) throws -> [UInt8] {
        var animation = AnimatedPNG(size: size, frames: frames, colours: colours)
        // Compressed in another order than they are shown.
        let parts = try (0..<frames).reversed().map {
            try animation.compressed(frame($0, isGrey: isGrey))
        }
        var bytes = animation.start(comment: "a comment")
        for part in parts.reversed() { bytes += animation.part(of: part, seconds: 0.05) }
        return bytes + animation.end
    }
}

@Suite("Animated PNG")
struct AnimatedPNGTests {
    private struct Chunk {
        let type: String
        let content: [UInt8]
        let whole: [UInt8]
    }

    private func chunks(_ file: [UInt8]) -> [Chunk] {
        var found: [Chunk] = []
        var place = 8
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            found.append(
                Chunk(
                    type: String(decoding: file[place + 4..<place + 8], as: UTF8.self),
                    content: Array(file[place + 8..<place + 8 + length]),
                    whole: Array(file[place..<place + 12 + length])))
            place += 12 + length
        }
        return found
    }

    @Test(
        "frames, order, times and checksums", arguments: [AnimatedPNG.Colours.rgb, .palette])
    func structure(colours: AnimatedPNG.Colours) throws {
        let file = try Ramp.animation(colours)
        // A program without APNG shows the first frame; libpng checks the checksums.
        let first = try Image.decode(file, name: "animation")
        try expectEqual(first, Ramp.frame(0), colours)

        let parts = chunks(file)
        let types = parts.map(\.type).filter { $0 != "PLTE" }
        let frames = Array(repeating: ["fcTL", "fdAT"], count: 9).flatMap { $0 }
        #expect(types == ["IHDR", "acTL", "tEXt", "fcTL", "IDAT"] + frames + ["IEND"])
        let control = try #require(parts.first { $0.type == "acTL" })
        #expect(control.content == [0, 0, 0, 10, 0, 0, 0, 0])
        let numbered = parts.filter { $0.type == "fcTL" || $0.type == "fdAT" }
        #expect(
            numbered.map { $0.content[..<4].reduce(0) { $0 << 8 | Int($1) } } == Array(0..<19))
        for part in parts where part.type == "fcTL" {
            #expect(part.content[20..<24].elementsEqual([0, 50, 0x03, 0xE8]), "50 / 1000 s")
        }
        // The data of each frame is that of a PNG of its own.
        let header = parts.filter { $0.type == "IHDR" || $0.type == "PLTE" }.flatMap(\.whole)
        for (index, part) in parts.filter({ $0.type == "fdAT" }).enumerated() {
            let still = Array(file[..<8]) + header + chunk("IDAT", Array(part.content[4...]))
            let image = try Image.decode(still + chunk("IEND", []), name: "frame")
            try expectEqual(image, Ramp.frame(index + 1), colours)
        }
    }

    private func expectEqual(
        _ image: Image, _ expected: Image, _ colours: AnimatedPNG.Colours
    ) throws {
        try #require(image.size == expected.size && image.channels == 3)
        // A palette has every second grey level.
        let allowed =
            switch colours {
            case .rgb: 0
            case .palette: 1
            }
        let worst = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(worst <= allowed)
    }

    private func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        func number(_ value: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        let body = Array(type.utf8) + content
        var checksum: UInt32 = .max
        for byte in body {
            checksum ^= UInt32(byte)
            for _ in 0..<8 { checksum = (checksum >> 1) ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return number(UInt32(content.count)) + body + number(~checksum)
    }

    @Test("means of blocks of pixels")
    func reduced() {
        let image = Image(
            width: 5, height: 2, channels: 1, pixels: [1, 2, 9, 9, 7, 3, 4, 9, 10, 7])
        #expect(image.reduced(by: 2).pixels == [3, 9])
        #expect(image.reduced(by: 1) == image)
        #expect(image.reduced(by: 100).size == Size(height: 1, width: 2))
        let colour = Image(
            width: 2, height: 2, channels: 3, pixels: [0, 10, 20, 4, 10, 20, 0, 10, 20, 4, 10, 24])
        #expect(colour.reduced(by: 2).pixels == [2, 10, 21])
    }
}

@Suite(
    "Videos through ffmpeg",
    .enabled(if: VideoWriter.isAvailable, "the program ffmpeg is not installed"))
struct VideoTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "samus-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// A video of the ramp, by ffmpeg.
    private func video(_ name: String, isGrey: Bool, _ arguments: String...) throws -> String {
        let source = folder.appending(path: "source-\(UUID()).png").path
        try AtomicFile.write(Ramp.animation(.rgb, isGrey: isGrey), to: source)
        let target = folder.appending(path: name).path
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["ffmpeg", "-nostdin", "-v", "error", "-f", "apng", "-i", source] + arguments
            + ["file:" + target]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return target
    }

    @Test(
        "the frames of GIF, AVI and MP4, in any order",
        arguments: ["-a'b $HOME.gif", "b.avi", "c.mp4"])
    func reads(name: String) throws {
        // Lossless, and without the colours of neighbouring pixels mixed.
        let path =
            name.hasSuffix("gif")
            ? try video(name, isGrey: false, "-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse")
            : try video(name, isGrey: false, "-c:v", "libx264rgb", "-qp", "0")
        let file = try VideoFile.read(path)
        #expect(file.frames == 10)
        let times = try #require(file.times)
        for (index, time) in times.enumerated() {
            #expect(abs(time - 0.05 * Double(index)) < 0.011)
        }
        let reader = VideoFrameReader(file)
        for index in [0, 1, 2, 7, 3, 9, 8, 0] {
            let image = try reader.frame(index)
            try #require(image.size == Ramp.size && image.channels == 3)
            let worst =
                zip(image.pixels, Ramp.frame(index).pixels)
                .map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(worst <= 3, "frame \(index)")
        }
        #expect(throws: VideoError.self) { try reader.frame(10) }
    }

    @Test("frames of different length are neither repeated nor left out")
    func unevenTimes() throws {
        let path = try video(
            "a.gif", isGrey: true, "-vf",
            "setpts='N*N/5/TB',split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none")
        let file = try VideoFile.read(path)
        #expect(file.frames == 10)
        let reader = VideoFrameReader(file)
        for index in 0..<10 {
            let image = try reader.frame(index)
            #expect(image.channels == 1, "a grey video is grey")
            let bar = image.pixels[15 * 40 + 3 * index]
            #expect(bar > 230, "frame \(index)")
        }
    }

    @Test("an animated PNG becomes an MP4 with the same frames, of even size")
    func writes() throws {
        let source = folder.appending(path: "a.png").path
        try AtomicFile.write(Ramp.animation(.palette), to: source)
        let target = folder.appending(path: "a.mp4").path
        try VideoWriter.convert(animation: source, to: target, comment: "a comment")
        let file = try VideoFile.read(target)
        #expect(file.format == .mp4 && file.frames == 10)
        let image = try VideoFrameReader(file).frame(4)
        #expect(image.size == Ramp.size)
        let worst = zip(image.pixels, Ramp.frame(4).pixels).map { abs(Int($0) - Int($1)) }
        #expect(Double(worst.reduce(0, +)) / Double(worst.count) < 12)
    }

    @Test("damaged and other files are errors with the file's name")
    func damage() throws {
        let path = try video("a.mp4", isGrey: true)
        let bytes = try RegularFile.read(path, limit: 1 << 20)
        for count in [12, 40, bytes.count / 2] {
            try AtomicFile.write(bytes[..<count], to: path)
            #expect { try VideoFile.read(path) } throws: { error in
                "\(error)".contains("a.mp4") && (error as? VideoError)?.isAboutProgram == false
            }
        }
        try AtomicFile.write([1, 2, 3], to: path)
        #expect(throws: VideoError.notAVideo(name: path)) { try VideoFile.read(path) }
        #expect(throws: VideoError.notAVideo(name: folder.path)) {
            try VideoFile.read(folder.path)
        }
    }

    @Test("a frame larger than the limit is refused before it is read")
    func limit() throws {
        let file = try VideoFile.read(try video("a.gif", isGrey: true))
        let reader = VideoFrameReader(file, limits: ImageLimits(pixels: 1000, bytes: 1 << 20))
        #expect(throws: VideoError.self) { try reader.frame(0) }
    }
}
