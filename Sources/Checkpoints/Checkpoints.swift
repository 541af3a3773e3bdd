public enum ElementType: String, Sendable, CaseIterable { case float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool }
public struct StoredTensor: Sendable { public let elementType: ElementType; public let shape: [Int]; public func copy(into: UnsafeMutableRawBufferPointer) throws {} }
public struct Checkpoint: Sendable { public var names: [String]; public subscript(name: String) -> StoredTensor? { nil } }
