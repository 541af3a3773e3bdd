import Synchronization
import TestSupport
import Testing
import Torch

@Suite("Memory")
struct MemoryTests {
    @Test("borrowed memory is used in place and released with the last tensor")
    func borrowedMemory() {
        let released = Counter()
        var owner: Owner? = Owner(count: 6, released)
        var tensor = owner.map {
            Tensor(over: $0.memory, shape: [2, 3], dtype: .float32, owner: $0)
        }
        let memory = owner?.memory
        owner = nil
        #expect(released.value == 0)

        tensor?[1].fill(with: 7)
        #expect(memory.map { Array($0.bindMemory(to: Float.self)) } == [0, 0, 0, 7, 7, 7])

        var view = tensor?[.all, 1]
        tensor = nil
        #expect(released.value == 0)
        #expect(view?.floats() == [0, 7])
        view = nil
        #expect(released.value == 1)
    }

    @Test("a copy of borrowed memory does not hold its owner")
    func copiesLetGo() {
        let released = Counter()
        let copy = {
            let owner = Owner(count: 4, released)
            return Tensor(over: owner.memory, shape: [4], dtype: .float32, owner: owner).clone()
        }()
        #expect(released.value == 1)
        #expect(copy.floats() == [0, 0, 0, 0])
    }

    @Test("empty memory is borrowed and released too")
    func emptyMemory() {
        let released = Counter()
        var tensor: Tensor? = {
            let owner = Owner(count: 0, released)
            let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return Tensor(over: nothing, shape: [0, 3], dtype: .int64, owner: owner)
        }()
        #expect(released.value == 0)
        #expect(tensor?.elements(as: Int.self) == [])
        tensor = nil
        #expect(released.value == 1)
    }

    @Test("bytes are read without a copy where the memory is dense")
    func rawBytes() {
        let x = Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        let first = x.withUnsafeBytes { $0.baseAddress }
        let second = x.withUnsafeMutableBytes { UnsafeRawPointer($0.baseAddress) }
        #expect(first == second)
        x.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), toByteOffset: 4, as: Float.self) }
        #expect(x.transposed(0, 1).floats() == [1, 3, 9, 4])
    }

    #if compiler(>=6.2)
        // In a separate process, because parallel tests allocate memory too.
        @Test(
            "operators with long lists, gaps and names leave no memory behind",
            .enabled(if: residentMemory() != nil, "needs /proc"))
        func handlesAreReleased() async {
            await #expect(processExitsWith: .success) {
                try #require(growth(over: 1000, tensorsAreReleased) < 10 << 20)
                try #require(growth(over: 1000, argumentsAreReleased) < 10 << 20)
                try #require(growth(over: 1000, listsAreReleased) < 10 << 20)
            }
        }
    #endif
}

/// Growth of the resident memory in bytes over a number of rounds, after a warm-up.
private func growth(over rounds: Int, _ round: () throws -> Void) throws -> Int {
    for _ in 0..<rounds / 10 { try round() }
    let before = try #require(residentMemory())
    for _ in 0..<rounds { try round() }
    return try #require(residentMemory()) - before
}

/// 64 KB for each tensor.
private func tensorsAreReleased() throws {
    let x = Tensor.zeros([128, 128])
    let both = Tensor.concatenate([x, x.transposed(0, 1)])
    let parts = both.split([128, 128], axis: 0)
    let rows = Tensor([0, 5])
    _ = try attempt("index.Tensor", [x, [nil, rows] as [Tensor?]])
    _ = try attempt("gelu", [parts[1], "tanh"])
    _ = Tensor.stack(x.unbound()).max()
    #expect(throws: TorchError.self) { try attempt("cat", [[x, rows], 1]) }
}

/// 16 KB or more for each argument, most of which libtorch refuses.
private func argumentsAreReleased() throws {
    let x = Tensor.zeros([1])
    _ = try attempt("cat", [[Tensor](repeating: x, count: 2000)])
    #expect(throws: TorchError.self) {
        try attempt("index.Tensor", [x, [Tensor?](repeating: nil, count: 2000)])
    }
    #expect(throws: TorchError.self) {
        try attempt("permute", [x, [Int](repeating: 0, count: 2000)])
    }
    #expect(throws: TorchError.self) {
        try attempt("gelu", [x, String(repeating: "a", count: 16_000)])
    }
}

/// 16 KB for the list.
private func listsAreReleased() throws {
    #expect(try attempt("unbind.int", [Tensor.zeros([2000])]).count == 2000)
}

private final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func increment() {
        count.withLock { $0 += 1 }
    }
}

/// Memory that counts how often it is released.
private final class Owner {
    let memory: UnsafeMutableRawBufferPointer
    private let released: Counter

    init(count: Int, _ released: Counter) {
        memory = .allocate(byteCount: count * 4, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        self.released = released
    }

    deinit {
        memory.deallocate()
        released.increment()
    }
}
