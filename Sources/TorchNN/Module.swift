import Torch

/// A network or a part of one, as PyTorch's `nn.Module`: its weights and parts are stored `let`s.
///
/// The name of a weight in a checkpoint is the path of properties that leads to it, each in
/// snake_case and joined by dots, as PyTorch's are; lists count from 0.
open class Module {
    /// Whether the module behaves as in training: batch statistics and dropout are on.
    public private(set) var isTraining = true

    /// Creates a module; subclasses set their stored properties first.
    public init() {}

    /// Checkpoint names of the properties whose name is not the property's name in snake_case.
    open class var checkpointNames: [String: String] { [:] }

    /// The module's own weights and submodules, by name.
    ///
    /// They are found by reflection. Containers whose submodules have other names override this.
    open var members: [(name: String, member: Member)] {
        var layers: [Mirror] = []
        var mirror: Mirror? = Mirror(reflecting: self)
        while let here = mirror, here.subjectType != Module.self {
            layers.append(here)
            mirror = here.superclassMirror
        }
        let names = type(of: self).checkpointNames
        return layers.reversed().flatMap(\.children).flatMap { label, value in
            let property = label ?? ""
            let name = names[property] ?? snakeCase(property)
            let found = Member.found(in: value)
            precondition(
                !found.isEmpty || !Member.hidesWeights(value),
                "'\(property)' of \(type(of: self)) holds weights that would not be saved: "
                    + "make it a Parameter, a Buffer, a module or a list of these")
            return found.map { path, member in
                (name: path.isEmpty ? name : "\(name).\(path)", member: member)
            }
        }
    }

    /// Switches this module and all submodules to training mode.
    public func train() {
        visit { _, module in
            module.isTraining = true
        }
    }

    /// Switches this module and all submodules to evaluation mode.
    public func evaluate() {
        visit { _, module in module.isTraining = false }
    }

    /// Calls `body` with the name and the object of this module and of all submodules, parents
    /// first.
    public func visit(_ body: (String, Module) throws -> Void) rethrows {
        try visit(prefix: "", body)
    }

    private func visit(prefix: String, _ body: (String, Module) throws -> Void) rethrows {
        try body(prefix, self)
        for case (let name, .module(let module)) in members {
            try module.visit(prefix: prefix.isEmpty ? name : "\(prefix).\(name)", body)
        }
    }

    /// All parameters and saved buffers with their names in a checkpoint, in the order of the
    /// properties.
    public func namedValues() -> [(name: String, value: StoredValue)] {
        allValues().filter { ($0.value as? Buffer)?.isSaved != false }
    }

    /// The parameters and buffers of some submodules.
    ///
    /// - Parameter parts: submodules of this module.
    /// - Returns: values under their names in a checkpoint of the whole module.
    public func namedValues(in parts: [Module]) -> [(name: String, value: StoredValue)] {
        let own = Set(parts.flatMap { $0.namedValues() }.map { ObjectIdentifier($0.value) })
        return namedValues().filter { own.contains(ObjectIdentifier($0.value)) }
    }

    private func allValues() -> [(name: String, value: StoredValue)] {
        var values: [(name: String, value: StoredValue)] = []
        visit { prefix, module in
            for case (let name, .value(let value)) in module.members {
                values.append((prefix.isEmpty ? name : "\(prefix).\(name)", value))
            }
        }
        return values
    }

    /// All parameters with their names in a checkpoint; shared parameters occur once.
    public func namedParameters() -> [(name: String, parameter: Parameter)] {
        var seen: Set<ObjectIdentifier> = []
        return allValues().compactMap { name, value in
            guard let parameter = value as? Parameter,
                seen.insert(ObjectIdentifier(parameter)).inserted
            else { return nil }
            return (name, parameter)
        }
    }

    /// All parameters.
    public var parameters: [Parameter] {
        namedParameters().map(\.parameter)
    }

    /// The device of the weights.
    public var device: Device { parameters.first?.value.device ?? .cpu }

    /// The parameters that training changes.
    public var trainable: [Parameter] {
        parameters.filter(\.isTrainable)
    }

    /// Freezes or unfreezes all parameters whose name meets a condition.
    ///
    /// - Parameters:
    ///   - trainable: whether gradients are computed for them.
    ///   - condition: receives the name in a checkpoint.
    public func setTrainable(_ trainable: Bool, where condition: (String) -> Bool = { _ in true }) {
        for (name, parameter) in namedParameters() where condition(name) {
            parameter.isTrainable = trainable
        }
    }

    /// Removes all gradients.
    public func zeroGrad() {
        for parameter in parameters {
            parameter.value.setGrad(nil)
        }
    }

