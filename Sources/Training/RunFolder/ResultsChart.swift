import Imaging

extension ResultsTable {
    /// `results.png`: loss, validation, learning rate, gradient norm and speed over the steps.
    ///
    /// Panels without any number are left out.
    ///
    /// - Returns: a sheet of charts; nil while there is nothing to draw.
    public func picture() -> Image? {
        let sets = columns.filter { $0.hasPrefix("val/dice/") }
        let panels = [
            panel("Loss", ["train/loss", "train/bce", "train/dice_loss"]),
            panel("Validation", ["val/dice", "val/iou"]),
            sets.count > 1 ? panel("Validation Dice by set", sets) : nil,
            panel("Learning rate", ["lr"]),
            panel("Gradient norm", ["grad_norm"], scale: .logarithmic),
            panel("Pictures per second", ["pictures_per_s"]),
        ].compactMap(\.self)
        return panels.isEmpty ? nil : Chart.sheet(panels, columns: panels.count > 4 ? 3 : 2)
    }

    private func panel(_ title: String, _ names: [String], scale: Chart.Scale = .linear) -> Chart? {
        let series = names.compactMap { name -> Chart.Series? in
            let points = values(of: name).map { Chart.Point($0.0, $0.1) }
            guard points.contains(where: { $0.y.isFinite }) else { return nil }
            let style: Chart.Style = points.count <= 40 ? .dottedLine : .line
            let shown = name.replacing("val/dice/", with: "")
            return Chart.Series(names.count > 1 ? shown : "", points, style: style)
        }
        guard !series.isEmpty else { return nil }
        return Chart(title: title, xLabel: "step", series: series, yScale: scale)
    }
}
