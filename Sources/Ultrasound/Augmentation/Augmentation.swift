/// A random change of a picture and its label that leaves a plausible picture.
///
/// Geometry is the same for both, and all chance comes from the sample's own numbers.
public protocol Augmentation: Sendable {
    /// What it is called on the command line and in records.
    var name: String { get }

    /// Changes a picture, or by chance leaves it as it is.
    ///
    /// - Parameters:
    ///   - picture: the picture and its label, of any size.
    ///   - random: the sample's numbers.
    func apply(to picture: inout LabelledPicture, using random: inout SampleRandom)
}
