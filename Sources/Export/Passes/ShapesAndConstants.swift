extension Graph {
    /// Gives a dynamic axis a fixed length: a runtime that knows all sizes plans memory better and
    /// starts faster.
    ///
    /// - Parameters:
    ///   - name: of the axis.
    ///   - length: its length from now on.
    /// - Returns: the graph with that length in its inputs and outputs.
    func fixingAxis(_ name: String, at length: Int) -> Graph {
        func fixed(_ value: GraphValue) -> GraphValue {
            var value = value
            value.shape = value.shape.map { $0 == .dynamic(name) ? .fixed(length) : $0 }
            return value
        }
        var graph = self
        graph.inputs = inputs.map(fixed)
        graph.outputs = outputs.map(fixed)
        return graph
    }

    /// - Returns: the graph without constants that no node reads.
    func removingUnusedConstants() -> Graph {
        let used = Set(nodes.flatMap(\.inputs))
        var graph = self
        graph.constants = constants.filter { used.contains($0.name) }
        return graph
    }
}
