import Imaging
import Segmentation
import Testing

@Suite("A prompt is checked against its image")
struct PromptTests {
    private let size = Size(height: 240, width: 320)

    private func box(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double) -> PixelRectangle {
        PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1)
    }

    @Test("a prompt that fits is not changed and has no notes")
    func fits() throws {
        let prompt = Prompt(
            foregroundPoints: [PixelPoint(x: -0.5, y: 239.5)],
            backgroundPoints: [PixelPoint(x: 3, y: 4)],
            box: box(0, 0, 320, 240))
        let checked = try prompt.checked(for: size)
        #expect(checked.prompt == prompt)
        #expect(checked.notes.isEmpty)
    }

    @Test("box corners in the wrong order are exchanged, with a note")
    func inverted() throws {
        let checked = try Prompt(box: box(208, 140, 150, 48)).checked(for: size)
        #expect(checked.prompt.box == box(150, 48, 208, 140))
        #expect(
            checked.notes == [
                "the corners of the box 208,140,150,48 were put in order: 150,48,208,140"
            ])
    }

    @Test("a box beyond the edge is cropped, with a note")
    func overTheEdge() throws {
        let checked = try Prompt(box: box(-10, 200, 1e9, 300)).checked(for: size)
        #expect(checked.prompt.box == box(0, 200, 320, 240))
        #expect(checked.notes.count == 1)
    }

    @Test(
        "prompts that do not mark an object in the image are refused",
        arguments: [
            (Prompt(), PromptError.empty),
            (Prompt(backgroundPoints: [PixelPoint(x: 1, y: 1)]), .onlyBackgroundPoints),
            (
                Prompt(foregroundPoints: [PixelPoint(x: 320, y: 1)]),
                .pointOutside(PixelPoint(x: 320, y: 1), Size(height: 240, width: 320))
            ),
            (
                Prompt(box: PixelRectangle(x0: 400, y0: 0, x1: 500, y1: 9)),
                .boxOutside(
                    PixelRectangle(x0: 400, y0: 0, x1: 500, y1: 9), Size(height: 240, width: 320))
            ),
            (
                Prompt(box: PixelRectangle(x0: 5, y0: 5, x1: 5, y1: 9)),
                .boxWithoutArea(PixelRectangle(x0: 5, y0: 5, x1: 5, y1: 9))
            ),
            (
                Prompt(box: PixelRectangle(x0: 0, y0: 0, x1: .infinity, y1: 9)),
                .notANumber("a corner of the box 0,0,inf,9")
            ),
            (
                Prompt(foregroundPoints: [PixelPoint(x: .nan, y: 0)]),
                .notANumber("a coordinate of the click nan,0")
            ),
            (
                Prompt(mask: Mask(width: 2, height: 2, values: [1, 0, 0, 0])),
                .maskOfOtherSize(
                    mask: Size(height: 2, width: 2), image: Size(height: 240, width: 320))
            ),
            (
                Prompt(
                    mask: Mask(width: 320, height: 240, values: .init(repeating: 0, count: 76800))),
                .emptyMask
            ),
        ])
    func refused(prompt: Prompt, error: PromptError) {
        #expect(throws: error) { try prompt.checked(for: size) }
    }
}

@Suite("Prompts become arrays, once for every decoder")
struct PromptArraysTests {
    private let mask = Mask(width: 2, height: 2, values: [1, 0, 0, 0])
    private let box = PixelRectangle(x0: 1, y0: 2, x1: 30, y1: 40)

    @Test("points are scaled to the input: foreground with label 1, then background with label 0")
    func points() {
        let geometry = InputGeometry(
            original: Size(height: 50, width: 100), inputSize: 200, preprocessing: .liteMedSAM)
        let arrays = PromptArrays(
            [.points([PixelPoint(x: 1, y: 2)], background: [PixelPoint(x: 3, y: 4)])],
            in: geometry, maskSide: 8)
        #expect(arrays.points == [2, 4, 6, 8])
        #expect(arrays.labels == [1, 0])
        #expect(arrays.boxes.isEmpty && arrays.masks.isEmpty)
    }

    @Test("a box becomes two points with labels 2 and 3; without a box a padding point follows")
    func corners() {
        let point = Prompt.point(x: 5, y: 6)
        var both = point
        both.box = box
        let padded = PromptArrays(inInputPixels: [point, point]).pointsWithCorners()
        #expect(padded.coordinates == [5, 6, 0, 0, 5, 6, 0, 0])
        #expect(padded.labels == [1, -1, 1, -1] && padded.pointCount == 2)
        let boxed = PromptArrays(inInputPixels: [both]).pointsWithCorners()
        #expect(boxed.coordinates == [5, 6, 1, 2, 30, 40] && boxed.labels == [1, 2, 3])
        let alone = PromptArrays(inInputPixels: [Prompt(box: box)]).pointsWithCorners()
        #expect(alone.coordinates == [1, 2, 30, 40] && alone.labels == [2, 3])
    }

