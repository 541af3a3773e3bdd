import ArgumentParser
import Imaging

/// What to segment, as asked for on the command line.
struct PromptOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A box around the object, in pixels. Repeatable with --object.",
            valueName: "x0,y0,x1,y1"))
    var box: [PixelRectangle] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A click on the object, in pixels. Repeatable.", valueName: "x,y"))
    var point: [PixelPoint] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A click beside the object, in pixels. Repeatable.", valueName: "x,y"))
    var backgroundPoint: [PixelPoint] = []

    @Option(
        help: ArgumentHelp(
            "A rough mask of the object, an image of the same size, not 0 inside.",
            valueName: "file"),
        completion: .file(extensions: ["png"]))
    var mask: [String] = []

    @Flag(help: "Every --box, --point and --mask is an object of its own.")
    var object = false

    @Flag(help: "No prompt: the object that the model finds by itself (AutoSAMUS).")
    var promptFree = false

    @Option(
        help: ArgumentHelp("A JSON file of prompts for many images.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var prompts: String?

    /// Whether any of it is given.
    var isGiven: Bool {
        hasPrompts || object || promptFree || prompts != nil
    }

    private var hasPrompts: Bool {
        !box.isEmpty || !point.isEmpty || !backgroundPoint.isEmpty || !mask.isEmpty
    }

    /// Checks what the parser cannot; the command calls it where prompts are wanted at all.
    func check() throws {
        let given = hasPrompts
        if prompts != nil {
            guard !given, !object, !promptFree else {
                throw ValidationError(
                    "--prompts names the prompts of each image: leave --box, --point, "
                        + "--background-point, --mask, --object and --prompt-free out")
            }
            return
        }
        if promptFree {
            guard !given, !object else {
                throw ValidationError(
                    "--prompt-free leaves finding the object to the model: leave --box, --point, "
                        + "--background-point, --mask and --object out, or leave out --prompt-free")
            }
            return
        }
        guard given else {
            throw ValidationError(
                "nothing says which object is meant: give --box x0,y0,x1,y1, --point x,y, "
                    + "--mask FILE or --prompts FILE, or --prompt-free with a model that finds its object "
                    + "by itself (AutoSAMUS), or --everything")
        }
        if object {
            guard backgroundPoint.isEmpty else {
                throw ValidationError(
                    "--background-point belongs to one object, and --object makes several: "
                        + "put them into a --prompts file")
            }
        } else {
            guard box.count <= 1, mask.count <= 1 else {
                throw ValidationError(
                    "an object has one --box and one --mask: add --object to make each "
                        + "an object of its own")
            }
        }
        guard !box.isEmpty || !point.isEmpty || !mask.isEmpty else {
            throw ValidationError(
                "--background-point says only what the object is not: add a --box or a --point on it"
            )
        }
    }

    /// The objects asked for in every image.
    var objects: [ObjectPrompt] {
        guard !promptFree else { return [ObjectPrompt(mode: .auto)] }
        guard object else {
            return [
                ObjectPrompt(
                    foregroundPoints: point, backgroundPoints: backgroundPoint, box: box.first,
                    maskPath: mask.first)
            ]
        }
        return box.map { ObjectPrompt(box: $0) }
            + point.map { ObjectPrompt(foregroundPoints: [$0]) }
            + mask.map { ObjectPrompt(maskPath: $0) }
    }
}