    /// Stores the kernels of convolutions channels last: the channels of a pixel beside each other.
    ///
    /// A convolution gives its result the memory format of its kernel, and the layers behind it keep
    /// the format; most convolutions are faster so. Values, shapes and checkpoints stay the same.
    /// Call it before anything holds on to the tensors, such as an optimizer or `DataParallel`.
    public func useChannelsLast() {
        replaceValues { $0.shape.count == 4 ? $0.contiguous(.channelsLast) : $0 }
    }

    /// Moves all parameters and buffers to a device, and converts floating-point ones to a type.
    public func move(to device: Device, dtype: DType? = nil) {
        replaceValues { value in
            let moved = value.to(device)
            guard let dtype, moved.dtype.isFloatingPoint else { return moved }
            return moved.to(dtype)
        }
    }

    /// Replaces the tensors of all parameters and buffers; whether they need a gradient stays.
    private func replaceValues(_ transform: (Tensor) -> Tensor) {
        for value in allValues().map(\.value) {
            let requiresGrad = value.value.requiresGrad
            value.value = transform(value.value.detached()).requiringGrad(requiresGrad)
        }
    }
}

/// A module that maps one tensor to one tensor.
public protocol Layer: Module {
    /// Applies the layer.
    func callAsFunction(_ x: Tensor) -> Tensor
}

extension Layer {
    /// Applies the layer with activation checkpointing: backward recomputes its activations.
    ///
    /// - Parameter x: the layer's input.
    /// - Returns: the layer's output.
    public func checkpointed(_ x: Tensor) -> Tensor {
        Torch.checkpointed([x], parameters: parameters.map(\.value)) { [self($0[0])] }[0]
    }
}

/// A member of a module: a weight or another module.
public enum Member {
    case value(StoredValue)
    case module(Module)

    /// The members in a property: the property itself, or the elements of a list by their indices.
    static func found(in property: Any) -> [(path: String, member: Member)] {
        switch property {
        case let value as StoredValue: [("", .value(value))]
        case let module as Module: [("", .module(module))]
        case let list as [Module]:
            list.enumerated().map { ("\($0.offset)", .module($0.element)) }
        case let list as [StoredValue]:
            list.enumerated().map { ("\($0.offset)", .value($0.element)) }
        default:
            []
        }
    }

    /// Whether a property without members contains weights in a form that reflection does not find:
    /// a bare tensor, or modules in a tuple, a dictionary or a list of lists.
    static func hidesWeights(_ property: Any) -> Bool {
        if property is Tensor || property is Module || property is StoredValue { return true }
        let mirror = Mirror(reflecting: property)
        switch mirror.displayStyle {
        case .optional, .tuple, .collection, .dictionary, .set:
            return mirror.children.contains { hidesWeights($0.value) }
        default:
            return false
        }
    }
}

func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { result, character in
        result += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
}

/// A tensor of a module: a parameter or a buffer.
///
/// The module stores it as a `let`; its value changes when weights are loaded or folded.
public class StoredValue {
    /// The tensor itself.
    public internal(set) var value: Tensor

    init(_ value: Tensor) {
        self.value = value
    }
}

/// A trainable weight, as PyTorch's `nn.Parameter`.
public final class Parameter: StoredValue {
    /// A weight with its initial value; it requires a gradient until it is frozen.
    public override init(_ value: Tensor) {
        super.init(value)
        value.requiringGrad()
    }

    /// Whether gradients are computed for it.
    public var isTrainable: Bool {
        get { value.requiresGrad }
        set { value.requiringGrad(newValue) }
    }

    /// The accumulated gradient, if there is one.
    public var grad: Tensor? {
        value.grad
    }
}

/// A tensor of a module that is not trained, for example a running mean.
public final class Buffer: StoredValue {
    /// Whether checkpoints hold it.
    public let isSaved: Bool

    /// A buffer with its initial value.
    ///
    /// - Parameters:
    ///   - value: the initial value.
    ///   - isSaved: false for a buffer that the module's sizes determine.
    public init(_ value: Tensor, isSaved: Bool = true) {
        self.isSaved = isSaved
        super.init(value)
    }
}

/// Layers applied in order; their names in a checkpoint are their indices, from 0.
public final class Sequential: Module, Layer {
    /// The layers in order.
    public let layers: [any Layer]

    /// A chain of layers.
    public init(_ layers: any Layer...) {
        self.layers = layers
    }

    /// A chain of layers.
    ///
    /// - Parameter layers: in order.
    public init(list layers: [any Layer]) {
        self.layers = layers
    }

    /// The layers by their indices.
    public override var members: [(name: String, member: Member)] {
        layers.enumerated().map { ("\($0.offset)", .module($0.element)) }
    }

    /// Applies the layers in order.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layers.reduce(x) { $1($0) }
    }
}

/// A layer that returns its input; it keeps its place among numbered layers.
public final class Identity: Module, Layer {
    /// Returns `x`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x
    }
}