    @Test("a mask alone has no points, not even a padding point")
    func masks() {
        let geometry = InputGeometry(original: mask.size, inputSize: 8, preprocessing: .samus)
        let arrays = PromptArrays([.mask(mask), .mask(mask)], in: geometry, maskSide: 4)
        #expect(arrays.masks.count == 2 * 4 * 4)
        #expect(arrays.pointsWithCorners().pointCount == 0)
    }

    @Test("prompts of one form share a batch, in order, up to the limit")
    func batches() {
        let point = Prompt.point(x: 1, y: 1)
        let prompts = [point, Prompt(box: box), point, .mask(mask), point, Prompt(box: box)]
        #expect(prompts.batchesOfOneForm() == [[0, 2, 4], [1, 5], [3]])
        #expect(prompts.batchesOfOneForm(atMost: 2) == [[0, 2], [4], [1, 5], [3]])
        #expect([Prompt]().batchesOfOneForm().isEmpty)
    }
}

@Suite("A model's default prompt is a kind of prompt that it was trained with")
struct DefaultPromptTests {
    private func model(
        _ kind: ModelArchitecture, _ stated: Set<PromptKind>? = nil
    ) -> ModelDescription {
        ModelDescription(
            name: "m", architecture: kind, sha256: "", licence: nil, trainedPrompts: stated)
    }

    @Test("the weights file's statement comes before the architecture's training")
    func stated() {
        #expect(model(.liteMedSAM).defaultPrompt == .box)
        #expect(model(.liteMedSAM, [.box, .click]).defaultPrompt == .click)
        #expect(model(.sam).defaultPrompt == .click)
        #expect(model(.samus, [.box]).defaultPrompt == .box)
        #expect(model(.autoSAMUS, [.click]).defaultPrompt == nil)
    }
}

@Suite("The architecture registry detects networks and knows their training prompts")
struct ModelKindTests {
    @Test("LiteMedSAM and samus-lite are detected by the kernel of TinyViT's stem")
    func recognition() {
        let names = [
            "a", "image_encoder.patch_embed.seq.0.c.weight", "mask_decoder.iou_token.weight",
            "prompt_encoder.no_mask_embed.weight",
        ]
        #expect(architecture(names, shape: [32, 3, 1, 1]) == .liteMedSAM)
        #expect(architecture(names, shape: [32, 3, 3, 3]) == .samusLite)
        #expect(architecture(names, shape: [32, 3]) == nil)
        #expect(architecture(["image_encoder.patch_embed.seq.0.c.weight"]) == nil)
        #expect(architecture(["image_encoder.patch_embed.proj.weight"]) == nil)
        #expect(architecture([]) == nil)
    }

    private func architecture(_ names: [String], shape: [Int] = [1]) -> ModelArchitecture? {
        ModelArchitecture(tensors: Dictionary(uniqueKeysWithValues: names.map { ($0, shape) }))
    }

    @Test("a click on a model trained with boxes gives a warning, a box does not")
    func warnings() {
        let kind = ModelArchitecture.liteMedSAM
        let box = Prompt(box: PixelRectangle(x0: 0, y0: 0, x1: 1, y1: 1))
        #expect(kind.warnings(about: box, multimask: false) == [])
        let click = Prompt(foregroundPoints: [PixelPoint(x: 0, y: 0)])
        let warnings = kind.warnings(about: click, multimask: true)
        #expect(warnings.count == 2)
        #expect(warnings[0].contains("trained with box prompts, not with a click prompt"))
        #expect(warnings[1].contains("trained to give one mask"))
    }

    @Test("the training prompts in the weights file replace the architecture's")
    func statedPrompts() {
        let click = Prompt(foregroundPoints: [PixelPoint(x: 0, y: 0)])
        let stated = PromptKind.stated(in: ["samus.prompts": "box,click"])
        #expect(stated == [.box, .click])
        let kind = ModelArchitecture.liteMedSAM
        #expect(kind.warnings(about: click, multimask: false, trainedWith: stated) == [])
        #expect(PromptKind.stated(in: ["samus.prompts": "box,stare"]) == nil)
        #expect(PromptKind.stated(in: [:]) == nil)
    }
}
