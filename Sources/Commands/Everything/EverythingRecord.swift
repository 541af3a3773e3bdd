import Segmentation

/// What `samus segment --everything` writes as JSON: segment-anything's records, and where they come
/// from.
struct EverythingRecord: Codable {
    struct ImageEntry: Codable {
        let fileName: String
        let width: Int
        let height: Int
    }

    struct Options: Codable {
        let pointsPerSide: Int
        let predictedIou: Double
        let stability: Double
        let cropLayers: Int
        let minimumArea: Int

        init(_ options: AutomaticMaskOptions) {
            pointsPerSide = options.pointsPerSide
            predictedIou = options.predictedIoU
            stability = options.stability
            cropLayers = options.cropLayers
            minimumArea = options.minimumRegionArea
        }
    }

    let notice: String
    let image: ImageEntry
    let model: ModelDescription
    let engine: ResultRecord.Engine
    let options: Options
    let annotations: [AutomaticMask.Record]
    /// Encoding and all clicks.
    let seconds: Double
}
