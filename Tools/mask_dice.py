"""Compares a mask of `samus segment --format rle` with a reference mask, both in COCO's run lengths.

    mask_dice.py RESULT.rle.json REFERENCE.json

Prints their Dice overlap; exits with 1 when it is below 0.99. Needs only Python's standard library,
so that `make demo` needs no package.
"""

import json
import sys

TOLERANCE = 0.99


def decode_counts(text):
    """Decodes COCO's compressed run lengths: 5 bits a character, the differences to the run before
    the last."""
    counts, value, shift = [], 0, 0
    for character in text:
        group = ord(character) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value |= -1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def foreground(mask):
    """The indices of the foreground pixels, in COCO's order: column by column."""
    pixels, start = set(), 0
    for index, count in enumerate(decode_counts(mask["counts"])):
        if index % 2:
            pixels.update(range(start, start + count))
        start += count
    return pixels


def main(result_file, reference_file):
    with open(result_file) as file:
        result = json.load(file)["masks"][0]["segmentation"]
    with open(reference_file) as file:
        reference = json.load(file)
    if result["size"] != reference["size"]:
        sys.exit(f"the mask has size {result['size']}, the reference {reference['size']}")
    ours, theirs = foreground(result), foreground(reference)
    dice = 2 * len(ours & theirs) / (len(ours) + len(theirs))
    print(f"Dice of the box mask with that of LiteMedSAM's Python program: {dice:.4f} "
          f"(at least {TOLERANCE} expected)")
    sys.exit(0 if dice >= TOLERANCE else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
