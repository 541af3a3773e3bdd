/// Names of inputs and outputs of a bundle's models; those of decoders are SAM's own exporter's.
public enum Tensors {
    /// The encoder's input, `[1, C, S, S]`.
    public static let pictures = "pictures"
    /// The encoder's result and a decoder's input, `[B, D, H, W]`.
    public static let embeddings = "image_embeddings"
    /// Places in pixels of the input, `[B, P, 2]`.
    public static let coordinates = "point_coords"
    /// What each place is, `[B, P]`.
    public static let labels = "point_labels"
    /// Logits of an earlier mask, `[B, 1, 4 H, 4 W]`.
    public static let mask = "mask_input"
    /// Whether that mask counts, `[1]`.
    public static let hasMask = "has_mask_input"
    /// A decoder's masks, `[B, M, 4 H, 4 W]`.
    public static let logits = "low_res_masks"
    /// Its estimates of their IoU, `[B, M]`.
    public static let iou = "iou_predictions"
}
