import TestSupport
import Testing
import Torch

@Suite("Devices, threads and errors")
struct RuntimeTests {
    @Test("device names are PyTorch's")
    func deviceNames() {
        #expect(Device("cpu") == .cpu)
        #expect(Device("cuda:1") == Device(.cuda, index: 1))
        #expect(Device("mps") == .mps)
        #expect("\(Device(.cuda, index: 1))" == "cuda:1")
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:0:1", "CPU"] {
            #expect(Device(wrong) == nil, "\(wrong)")
        }
        #expect(Tensor.zeros([1]).device == .cpu)
    }

    @Test("a missing device is refused with libtorch's message")
    func absentDevice() throws {
        try Device.cpu.check()
        let error = #expect(throws: TorchError.self) { try Device(.cuda, index: 63).check() }
        #expect(error?.op == "use of device 'cuda:63'")
        #expect(error?.message.contains("CUDA") == true)
        #expect(error?.message.contains("\n") == false)
        #if os(Linux)
            let mps = #expect(throws: TorchError.self) { try Device.mps.check() }
            #expect(
                mps?.message == "this libtorch has no MPS, or this machine has no GPU for it")
        #endif
    }

    @Test("an error has the operator, its shapes and libtorch's message")
    func errors() throws {
        let a = Tensor.zeros([2, 3])
        let b = Tensor.zeros([4, 5])
        let error = #expect(throws: TorchError.self) { try attempt("matmul", [a, b]) }
        #expect(error?.op == "matmul")
        #expect(error?.shapes == [[2, 3], [4, 5]])
        #expect(error?.message.contains("mat1 and mat2 shapes cannot be multiplied") == true)
        let message = try #require(error?.message)
        #expect(error?.description == "matmul([2, 3], [4, 5]): \(message)")

        let list = #expect(throws: TorchError.self) { try attempt("cat", [[a, b], 0]) }
        #expect(list?.shapes == [[2, 3], [4, 5]])
        let gaps = #expect(throws: TorchError.self) {
            try attempt("index.Tensor", [a, [nil, nil, b] as [Tensor?]])
        }
        #expect(gaps?.shapes == [[2, 3], [4, 5]])
    }

    @Test("invalid arguments are named")
    func arguments() throws {
        let a = Tensor.zeros([2])
        expectMessage("this libtorch has no such operator") { try attempt("no_such_thing", [a]) }
        expectMessage("argument 'other' is missing") { try attempt("add.Tensor", [a]) }
        expectMessage("takes 1 arguments, not 2") { try attempt("relu", [a, a]) }
        for dim in [0.5, [0], a] as [any OperatorArgument] {
            expectMessage("argument 'dim' must be an integer") {
                try attempt("select.int", [a, dim, 0])
            }
        }
        expectMessage("argument 'dim' must not be nil") { try attempt("select.int", [a, nil, 0]) }
        expectMessage("argument 'self' must be a tensor") { try attempt("relu", [1]) }
        expectMessage("argument 'self' must not be nil") { try attempt("relu", [nil]) }
        expectMessage("argument 'other' must be a number") { try attempt("add.Scalar", [a, a]) }
        expectMessage("argument 'approximate' must be a string") { try attempt("gelu", [a, 1]) }
        expectMessage("argument 'generator' must be a generator") {
            try attempt("rand.generator", [[2], a])
        }
        expectMessage("argument 'device' must be a device") {
            try attempt("zeros", [[2], nil, nil, 3])
        }
        expectMessage("argument 'keepdim' must be true or false") {
            try attempt("mean.dim", [a, [0], 1])
        }
        expectMessage("argument 'tensors' must be a list") { try attempt("cat", [a]) }
        expectMessage("argument 'tensors' must not be a list of integers") {
            try attempt("cat", [[1, 2]])
        }
        expectMessage("argument 'tensors' must be a list without nil") {
            try attempt("cat", [[a, nil] as [Tensor?]])
        }
        expectMessage("argument 'dims' must not be a list of tensors") {
            try attempt("permute", [a, [a]])
        }
        expectMessage("argument 'dims' must not be a list of real") {
            try attempt("permute", [a, [0.5]])
        }
    }

    @Test("nil stands for None, or for the default where None is not allowed")
    func defaults() throws {
        let a = Tensor([Float(3), 1])
        #expect(try attempt("clamp", [a, nil, 2]).map { $0.floats() } == [[2, 1]])
        #expect(try attempt("add.Tensor", [a, a, nil]).map { $0.floats() } == [[6, 2]])
        #expect(try attempt("softmax.int", [a, 0]).map(\.dtype) == [.float32])
    }

    @Test("numbers and several results come back as tensors")
    func results() throws {
        let a = Tensor([Float(3), 1, 2])
        #expect(try attempt("size.int", [a, 0]).map { $0.item() } == [3])
        #expect(try attempt("is_floating_point", [a]).map { $0.item() } == [1])
        #expect(try attempt("item", [a[0]]).map { $0.item() } == [3])
        #expect(try attempt("sort", [a]).map { $0.floats() } == [[1, 2, 3], [1, 2, 0]])
        #expect(try attempt("unbind.int", [a]).count == 3)
    }

    @Test("an undefined result is an error and does not shift the others")
    func undefinedResults() throws {
        let x = Tensor.ones([1, 1, 3, 3])
        let weight = Tensor.ones([1, 1, 1, 1])
        let gradients = { (wanted: [Bool]) throws(TorchError) -> [Tensor] in
            try attempt(
                "convolution_backward",
                [x, x, weight, [1], [1, 1], [0, 0], [1, 1], false, [0, 0], 1, wanted])
        }
        #expect(try gradients([true, true, true]).map(\.shape) == [x.shape, weight.shape, [1]])
        let error = #expect(throws: TorchError.self) { try gradients([true, false, true]) }
        #expect(error?.message == "result 1 of 3 is undefined")
        #expect(error?.shapes == [x.shape, x.shape, weight.shape])
    }

    @Test("the version is the linked library's")
    func version() {
        #expect(TorchRuntime.version.hasPrefix("2."))
    }

    #if compiler(>=6.2)
        // In a separate process, because all tests share the thread count.
        @Test("the thread count applies to every thread, also to existing ones")
        func threads() async {
            await #expect(processExitsWith: .success) {
                let worker = Worker()
                _ = worker.run { threadsAfterWork() }
                TorchRuntime.threads = 3
                try #require(threadsAfterWork() == 3)
                try #require(onAnotherThread { threadsAfterWork() } == 3)
                try #require(worker.run { threadsAfterWork() } == 3)
                TorchRuntime.threads = 1
                try #require(threadsAfterWork() == 1)
                try #require(worker.run { threadsAfterWork() } == 1)
            }
        }

        @Test("a thread count below 1 is refused")
        func noThreads() async {
            await expectWords(
                "the number of threads must be positive, not 0",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    TorchRuntime.threads = 0
                })
            await expectWords(
                "the number of threads must be positive, not -1",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    TorchRuntime.threads = -1
                })
        }

        @Test("a libtorch failure in a non-throwing function traps with its message")
        func sparse() async {
            await expectWords(
                "libtorch: Sparse CSR tensors do not have strides",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let sparse = try attempt("_to_sparse_csr", [Tensor.ones([2, 2])])
                    _ = sparse[0].strides
                })
        }

        @Test("invalid operator arguments trap")
        func traps() async {
            await #expect(processExitsWith: .failure) {
                _ = Tensor.zeros([2]) + Tensor.zeros([3])
            }
        }

        @Test("memory that is not sufficient ends the process with a sentence and code 69")
        func outOfMemory() async throws {
            let result = await #expect(
                processExitsWith: .exitCode(69), observing: [\.standardErrorContent]
            ) {
                TorchRuntime.outOfMemoryAdvice = "use a smaller --batch"
                // More than the addresses of a process.
                _ = Tensor.zeros([1 << 50])
            }
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(
                text.hasPrefix(
                    "error: the memory is not sufficient; use a smaller --batch (zeros: "),
                "\(text)"
            )
            #expect(text.contains("allocate"))
        }
    #endif

    private func expectMessage(
        _ part: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> [Tensor]
    ) {
        let error = #expect(throws: TorchError.self, sourceLocation: sourceLocation) {
            _ = try body()
        }
        #expect(
            error?.message.contains(part) == true, "\(error?.message ?? "")",
            sourceLocation: sourceLocation)
    }
}

@Sendable private func threadsAfterWork() -> Int {
    _ = Tensor.ones([512, 512]).matmul(.ones([512, 512]))
    return TorchRuntime.threads
}
