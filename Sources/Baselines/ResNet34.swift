import Torch
import TorchNN

/// Two 3x3 convolutions beside a shortcut: the *basic block* of ResNet (arXiv:1512.03385).
final class BasicBlock: Module, Layer {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let conv2: Conv2d
    let bn2: BatchNorm2d
    let downsample: Sequential?

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - stride: step of the first convolution; with another number of channels or a stride the
    ///     shortcut has a 1x1 convolution and a batch norm.
    init(_ inputs: Int, _ outputs: Int, stride: Int) {
        conv1 = Conv2d(inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false)
        bn1 = BatchNorm2d(outputs)
        conv2 = Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false)
        bn2 = BatchNorm2d(outputs)
        downsample =
            stride == 1 && inputs == outputs
            ? nil
            : Sequential(
                Conv2d(inputs, outputs, kernel: 1, stride: stride, bias: false),
                BatchNorm2d(outputs))
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, H / stride, W / stride]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(bn2(conv2(relu(bn1(conv1(x))))) + (downsample?(x) ?? x))
    }
}

/// The layers of ResNet-34, which several networks take apart.
enum ResNet34 {
    /// The first convolution: 7x7 to 64 channels.
    ///
    /// - Parameter stride: 2 as published, or 1.
    /// - Returns: the layer, initialized.
    static func stem(stride: Int = 2) -> Conv2d {
        let stem = Conv2d(3, 64, kernel: 7, stride: stride, padding: 3, bias: false)
        initialize(stem)
        return stem
    }

    /// One of the four stages of basic blocks, by its number from 1.
    static func stage(_ number: Int) -> Sequential {
        let (inputs, outputs) = (max(64, 32 << (number - 1)), 32 << number)
        let count = [3, 4, 6, 3][number - 1]
        let stage = Sequential(
            list: (0..<count).map { index in
                BasicBlock(
                    index == 0 ? inputs : outputs, outputs,
                    stride: index == 0 && number > 1 ? 2 : 1)
            })
        initialize(stage)
        return stage
    }

    /// He's initialization by fan-out, as torchvision has it for a network that starts from scratch.
    private static func initialize(_ module: Module) {
        module.setToNormal { shape in
            (2 / Double(shape[0] * shape.dropFirst(2).reduce(1, *))).squareRoot()
        }
    }
}

/// A ResNet-34 up to one of its stages, with torchvision's names.
final class ResNet34Encoder: Module {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let layer1: Sequential
    let layer2: Sequential
    let layer3: Sequential
    let layer4: Sequential?
    let fc: Linear?

    /// - Parameter isWhole: whether it has the last stage, and the unused classifier that then is
    ///   in the checkpoints.
    init(isWhole: Bool) {
        conv1 = ResNet34.stem()
        bn1 = BatchNorm2d(64)
        layer1 = ResNet34.stage(1)
        layer2 = ResNet34.stage(2)
        layer3 = ResNet34.stage(3)
        layer4 = isWhole ? ResNet34.stage(4) : nil
        fc = isWhole ? Linear(512, 1000) : nil
    }

    /// - Parameter x: `[B, 3, H, W]`.
    /// - Returns: maps of 64 channels at 1/2, then of 64, 128, 256 and, with the last stage, 512
    ///   channels at 1/4, 1/8, 1/16 and 1/32 of the resolution.
    func callAsFunction(_ x: Tensor) -> [Tensor] {
        let first = relu(bn1(conv1(x)))
        let stages = [layer1, layer2, layer3, layer4].compactMap(\.self)
        var maps = [maxPool2d(first, size: 3, stride: 2, padding: 1)]
        for stage in stages { maps.append(stage(maps[maps.count - 1])) }
        return [first] + maps.dropFirst()
    }
}
