// Outlines what a click points at: embed-in-app BUNDLE.samus PICTURE X Y OVERLAY.png
//
// Research use only, not a medical device: look at every outline.

import Foundation
import SAMUSKit

let arguments = CommandLine.arguments
guard arguments.count == 6, let x = Double(arguments[3]), let y = Double(arguments[4]) else {
    print("usage: embed-in-app BUNDLE.samus PICTURE X Y OVERLAY.png")
    exit(64)
}
do {
    let samus = try await SAMUS(bundle: URL(fileURLWithPath: arguments[1]))
    let image = try Image.read(arguments[2])
    let found = try await samus.segment(image, .point(x: x, y: y))
    let overlay = Overlay(
        objects: [OverlayObject(mask: found.mask, clicks: [PixelPoint(x: x, y: y)])],
        caption: samus.model.name)
    try Data(overlay.draw(on: image).encodedPNG())
        .write(to: URL(fileURLWithPath: arguments[5]))
    print("\(found.mask.area) pixels, IoU estimate \(found.iouEstimate), \(arguments[5])")
} catch {
    print("\(error)")
    exit(1)
}
