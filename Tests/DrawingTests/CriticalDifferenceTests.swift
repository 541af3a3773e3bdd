import Foundation
import Testing

@testable import Drawing

@Suite("The critical-difference diagram joins systems that do not differ")
struct CriticalDifferenceTests {
    private func diagram(_ ranks: [Double], difference: Double) -> CriticalDifferenceDiagram {
        CriticalDifferenceDiagram(
            title: "Mean ranks", systems: ranks.enumerated().map { ("S\($0.offset)", $0.element) },
            criticalDifference: difference)
    }

    @Test("groups are the longest runs of ranks within the critical difference")
    func groups() {
        #expect(diagram([1, 1.5, 2.5, 4], difference: 1).groups == [0...1, 1...2])
        #expect(diagram([4, 2.5, 1.5, 1], difference: 1.5).groups == [0...2, 2...3])
        #expect(diagram([1, 2, 3], difference: 0.5).groups == [])
        #expect(diagram([1.4, 1.6], difference: 5).groups == [0...1])
    }

    @Test("the image and the SVG have the notice, and the SVG every system")
    func drawing() throws {
        let diagram = CriticalDifferenceDiagram(
            title: "Dice", systems: [("U-Net", 1.25), ("A<B & C", 2.5), ("box", 2.25)],
            criticalDifference: 1.66)
        let image = diagram.draw()
        #expect(image.channels == 3 && image.width > 600)
        let svg = diagram.svg()
        let document = try XMLChecker(svg)
        #expect(document.texts.contains("research use only, not a medical device"))
        #expect(document.texts.contains("U-Net 1.25"))
        #expect(document.texts.contains("A<B & C 2.50"))
        #expect(document.texts.contains("critical difference 1.66"))
    }
}

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Parses a document with Foundation's parser and collects its texts.
private final class XMLChecker: NSObject, XMLParserDelegate {
    private(set) var texts: [String] = []
    private var current = ""

    init(_ document: String) throws {
        super.init()
        let parser = XMLParser(data: Data(document.utf8))
        parser.delegate = self
        try #require(parser.parse())
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String]
    ) { current = "" }

    func parser(_ parser: XMLParser, foundCharacters string: String) { current += string }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
        qualifiedName: String?
    ) {
        if name == "text" { texts.append(current) }
    }
}
