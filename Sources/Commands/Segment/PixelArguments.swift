import ArgumentParser
import Imaging

extension PixelPoint: ExpressibleByArgument {
    /// A click as `x,y`.
    public init?(argument: String) {
        guard let numbers = numbers(argument, count: 2) else { return nil }
        self.init(x: numbers[0], y: numbers[1])
    }
}

extension PixelRectangle: ExpressibleByArgument {
    /// A box as `x0,y0,x1,y1`.
    public init?(argument: String) {
        guard let numbers = numbers(argument, count: 4) else { return nil }
        self.init(x0: numbers[0], y0: numbers[1], x1: numbers[2], y1: numbers[3])
    }
}

private func numbers(_ text: String, count: Int) -> [Double]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0.trimmingPrefix(" ")) }.filter(\.isFinite)
    guard parts.count == count, numbers.count == count else { return nil }
    return numbers
}
