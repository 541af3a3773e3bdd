"""Prints the Dice overlap of a `samus segment --format rle` file with a known COCO run length.

Exits 1 when it is below 0.99. Uses nothing but Python itself, so that `make demo` needs no more.
"""
import json
import sys


def pixels(coded):
    """The pixels inside, as places in COCO's order: column after column."""
    counts, value, shift = [], 0, 0
    for character in coded["counts"]:
        group = ord(character) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value |= -1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    inside, place = set(), 0
    for index, count in enumerate(counts):
        if index % 2:
            inside.update(range(place, place + count))
        place += count
    return inside


with open(sys.argv[1]) as found, open(sys.argv[2]) as known:
    found = json.load(found)["masks"][0]["segmentation"]
    known = json.load(known)
if found["size"] != known["size"]:
    sys.exit(f"the mask has size {found['size']}, the known one {known['size']}")
found, known = pixels(found), pixels(known)
dice = 2 * len(found & known) / (len(found) + len(known))
print(f"agreement with the mask of LiteMedSAM's Python program: Dice {dice:.4f}")
sys.exit(0 if dice >= 0.99 else 1)
