import Foundation
import Imaging

/// The original form of DDTI, thyroid nodules (Pedraza and others, 2015).
///
/// `1.xml` describes a patient and, in `<mark><image>1</image>
/// <svg>[{"points": [{"x": 10, "y": 20}, …]}]</svg></mark>`, the contours in `1_1.jpg`.
///
/// A pixel is inside when its centre is in a contour. A picture without a contour is passed over:
/// it may show a nodule all the same.
struct DDTIImporter: Importer {
    private struct Region: Decodable {
        struct Point: Decodable {
            let x, y: Double
        }
        let points: [Point]
    }

    private static let mostPoints = 100_000

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { folder in
            folder.files().contains { $0.lowercased().hasSuffix(".xml") }
        }
        guard let root else {
            throw .notOfTheForm(source: source.path, reason: "there is no '1.xml'")
        }
        var plan = ImportPlan(classNames: ["nodule"], detailColumns: ["tirads"])
        let files = root.files()
        var pictures: [String: String] = [:]
        for file in files where file.isPicture { pictures[file.stem] = file }
        for file in files where file.lowercased().hasSuffix(".xml") {
            do throws(ImportProblem) {
                try add(file, of: root, &pictures, to: &plan)
            } catch {
                plan.problems.append(error)
            }
        }
        for picture in pictures.values.sorted(by: { $0.precedes($1) }) {
            plan.remarks.append(ImportProblem(picture, "no contour in any XML file; passed over"))
        }
        return plan
    }

    /// Takes the pictures that a file describes out of those not yet described.
    private func add(
        _ file: String, of root: SourceFolder, _ pictures: inout [String: String],
        to plan: inout ImportPlan
    ) throws(ImportProblem) {
        let document = ElementScanner(try root.text(file, limit: 16 << 20))
        let marks = document.elements("mark")
        guard !marks.isEmpty else { throw ImportProblem(file, "it has no element 'mark'") }
        let level = document.elements("tirads").first?.content ?? ""
        var contours: [String: [[PixelPoint]]] = [:]
        for mark in marks {
            let number = mark.elements("image").first?.content ?? ""
            let text = mark.elements("svg").first?.content ?? ""
            guard !text.isEmpty else { continue }
            let name = "\(file.stem)_\(number)"
            do throws(ImportProblem) {
                contours[name, default: []] += try Self.polygons(text, file: file, number: number)
            } catch {
                plan.problems.append(error)
                // Half of a picture's nodules would pass for all of them.
                pictures[name] = nil
            }
        }
        for (name, polygons) in contours.sorted(by: { $0.key.precedes($1.key) }) {
            guard !polygons.isEmpty else { continue }
            guard let picture = pictures.removeValue(forKey: name) else {
                if !plan.problems.contains(where: { $0.file == file }) {
                    plan.problems.append(
                        ImportProblem(file, "the picture '\(name).jpg' is missing"))
                }
                continue
            }
            var item = ImportItem(source: picture) { () throws(ImportProblem) in
                let image = try root.picture(picture)
                let mask = Mask(polygons: polygons, size: image.size)
                guard mask.area > 0 else {
                    throw ImportProblem(picture, "its contours in \(file) enclose no pixel of it")
                }
                let label = Image(
                    width: image.width, height: image.height, channels: 1, pixels: mask.values)
                return [ImportedPicture(name: name, image: image, label: label)]
            }
            item.patient = "ddti\(file.stem)"
            item.details["tirads"] = level
            plan.items.append(item)
        }
    }

    private static func polygons(
        _ text: String, file: String, number: String
    ) throws(ImportProblem) -> [[PixelPoint]] {
        let regions: [Region]
        do {
            regions = try JSONDecoder().decode([Region].self, from: Data(text.utf8))
        } catch {
            throw ImportProblem(
                file, "the contours of picture \(number) are no list of points, or cut off")
        }
        guard regions.allSatisfy({ $0.points.allSatisfy { $0.x.isFinite && $0.y.isFinite } }) else {
            throw ImportProblem(file, "a point of picture \(number) is no number")
        }
        let count = regions.reduce(0) { $0 + $1.points.count }
        guard count <= mostPoints else {
            throw ImportProblem(file, "picture \(number) has \(count) points; 100000 are read")
        }
        return regions.map { $0.points.map { PixelPoint(x: $0.x, y: $0.y) } }
            .filter { $0.count > 2 }
    }
}
