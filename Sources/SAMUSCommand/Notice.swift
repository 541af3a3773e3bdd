/// What a clinician must read wherever the program shows a result.
enum Notice {
    static let text = "research use only, not a medical device"
}
