/// Patients that the names of a data set's pictures tell.
enum PatientName {
    /// - Parameters:
    ///   - dataset: the data set's folder, as `Echo-CAMUS`.
    ///   - name: of a picture, as `patient0001_2CH_ED`.
    /// - Returns: as `patient0001`; nil where the names of this data set do not tell.
    static func patient(dataset: String, name: String) -> String? {
        let set = dataset.lowercased().replacing("-", with: "")
        let name = Substring(name)
        if set.contains("camus") { return name.prefix(of: "patient", digitsThen: "_") }
        if set.contains("busbra") { return name.prefix(of: "bus_", digitsThen: "-") }
        // 082_2HC is another measurement of 082_HC.
        if set.contains("hc18") {
            return name.prefix(of: "hc", digitsThen: "_") ?? name.prefix(of: "", digitsThen: "_")
        }
        if set.contains("ddti") {
            return name.prefix(of: "ddti", digitsThen: "_") ?? name.prefix(of: "", digitsThen: "_")
        }
        if set.contains("ccaus") {
            return name.prefix(of: "ccaus_", digitsThen: "VAS")
                ?? name.prefix(of: "", digitsThen: "VAS")
        }
        return nil
    }
}

extension Substring {
    /// The beginning `start` and the digits after it, when `end` follows them.
    fileprivate func prefix(of start: String, digitsThen end: String) -> String? {
        guard hasPrefix(start) else { return nil }
        let digits = dropFirst(start.count).prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, self[digits.endIndex...].hasPrefix(end) else { return nil }
        return start + digits
    }
}
