import Imaging

/// How an object is found.
enum SearchMode: Equatable, Sendable {
    /// Where the prompts say.
    case prompted
    /// Where the model finds it.
    case auto
}

/// One object to segment, as the user described it; its mask is still a path.
struct ObjectPrompt: Equatable, Sendable {
    var label: String?
    var mode = SearchMode.prompted
    var foregroundPoints: [PixelPoint] = []
    var backgroundPoints: [PixelPoint] = []
    var box: PixelRectangle?
    var maskPath: String?

    /// Whether no prompt says where it is.
    var isEmpty: Bool {
        foregroundPoints.isEmpty && backgroundPoints.isEmpty && box == nil && maskPath == nil
    }
}

/// One image to segment and where its results go.
struct ImageTask: Equatable, Sendable {
    /// The image's file.
    let path: String
    /// The results' path below the output folder, without an ending.
    let stem: String
    let objects: [ObjectPrompt]
}
