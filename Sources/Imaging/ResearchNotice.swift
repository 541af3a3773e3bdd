/// What a clinician must read wherever the product shows a result.
public enum ResearchNotice {
    /// The words, the same everywhere.
    public static let text = "research use only, not a medical device"
}
