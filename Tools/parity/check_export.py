"""Compares exported graphs with what the network computes on libtorch.

    check_export.py REFERENCE FOLDER [--tolerance T]

REFERENCE is a file of `samus-bench export-reference WEIGHTS REFERENCE`, FOLDER an exported bundle.
onnx checks each graph in full; onnxruntime and OpenVINO compute it in float32. Prints the largest
relative L2 difference of each, and exits with 1 where it is above the tolerance.
"""

import argparse
import pathlib
import sys

import numpy
import onnx
import onnxruntime
import openvino
from safetensors.numpy import load_file


def onnxruntime_run(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def openvino_run(path):
    core = openvino.Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: [value.copy() for value in compiled(inputs).values()]


def apart(found, expected):
    if found.shape != expected.shape:
        return float("inf")
    difference = numpy.linalg.norm((found - expected).astype("f8"))
    return float(difference / numpy.linalg.norm(expected.astype("f8")))


def decoder_inputs(reference, name, mask_side):
    mask = reference.get(f"{name}.mask")
    return {
        "image_embeddings": reference["embeddings"][:1],
        "point_coords": reference[f"{name}.points"],
        "point_labels": reference[f"{name}.labels"],
        "mask_input": numpy.zeros((1, 1, mask_side, mask_side), "f4") if mask is None else mask,
        "has_mask_input": numpy.array([mask is not None], "f4"),
    }


def encoder_input(folder):
    """The name of the encoder's input, and whether its batch is dynamic."""
    graph = onnx.load(str(folder / "encoder.onnx"), load_external_data=False).graph
    return graph.input[0].name, bool(graph.input[0].type.tensor_type.shape.dim[0].dim_param)


def check(make, folder, reference):
    """Yields what was compared and how far apart it is."""
    encode = make(str(folder / "encoder.onnx"))
    images, embeddings = reference["images"], reference["embeddings"]
    name, is_dynamic = encoder_input(folder)
    for count in (1, 2) if is_dynamic else (1,):
        yield f"encoder, {count}", apart(encode({name: images[:count]})[0], embeddings[:count])
    decode = make(str(folder / "decoder.onnx"))
    side = 4 * embeddings.shape[2]
    for name in sorted({key.split(".")[0] for key in reference if key.endswith(".points")}):
        masks, scores = decode(decoder_inputs(reference, name, side))
        yield f"{name}, masks", apart(masks, reference[f"{name}.logits"])
        yield f"{name}, scores", apart(scores, reference[f"{name}.iou"])
    if "auto.logits" in reference:
        masks, scores = make(str(folder / "auto.onnx"))({"image_embeddings": embeddings})
        yield "auto, masks", apart(masks, reference["auto.logits"])
        yield "auto, scores", apart(scores, reference["auto.iou"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()
    reference = load_file(options.reference)
    for path in sorted(options.folder.glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
    failed = False
    for runtime, make in (("onnxruntime", onnxruntime_run), ("OpenVINO", openvino_run)):
        found = dict(check(make, options.folder, reference))
        worst = max(found, key=found.get)
        print(f"{options.folder.name}: {runtime}: {len(found)} results, "
              f"at most {found[worst]:.1e} apart ({worst})")
        failed |= not found[worst] <= options.tolerance
    sys.exit(failed)


if __name__ == "__main__":
    main()
