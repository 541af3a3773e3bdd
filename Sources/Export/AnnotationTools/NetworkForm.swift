import Segmentation

/// What has to be known of a network to feed its graphs.
struct NetworkForm {
    /// Height and width of its input in pixels.
    let inputSize: Int
    let preparation: InputPreparation
    /// Numbers for each place of the embedding, D.
    let width: Int
    /// Height and width of the embedding.
    let grid: Int
}
