import Testing

#if compiler(>=6.2)
    /// Expects a process to have ended with certain words.
    ///
    /// A process that reads foreign memory ends too: only the words tell the two apart.
    ///
    /// - Parameters:
    ///   - words: a part of what it wrote to standard error.
    ///   - result: what an exit test that observes the standard error gave.
    ///   - sourceLocation: where the expectation stands.
    public func expectWords(
        _ words: String, _ result: ExitTest.Result?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(found.contains(words), sourceLocation: sourceLocation)
    }
#endif
