"""Makes a small dataset in the US30K layout with Python's standard library alone: bright discs on grey.

    made_up_data.py FOLDER [SIZE [TRAIN VALIDATION TEST]]
"""

import os
import struct
import sys
import zlib


def write_png(path, size, pixels):
    """Writes a square grey image."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[row * size:(row + 1) * size] for row in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def draw(number, size):
    """Returns the pixels of an image and of its mask."""
    unit = size / 64
    x, y, radius = (16 + 7 * number % 30) * unit, (18 + 11 * number % 28) * unit, (8 + number % 5) * unit
    image, mask = bytearray(size * size), bytearray(size * size)
    for row in range(size):
        for column in range(size):
            inside = (column - x) ** 2 + (row - y) ** 2 < radius * radius
            image[row * size + column] = (150 if inside else 40) + (row * 31 + column * 17 + number * 7) % 40
            mask[row * size + column] = 255 if inside else 0
    return bytes(image), bytes(mask)


def write(root, size=64, counts=(6, 2, 2)):
    """Writes the dataset `Disc` with its lists."""
    for folder in ("MainPatient", "Disc/img", "Disc/label"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    with open(os.path.join(root, "MainPatient/class.json"), "w") as file:
        file.write('{"Disc": 2}')
    number = 0
    for split, count in zip(("train", "val", "test"), counts):
        lines = []
        for _ in range(count):
            for folder, pixels in zip(("img", "label"), draw(number, size)):
                write_png(os.path.join(root, "Disc", folder, f"p{number}.png"), size, pixels)
            lines.append(("" if split == "test" else "1/") + f"Disc/p{number}\n")
            number += 1
        for name in (split, f"{split}-Disc"):
            with open(os.path.join(root, "MainPatient", f"{name}.txt"), "w") as file:
                file.writelines(lines)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    write(sys.argv[1], *(numbers[:1] or [64]), counts=tuple(numbers[1:4]) or (6, 2, 2))
