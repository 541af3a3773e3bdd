import Hummingbird
import Logging
import NIOCore
import Synchronization

/// What belongs to one request: its connection, and what the log says about it.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Whether the client is still there; set by ``RequestGuard``.
    var client = ClientConnection()

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// A connection, and whether the client has closed it.
final class ClientConnection: Sendable {
    private let gone = Atomic(false)

    /// Whether the client has closed the connection, so that nobody reads the answer.
    var isGone: Bool { gone.load(ordering: .relaxed) }

    func close() {
        gone.store(true, ordering: .relaxed)
    }
}

/// The open connections.
final class ClientConnections: Sendable {
    private let connections = Mutex<[ObjectIdentifier: ClientConnection]>([:])

    /// Number of open connections.
    var count: Int { connections.withLock { $0.count } }

    /// The connection of a channel.
    func connection(of channel: any Channel) -> ClientConnection {
        connections.withLock { $0[ObjectIdentifier(channel)] } ?? ClientConnection()
    }

    /// A handler that notes when the client of a new channel closes its connection.
    func handler() -> any RemovableChannelHandler {
        ClosingHandler(connections: self)
    }

    fileprivate func add(_ channel: any Channel) -> ClientConnection {
        let connection = ClientConnection()
        connections.withLock { $0[ObjectIdentifier(channel)] = connection }
        return connection
    }

    fileprivate func remove(_ channel: any Channel) {
        connections.withLock { $0[ObjectIdentifier(channel)] = nil }
    }
}

/// Notes that a client closed its connection, or its half of it.
private final class ClosingHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    private let connections: ClientConnections
    private var connection: ClientConnection?

    init(connections: ClientConnections) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = connections.add(context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection?.close()
        connections.remove(context.channel)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { connection?.close() }
        context.fireUserInboundEventTriggered(event)
    }
}
