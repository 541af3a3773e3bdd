import Imaging

/// One object of one picture: a picture of a data set, and which class of its label is meant.
public struct Sample: Hashable, Sendable {
    /// The data set's folder, as `Breast-BUSI`.
    public let dataset: String
    /// The picture's name without extension.
    public let name: String
    /// Which class of the label is inside, from 1.
    public let label: Int
    /// Classes of the data set, background included; with 2 every label value but 0 counts as 1.
    public let classes: Int
    /// The patient, where the data set's index or its names tell.
    public let patient: String?
    /// Extent of the picture's own pixels, where the data set's index tells.
    public let spacing: PixelSpacing?
    /// The picture's file.
    public let imagePath: String
    /// The label's file.
    public let labelPath: String

    /// - Parameters:
    ///   - dataset: the data set's folder.
    ///   - name: the picture's name without extension.
    ///   - label: which class of the label is inside, from 1.
    ///   - classes: classes of the data set, background included.
    ///   - patient: nil where it is not known.
    ///   - spacing: nil where it is not known.
    ///   - imagePath: the picture's file.
    ///   - labelPath: the label's file.
    public init(
        dataset: String, name: String, label: Int, classes: Int, patient: String? = nil,
        spacing: PixelSpacing? = nil, imagePath: String, labelPath: String
    ) {
        self.dataset = dataset
        self.name = name
        self.label = label
        self.classes = classes
        self.patient = patient
        self.spacing = spacing
        self.imagePath = imagePath
        self.labelPath = labelPath
    }

    /// The picture, as `Breast-BUSI/benign0015`: samples of one picture share it.
    public var picture: String { "\(dataset)/\(name)" }

    /// The sample, as `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String { "\(picture)#\(label)" }
}
