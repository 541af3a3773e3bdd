import Testing

#if compiler(>=6.2)
    /// Expects that a process wrote a text to standard error before it ended.
    ///
    /// A process may also end by a memory error; only the text distinguishes the two.
    ///
    /// - Parameters:
    ///   - words: a part of the expected text.
    ///   - result: the result of an exit test that observes standard error.
    ///   - sourceLocation: the location of the expectation.
    public func expectWords(
        _ words: String, _ result: ExitTest.Result?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(found.contains(words), sourceLocation: sourceLocation)
    }
#endif
