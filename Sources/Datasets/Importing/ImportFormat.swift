/// The format in which a dataset is published, or an annotation program exports it.
public enum ImportFormat: String, CaseIterable, Sendable {
    case busi
    case busbra = "bus-bra"
    case udiat, tn3k, tg3k, ddti, camus, hc18, folders, coco, yolo
    case dicomSEG = "dicom-seg"
    /// labelme and X-AnyLabeling.
    case labelme
    case cvat, nnunet, volumes

    /// The name of the dataset in the US30K layout; nil for general formats.
    public var dataset: String? {
        switch self {
        case .busi: "Breast-BUSI"
        case .busbra: "Breast-BUSBRA"
        case .udiat: "Breast-UDIAT"
        case .tn3k: "ThyroidNodule-TN3K"
        case .tg3k: "ThyroidGland-TG3K"
        case .ddti: "ThyroidNodule-DDTI"
        case .camus: "Echocardiography-CAMUS"
        case .hc18: "FetalHead-HC18"
        case .folders, .coco, .yolo, .dicomSEG, .labelme, .cvat, .nnunet, .volumes: nil
        }
    }

    var importer: any Importer {
        switch self {
        case .busi: BUSIImporter()
        case .busbra: BUSBRAImporter()
        case .udiat: UDIATImporter()
        case .tn3k: TN3KImporter()
        case .tg3k: TG3KImporter()
        case .ddti: DDTIImporter()
        case .camus: CAMUSImporter()
        case .hc18: HC18Importer()
        case .folders: FolderImporter()
        case .coco: COCOImporter()
        case .yolo: YOLOImporter()
        case .dicomSEG: DICOMSEGImporter()
        case .labelme: LabelmeImporter()
        case .cvat: CVATImporter()
        case .nnunet: VolumeImporter(layout: .nnUNet)
        case .volumes: VolumeImporter(layout: .plain)
        }
    }
}

/// Options of an import.
public struct ImportOptions: Sendable {
    /// The dataset's name in the layout; nil for the format's own, or the source folder's.
    public var dataset: String?
    /// Whether an existing dataset of that name is replaced.
    public var replaces = false
    /// The fold: TN3K 0 to 4, BUS-BRA 1 to 5; nil for the first.
    public var fold: Int?
    /// CAMUS: every frame of the half-sequences instead of end diastole and end systole.
    public var wholeSequences = false
    /// Plain folders: the grey values of class 1, 2 and so on; empty when masks hold class numbers or
    /// one object.
    public var classValues: [Int] = []
    /// Patients of images whose source names none; nil to leave them unknown.
    public var patientPattern: PatientPattern?

    /// The defaults.
    public init() {}
}
