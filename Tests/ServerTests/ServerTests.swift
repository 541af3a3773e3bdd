import Testing

/// One test after the other: each has a server with its own threads.
@Suite("samus serve", .serialized)
enum ServerTests {}
