/// Which neighbours of a pixel belong to the same component.
public enum Connectivity: Hashable, Sendable, CaseIterable {
    /// Neighbours that share an edge.
    case four
    /// Neighbours that share an edge or a corner.
    case eight
}
