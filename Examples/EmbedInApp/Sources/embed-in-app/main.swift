// Segments the object at a click: embed-in-app BUNDLE.samus IMAGE X Y MASK.png
//
// Research use only, not a medical device: check every mask.

import Foundation
import SAMUSKit

let arguments = CommandLine.arguments
guard arguments.count == 6, let x = Double(arguments[3]), let y = Double(arguments[4]) else {
    print("usage: embed-in-app BUNDLE.samus IMAGE X Y MASK.png")
    exit(64)
}
do {
    let segmenter = try await Segmenter.load(contentsOf: URL(fileURLWithPath: arguments[1]))
    let scan = try await segmenter.encode(contentsOf: URL(fileURLWithPath: arguments[2]))
    let mask = try await scan.mask(for: .point(x: x, y: y))
    try mask.pngData().write(to: URL(fileURLWithPath: arguments[5]))
    print("\(mask.area) pixels, IoU estimate \(mask.iouEstimate), \(arguments[5])")
} catch {
    print(error.localizedDescription)
    exit(1)
}
