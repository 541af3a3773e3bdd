#!/usr/bin/env python3
"""Makes Tests/Fixtures/imaging: small pictures, and what other programs make of them.

Needs numpy, pillow, opencv-python-headless, torch, pycocotools. Every number comes from the seed
below; no picture of a patient is involved. Run from the package's root:

    python3 Scripts/make-imaging-fixtures.py
"""

import base64
import io
import json
import pathlib
import struct
import zlib

import cv2
import numpy as np
import PIL
import pycocotools.mask
import torch
from PIL import Image

SEED = 20240607
FOLDER = pathlib.Path("Tests/Fixtures/imaging")
random = np.random.default_rng(SEED)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def smooth(height, width, channels, top=255):
    """Waves with some noise: compresses a little, and has every level."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    phase = random.uniform(0, 6, 3)
    wave = np.sin(x / 5 + phase[0] + c) + np.cos(y / 4 + phase[1] - 2 * c)
    noise = random.normal(0, 0.25, wave.shape)
    return np.clip((wave + noise + 2) / 4 * top, 0, top).round().astype(np.int64)


# PNG, written here because no library writes every kind.


def chunk(kind, body, crc_error=0):
    check = zlib.crc32(kind + body) ^ crc_error
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def filtered(row, above, kind, step):
    left = np.concatenate([np.zeros(step, int), row[:-step]]) if step <= len(row) else 0 * row
    corner = np.concatenate([np.zeros(step, int), above[:-step]]) if step <= len(row) else 0 * row
    if kind == 0:
        guess = 0 * row
    elif kind == 1:
        guess = left
    elif kind == 2:
        guess = above
    elif kind == 3:
        guess = (left + above) // 2
    else:
        p = left + above - corner
        a, b, c = abs(p - left), abs(p - above), abs(p - corner)
        guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
    return bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes()


def scanlines(samples, depth):
    height, width, channels = samples.shape
    if width == 0 or height == 0:
        return b""
    if depth == 16:
        rows = np.stack([samples >> 8, samples & 255], -1).reshape(height, -1)
    elif depth == 8:
        rows = samples.reshape(height, -1)
    else:
        bits = (samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1).astype(int)
    step = max(channels * depth // 8, 1)
    above = np.zeros(rows.shape[1], int)
    out = b""
    for row in rows:
        out += filtered(row, above, int(random.integers(0, 5)), step)
        above = row
    return out


def png(samples, depth, colour, interlaced=False, before=(), after=()):
    """samples: [H, W, C] integers; before, after: chunks around the pixels."""
    height, width, _ = samples.shape
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        data = b"".join(scanlines(samples[y::sy, x::sx], depth) for y, x, sy, sx in passes)
    else:
        data = scanlines(samples, depth)
    packed = zlib.compress(data, 9)
    half = len(packed) // 2
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    parts = [chunk(b"IHDR", header), *before, chunk(b"IDAT", packed[:half]), chunk(b"IDAT", packed[half:])]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + b"".join(after) + chunk(b"IEND", b"")


def palette(count):
    return chunk(b"PLTE", random.integers(0, 256, 3 * count).astype(np.uint8).tobytes())


GAMMA = chunk(b"gAMA", struct.pack(">I", 100000))
SRGB = chunk(b"sRGB", b"\0")
WIDE = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))

pictures = {}
channels_of = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
for name, colour, depths in [
    ("grey", 0, [1, 2, 4, 8, 16]), ("rgb", 2, [8, 16]), ("palette", 3, [1, 2, 4, 8]),
    ("grey-alpha", 4, [8, 16]), ("rgb-alpha", 6, [8, 16]),
]:
    for depth in depths:
        for interlaced in (False, True):
            samples = smooth(17, 13, channels_of[colour], 2**depth - 1)
            before = [palette(2**depth)] if colour == 3 else []
            suffix = "-interlaced" if interlaced else ""
            pictures[f"{name}{depth}{suffix}.png"] = png(samples, depth, colour, interlaced, before)
pictures["one-pixel.png"] = png(smooth(1, 1, 1), 8, 0)
pictures["gamma8.png"] = png(smooth(9, 11, 3), 8, 2, before=[GAMMA])
pictures["gamma16.png"] = png(smooth(9, 11, 3, 65535), 16, 2, before=[GAMMA])
pictures["gamma16-grey.png"] = png(smooth(9, 11, 1, 65535), 16, 0, before=[GAMMA])
pictures["srgb16.png"] = png(smooth(9, 11, 3, 65535), 16, 2, before=[SRGB, WIDE])
pictures["gamma-alpha8.png"] = png(smooth(9, 11, 4), 8, 6, before=[GAMMA, WIDE])
pictures["palette-transparent.png"] = png(
    smooth(9, 11, 1, 15), 4, 3, before=[palette(16), chunk(b"tRNS", bytes(range(0, 256, 16)))])
pictures["grey-transparent.png"] = png(smooth(9, 11, 1, 15), 4, 0, before=[chunk(b"tRNS", b"\0\7")])
pictures["rgb-transparent.png"] = png(smooth(9, 11, 3), 8, 2, before=[chunk(b"tRNS", b"\0\7\0\7\0\7")])
# Labels of 16 bits: the picture loses the low byte, the mask must not.
pictures["label16.png"] = png(np.array([[[0], [1]], [[256], [0]]]), 16, 0)
pictures["text.png"] = png(
    smooth(9, 11, 1), 8, 0, before=[chunk(b"tEXt", b"Comment\0words")], after=[chunk(b"zTXt", b"k\0\0" + zlib.compress(b"more"))])

subsampling = {"444": 0x111111, "422": 0x211111, "420": 0x221111, "440": 0x121111, "411": 0x411111}
colour_picture = smooth(27, 37, 3).astype(np.uint8)
for name, factor in subsampling.items():
    flags = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    pictures[f"rgb-{name}.jpg"] = cv2.imencode(".jpg", colour_picture, flags)[1].tobytes()


def pil_jpeg(array, **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", quality=85, **options)
    return out.getvalue()


pictures["grey.jpg"] = pil_jpeg(colour_picture[..., 0])
pictures["grey-progressive.jpg"] = pil_jpeg(colour_picture[..., 1], progressive=True)
pictures["rgb-progressive.jpg"] = pil_jpeg(colour_picture, progressive=True)
pictures["rgb-restarts.jpg"] = pil_jpeg(colour_picture, restart_marker_blocks=2)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pictures[f"orientation{orientation}.jpg"] = pil_jpeg(colour_picture[:10, :14], exif=exif)

# What OpenCV and Pillow read. Where Pillow differs it is by a rule of its own, listed here.
pillow_differs = []
described = []
for name, data in sorted(pictures.items()):
    raw = np.frombuffer(data, np.uint8)
    bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    assert bgr is not None and bgr.dtype == np.uint8, name
    rgb = bgr[..., ::-1]
    pil = Image.open(io.BytesIO(data))
    is_grey = name.startswith(("grey", "gamma16-grey", "one-pixel", "text", "label16"))
    if is_grey:
        assert (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all(), name
    expected = rgb[..., :1] if is_grey else rgb
    if pil.mode.startswith("I"):
        by_pillow = np.array(pil).astype(int) >> 8
    elif pil.mode == "RGBA":  # also what Pillow makes of 16-bit grey with alpha
        by_pillow = np.array(pil)[..., :1 if is_grey else 3]
    else:
        by_pillow = np.array(pil.convert("L" if is_grey else "RGB"))
    if by_pillow.shape[:2] != expected.shape[:2] or (by_pillow.reshape(expected.shape) != expected).any():
        pillow_differs.append(name)
    (FOLDER / name).write_bytes(data)
    height, width, channels = expected.shape
    described.append({"file": name, "width": width, "height": height, "channels": channels, "pixels": text(expected)})
print("Pillow differs from OpenCV on:", pillow_differs)

# Bad files that take some making.
black = np.zeros((8, 8, 1), int)


def header_only(width, height):
    body = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body) + chunk(b"IDAT", zlib.compress(bytes(72))) + chunk(b"IEND", b"")


bad = {
    "zero-size.png": header_only(0, 0),
    "huge-header.png": header_only(40000, 40000),
    "modest-lie.png": header_only(4000, 4000),
    "lies-about-rows.png": header_only(8, 80),
    "bad-header-checksum.png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0), 1)
    + png(black, 8, 0)[33:],
    "bad-data-checksum.png": png(black, 8, 0)[:33]
    + chunk(b"IDAT", zlib.compress(bytes(72)), 1) + chunk(b"IEND", b""),
    "bad-adler.png": png(black, 8, 0)[:33] + chunk(b"IDAT", zlib.compress(bytes(72))[:-1] + b"\7") + chunk(b"IEND", b""),
}
out = io.BytesIO()
Image.fromarray(colour_picture[:16, :16]).convert("CMYK").save(out, "JPEG")
bad["cmyk.jpg"] = out.getvalue()
# A real bomb: 36 megapixels of nothing in 36 kB; within the limits it is a picture, above it is not.
rows = zlib.compress(bytes(6001 * 6000), 9)
bad["bomb.png"] = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 6000, 6000, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
# 20 MB of text in 20 kB: must be skipped, not unpacked.
bad["text-bomb.png"] = png(black, 8, 0, before=[chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(20 << 20), 9))])
for name, data in bad.items():
    (FOLDER / name).write_bytes(data)

# Grey as OpenCV rounds it, in its two ways.
colours = random.integers(0, 256, (40, 50, 3)).astype(np.uint8)
grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
read_grey = cv2.imdecode(cv2.imencode(".png", colours[..., ::-1])[1], cv2.IMREAD_GRAYSCALE)

pillow = []
for height, width, channels, new_height, new_width in [
    (23, 31, 1, 10, 12), (23, 31, 3, 40, 55), (40, 9, 3, 7, 30), (12, 50, 1, 12, 17), (50, 12, 1, 19, 12),
    (1, 1, 3, 5, 4), (33, 29, 1, 1, 1), (7, 7, 3, 7, 7), (64, 48, 1, 21, 16), (60, 20, 3, 12, 15),
]:
    array = random.integers(0, 256, (height, width, channels)).astype(np.uint8)
    image = Image.fromarray(array.squeeze(-1) if channels == 1 else array)
    pillow.append({
        "width": width, "height": height, "channels": channels, "newWidth": new_width, "newHeight": new_height,
        "pixels": text(array), "bilinear": text(np.array(image.resize((new_width, new_height), Image.BILINEAR))),
        "nearest": text(np.array(image.resize((new_width, new_height), Image.NEAREST))),
    })

planes = []
for channels, height, width, new_height, new_width in [
    (1, 23, 31, 10, 12), (3, 40, 33, 16, 13), (2, 9, 8, 31, 40), (1, 16, 16, 31, 37), (1, 30, 8, 11, 20), (2, 1, 1, 3, 2),
]:
    array = random.normal(0, 4, (1, channels, height, width)).astype(np.float32)
    resized = {
        key: text(torch.nn.functional.interpolate(
            torch.from_numpy(array), (new_height, new_width), mode="bilinear", align_corners=False, antialias=antialias).numpy())
        for key, antialias in (("plain", False), ("antialiased", True))
    }
    planes.append({"channels": channels, "height": height, "width": width, "newWidth": new_width, "newHeight": new_height,
                   "values": text(array), **resized})

# LiteMedSAM's preparation: longest side to a fixed length, then min-max.
prepared = []
for height, width in ((50, 36), (20, 30)):
    array = smooth(height, width, 3).astype(np.uint8)
    scale = 32 / max(height, width)
    new_height, new_width = int(height * scale + 0.5), int(width * scale + 0.5)
    tensor = torch.from_numpy(array).float().permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(tensor, (new_height, new_width), mode="bilinear", align_corners=False, antialias=True)
    small = (small - small.min()) / (small.max() - small.min()).clamp_min(1e-8)
    prepared.append({"channels": 3, "height": height, "width": width, "newWidth": new_width, "newHeight": new_height,
                     "pixels": text(array), "prepared": text(small.numpy())})

masks = []
for height, width, share in [(1, 1, 0.0), (1, 1, 1.0), (20, 30, 0.5), (17, 9, 0.9), (31, 40, 0.15), (64, 50, 0.0), (40, 60, 2.0)]:
    if share > 1:
        y, x = np.mgrid[0:height, 0:width]
        array = (((x - 30) / 25) ** 2 + ((y - 20) / 15) ** 2 < 1) & ~(((x - 32) / 9) ** 2 + ((y - 18) / 5) ** 2 < 1)
        array |= (x > 55) & (y > 36)
    else:
        array = random.uniform(0, 1, (height, width)) < share
    array = array.astype(np.uint8)
    run = pycocotools.mask.encode(np.asfortranarray(array))
    counts, current, run_length = [], 0, 0
    for value in array.T.reshape(-1):
        if value != current:
            counts.append(run_length)
            run_length, current = 0, value
        run_length += 1
    counts.append(run_length)
    again = pycocotools.mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    assert again["counts"] == run["counts"]
    entry = {"width": width, "height": height, "values": text(array), "counts": counts, "compressed": run["counts"].decode()}
    for connectivity in (4, 8):
        number, labels = cv2.connectedComponents(array, connectivity=connectivity)
        entry[f"components{connectivity}"] = sorted(int((labels == k).sum()) for k in range(1, number))
    masks.append(entry)

versions = {"opencv": cv2.__version__, "pillow": PIL.__version__, "torch": torch.__version__, "numpy": np.__version__}
document = {
    "seed": SEED, "versions": versions, "pillowDiffersFromOpenCV": pillow_differs, "images": described,
    "colours": {"width": 50, "height": 40, "pixels": text(colours), "grey": text(grey),
                "readGrey": text(read_grey)},
    "pillow": pillow, "torch": planes, "prepared": prepared, "masks": masks,
}
(FOLDER / "expected.json").write_text(json.dumps(document, indent=1) + "\n")
print(sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes")
