"""Writes Tests/Fixtures/torch: what PyTorch computes for each operator and layer of this package.

    python Scripts/make-torch-fixtures.py

Needs torch, numpy and safetensors. A case of an operator holds its inputs, outputs, a random
cotangent for each output that has gradients, and the gradient of each input; a case of a layer
also its weights and their gradients. The Swift tests run the case of the same name.
"""

import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20240917
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "torch"
generator = torch.Generator().manual_seed(SEED)


def normal(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=generator).to(dtype)


def positive(*shape):
    return torch.rand(shape, generator=generator) * 2 + 0.25


def integers(low, high, *shape, dtype=torch.int64):
    return torch.randint(low, high, shape, generator=generator).to(dtype)


def truths(*shape):
    return torch.rand(shape, generator=generator) > 0.5


def write(name, tensors):
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Each tensor with memory of its own: safetensors refuses views of one storage.
    tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    metadata = {"seed": str(SEED), "torch": torch.__version__.split("+")[0]}
    save_file(tensors, FOLDER / f"{name}.safetensors", metadata)


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def differentiate(outputs, variables):
    """Random cotangents and the gradients they give, by position among the variables."""
    chosen = [i for i, output in enumerate(outputs) if output.requires_grad]
    cotangents = {i: normal(*outputs[i].shape, dtype=outputs[i].dtype) for i in chosen}
    if not chosen:
        return {}, [None] * len(variables)
    gradients = torch.autograd.grad(
        [outputs[i] for i in chosen], variables, [cotangents[i] for i in chosen],
        allow_unused=True)
    return cotangents, gradients


def operator(function, *inputs):
    """One case of an operator."""
    inputs = [x.clone().requires_grad_(x.dtype.is_floating_point) for x in inputs]
    outputs = as_list(function(*inputs))
    variables = [(i, x) for i, x in enumerate(inputs) if x.requires_grad]
    cotangents, gradients = differentiate(outputs, [x for _, x in variables])
    case = {f"input.{i}": x for i, x in enumerate(inputs)}
    case |= {f"output.{i}": x for i, x in enumerate(outputs)}
    case |= {f"cotangent.{i}": x for i, x in cotangents.items()}
    case |= {f"gradient.{i}": g for (i, _), g in zip(variables, gradients) if g is not None}
    return case


def layer(module, *inputs, training=True):
    """One case of a layer: weights before and buffers after the forward pass."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape) * 0.5)
        for name, buffer in module.named_buffers():
            if buffer.dtype.is_floating_point:
                buffer.copy_(positive(*buffer.shape))
    module.train(training)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    inputs = [x.clone().requires_grad_(x.dtype.is_floating_point) for x in inputs]
    outputs = as_list(module(*inputs))
    variables = [(f"gradient.{i}", x) for i, x in enumerate(inputs) if x.requires_grad]
    variables += [(f"weight-gradient.{n}", p) for n, p in module.named_parameters()]
    cotangents, gradients = differentiate(outputs, [x for _, x in variables])
    case = {f"input.{i}": x for i, x in enumerate(inputs)}
    case |= {f"output.{i}": x for i, x in enumerate(outputs)}
    case |= {f"cotangent.{i}": x for i, x in cotangents.items()}
    case |= {key: g for (key, _), g in zip(variables, gradients) if g is not None}
    case |= {f"weights.{name}": value for name, value in weights.items()}
    case |= {f"after.{name}": value.clone() for name, value in module.named_buffers()}
    return case


def write_cases(name, cases):
    write(name, {f"{case}.{key}": x for case, found in cases.items() for key, x in found.items()})


def arithmetic():
    a, b, p = normal(2, 3, 4), normal(3, 1), positive(2, 3, 4)
    whole, small = integers(-9, 9, 2, 3), integers(1, 9, 3, dtype=torch.int32)
    write_cases("arithmetic", {
        "add": operator(lambda x, y: x + y, a, b),
        "add-scalar": operator(lambda x: x + 2.5, a),
        "scalar-add": operator(lambda x: 2 + x, a),
        "add-int-to-integers": operator(lambda x: x + 3, whole),
        "add-float-to-integers": operator(lambda x: x + 1.5, whole),
        "add-mixed-types": operator(lambda x, y: x + y, whole, normal(2, 3)),
        "add-doubles": operator(lambda x, y: x + y, normal(3, dtype=torch.float64), normal(2, 1)),
        "subtract": operator(lambda x, y: x - y, b, a),
        "subtract-scalar": operator(lambda x: x - 2.5, a),
        "scalar-subtract": operator(lambda x: 2.5 - x, a),
        "multiply": operator(lambda x, y: x * y, a, b),
        "multiply-scalar": operator(lambda x: x * 3, a),
        "scalar-multiply": operator(lambda x: 0.5 * x, a),
        "divide": operator(lambda x, y: x / y, b, p),
        "divide-scalar": operator(lambda x: x / 3, a),
        "scalar-divide": operator(lambda x: 3 / x, p),
        "divide-integers": operator(lambda x, y: x / y, whole, small),
        "negate": operator(lambda x: -x, a),
        "reciprocal": operator(torch.reciprocal, p),
        "power": operator(lambda x: x ** 2.5, p),
        "square": operator(lambda x: x ** 2.0, a),
        "square-root": operator(torch.sqrt, p),
        "reciprocal-square-root": operator(torch.rsqrt, p),
        "exp": operator(torch.exp, a),
        "log": operator(torch.log, p),
        "sin": operator(torch.sin, a),
        "cos": operator(torch.cos, a),
        "tanh": operator(torch.tanh, a),
        "abs": operator(torch.abs, a),
        "clamp": operator(lambda x: x.clamp(-0.5, 0.75), a),
        "clamp-below": operator(lambda x: x.clamp(min=-0.5), a),
        "clamp-above": operator(lambda x: x.clamp(max=0.75), a),
        "maximum": operator(torch.maximum, a, b),
        "minimum": operator(torch.minimum, a, b),
        "matmul": operator(torch.matmul, normal(3, 5), normal(5, 4)),
        "matmul-vector": operator(torch.matmul, normal(3, 5), normal(5)),
        "matmul-broadcast": operator(torch.matmul, normal(2, 1, 3, 5), normal(4, 5, 2)),
    })


def comparison():
    a, b = integers(-3, 3, 2, 3, dtype=torch.float32), integers(-3, 3, 3, dtype=torch.float32)
    p, q = truths(2, 3), truths(3)
    odd = torch.tensor([1.0, math.inf, -math.inf, math.nan])
    write_cases("comparison", {
        "greater": operator(lambda x, y: x > y, a, b),
        "greater-scalar": operator(lambda x: x > 1, a),
        "less": operator(lambda x, y: x < y, a, b),
        "less-scalar": operator(lambda x: x < 0.5, a),
        "equal": operator(lambda x, y: x == y, a, b),
        "equal-scalar": operator(lambda x: x == 1, a),
        "differs-scalar": operator(lambda x: x != 1, a),
        "or": operator(torch.logical_or, p, q),
        "and": operator(torch.logical_and, p, q),
        "not": operator(torch.logical_not, p),
        "finite": operator(torch.isfinite, odd),
        "select": operator(torch.where, p, normal(2, 3), normal(3)),
        "masked-fill": operator(lambda x, m: x.masked_fill(m, -2.0), normal(2, 3), q),
    })


def shape():
    a = normal(2, 3, 4)
    write_cases("shape", {
        "reshape": operator(lambda x: x.reshape(4, -1), a),
        "permute": operator(lambda x: x.permute(2, 0, 1), a),
        "transpose": operator(lambda x: x.transpose(-1, 0), a),
        "flatten": operator(lambda x: x.flatten(1), a),
        "unsqueeze": operator(lambda x: x.unsqueeze(-1), a),
        "squeeze": operator(lambda x: x.squeeze(1), normal(2, 1, 3)),
        "expand": operator(lambda x: x.expand(4, -1, 3), normal(2, 1)),
        "repeat-elements": operator(lambda x: x.repeat_interleave(3, 1), a),
        "split": operator(lambda x: x.split([1, 3], -1), a),
        "unbind": operator(lambda x: x.unbind(1), a),
        "flip": operator(lambda x: x.flip([0, 2]), a),
        "pad": operator(lambda x: F.pad(x, [1, 2, 0, 1], value=0.5), a),
        "pad-negative": operator(lambda x: F.pad(x, [-1, 1]), a),
        "roll": operator(lambda x: x.roll([1, -2], [0, 2]), a),
        "concatenate": operator(lambda x, y: torch.cat([x, y], -1), a, normal(2, 3, 1)),
        "stack": operator(lambda x, y: torch.stack([x, y], 1), a, normal(2, 3, 4)),
        "zeros-like": operator(torch.zeros_like, integers(0, 9, 2, 3)),
        "ones-like": operator(torch.ones_like, normal(2, 3, dtype=torch.float16).double()),
    })


def reduction():
    a, logits = normal(2, 3, 4), normal(4, 5)
    write_cases("reduction", {
        "sum": operator(torch.sum, a),
        "sum-axes": operator(lambda x: x.sum([0, -1]), a),
        "sum-keeping": operator(lambda x: x.sum([1], keepdim=True), a),
        "sum-integers": operator(torch.sum, integers(0, 9, 7, dtype=torch.int32)),
        "mean": operator(torch.mean, a),
        "mean-axes": operator(lambda x: x.mean([0, -1]), a),
        "mean-keeping": operator(lambda x: x.mean([1], keepdim=True), a),
        "max": operator(torch.max, a),
        "min": operator(torch.min, a),
        "max-axes": operator(lambda x: x.amax([0, 2]), a),
        "min-axes": operator(lambda x: x.amin([1], keepdim=True), a),
        "argmax": operator(lambda x: x.argmax(-1), a),
        "argmax-keeping": operator(lambda x: x.argmax(1, keepdim=True), a),
        "any": operator(torch.any, truths(5)),
        "all": operator(torch.all, truths(5)),
        "softmax": operator(lambda x: x.softmax(1), a),
        "log-softmax": operator(lambda x: x.log_softmax(-1), a),
        "cumulative-sum": operator(lambda x: x.cumsum(1), a),
        "sort": operator(lambda x: torch.sort(x, -1), logits),
        "sort-descending": operator(lambda x: torch.sort(x, 0, descending=True), logits),
        "largest": operator(lambda x: torch.topk(x, 2, -1), logits),
    })


def losses():
    logits, target = normal(2, 1, 4, 4), truths(2, 1, 4, 4).float()
    scores, classes = normal(2, 3, 4, 4), integers(0, 3, 2, 4, 4)
    hole = classes.clone()
    hole[0, 0] = -100
    bce, ce = F.binary_cross_entropy_with_logits, F.cross_entropy
    write_cases("losses", {
        "bce": operator(lambda x, y: bce(x, y), logits, target),
        "bce-weighted": operator(
            lambda x, y, p: bce(x, y, pos_weight=p.detach()), logits, target, torch.tensor([2.5])),
        "bce-each": operator(lambda x, y: bce(x, y, reduction="none"), logits, target),
        "bce-sum": operator(lambda x, y: bce(x, y, reduction="sum"), logits, target),
        "cross-entropy": operator(lambda x, y: ce(x, y), scores, classes),
        "cross-entropy-weighted": operator(
            lambda x, y, w: ce(x, y, weight=w.detach(), ignore_index=-100), scores, hole,
            torch.tensor([0.5, 1.0, 2.0])),
        "mean-square": operator(lambda x, y: F.mse_loss(x, y), logits, target),
        "mean-square-each": operator(
            lambda x, y: F.mse_loss(x, y, reduction="none"), logits, target),
    })


def convolution_case(inputs, outputs, kernel, bias=True, groups=1, **options):
    x, w = normal(2, inputs, 6, 5), normal(outputs, inputs // groups, *kernel)
    if bias:
        return operator(
            lambda x, w, b: F.conv2d(x, w, b, groups=groups, **options), x, w, normal(outputs))
    return operator(lambda x, w: F.conv2d(x, w, groups=groups, **options), x, w)


def layer_operators():
    a, picture = normal(2, 3, 4), normal(2, 3, 6, 5)
    q, k, v = normal(2, 2, 5, 4), normal(2, 2, 6, 4), normal(2, 2, 6, 4)
    attention, resize = F.scaled_dot_product_attention, F.interpolate

    def transposed(bias, **options):
        inputs = [normal(2, 4, 3, 4), normal(4, 2, 3, 3)] + ([normal(2)] if bias else [])
        return operator(lambda *x: F.conv_transpose2d(*x, **options), *inputs)

    def bilinear(height, width, antialias=False):
        return operator(
            lambda x: resize(
                x, (height, width), mode="bilinear", align_corners=False, antialias=antialias),
            picture)

    mean, variance = normal(3), positive(3)
    write_cases("layers", {
        "relu": operator(F.relu, a),
        "gelu": operator(F.gelu, a),
        "sigmoid": operator(torch.sigmoid, a),
        "linear": operator(F.linear, a, normal(5, 4), normal(5)),
        "linear-plain": operator(F.linear, a, normal(5, 4)),
        "convolution": convolution_case(3, 4, (3, 3), padding=1),
        "convolution-strided": convolution_case(3, 4, (3, 2), bias=False, stride=2),
        "convolution-grouped": convolution_case(4, 6, (3, 3), groups=2, padding=2, dilation=2),
        "convolution-depthwise": convolution_case(4, 4, (3, 3), groups=4, padding=1),
        "transposed-convolution": transposed(True, stride=2),
        "transposed-convolution-padded": transposed(
            False, stride=2, padding=1, output_padding=1),
        "transposed-convolution-grouped": operator(
            lambda x, w: F.conv_transpose2d(x, w, groups=2), normal(2, 4, 3, 4),
            normal(4, 3, 2, 2)),
        "layer-norm": operator(
            lambda x, w, b: F.layer_norm(x, (4,), w, b, 1e-5), a, normal(4), normal(4)),
        "layer-norm-two-axes": operator(lambda x: F.layer_norm(x, (3, 4), eps=1e-6), a),
        "batch-norm-training": operator(
            lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5), picture,
            normal(3), normal(3)),
        "batch-norm-inference": operator(
            lambda x, w, b, m, s: F.batch_norm(x, m.detach(), s.detach(), w, b, False, 0.1, 1e-3),
            picture, normal(3), normal(3), mean, variance),
        "embedding": operator(lambda r, t: F.embedding(r, t), integers(0, 6, 2, 3), normal(6, 4)),
        "max-pool": operator(lambda x: F.max_pool2d(x, 2), picture),
        "max-pool-padded": operator(lambda x: F.max_pool2d(x, 3, 2, 1), picture),
        "average-pool": operator(lambda x: F.avg_pool2d(x, 2), picture),
        "average-pool-padded": operator(lambda x: F.avg_pool2d(x, 3, 2, 1), picture),
        "bilinear-up": bilinear(11, 13),
        "bilinear-down": bilinear(3, 2),
        "bilinear-antialias": bilinear(3, 2, antialias=True),
        "bilinear-antialias-up": bilinear(9, 7, antialias=True),
        "attention": operator(attention, q, k, v),
        "attention-masked": operator(
            lambda q, k, v, m: attention(q, k, v, attn_mask=m, scale=0.3), q, k, v, normal(5, 6)),
    })


def indexing():
    x, places, mask = normal(4, 5, 6), integers(0, 4, 3), truths(4)
    grid, wide = integers(0, 4, 2, 3), truths(4, 5)
    columns = integers(0, 5, 3)
    write_cases("indexing", {
        "first": operator(lambda x: x[0], x),
        "last": operator(lambda x: x[-1], x),
        "two": operator(lambda x: x[1, -2], x),
        "range": operator(lambda x: x[1:3], x),
        "range-from": operator(lambda x: x[:, 2:], x),
        "range-from-negative": operator(lambda x: x[-2:], x),
        "range-to": operator(lambda x: x[:3], x),
        "range-to-negative": operator(lambda x: x[:, :-2], x),
        "range-closed": operator(lambda x: x[1:4], x),
        "range-beyond": operator(lambda x: x[2:9], x),
        "step": operator(lambda x: x[:, ::2], x),
        "step-within": operator(lambda x: x[:, :, 1:-1:3], x),
        "all-then-range": operator(lambda x: x[:, 1:2, 3], x),
        "new-axis": operator(lambda x: x[:, None, 1], x),
        "rest-then-last": operator(lambda x: x[..., -1], x),
        "first-rest-last": operator(lambda x: x[0, ..., None, 2], x),
        "empty-rest": operator(lambda x: x[0, ..., 1, 2], x),
        "places": operator(lambda x, i: x[i], x, places),
        "places-second": operator(lambda x, i: x[:, i], x, places),
        "places-grid": operator(lambda x, i: x[i], x, grid),
        "places-grid-then-range": operator(lambda x, i: x[i, 1:3], x, grid),
        "places-paired": operator(lambda x, i, j: x[i, j], x, places, columns),
        "places-apart": operator(lambda x, i, j: x[i, :, j], x, places, columns),
        "mask": operator(lambda x, m: x[m], x, mask),
        "mask-two-axes": operator(lambda x, m: x[m], x, wide),
        "mask-then-range": operator(lambda x, m: x[m, 2:4], x, wide),
        "mask-rest-last": operator(lambda x, m: x[m, ..., -1], x, wide),
        "index-select": operator(lambda x, i: x.index_select(-1, i), x, places),
        "gather": operator(lambda x, i: x.gather(1, i), x, integers(0, 5, 4, 2, 6)),
    })


def conversion():
    """Numbers of every type, and what each becomes as every other."""
    types = {
        "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16,
        "float64": torch.float64, "int64": torch.int64, "int32": torch.int32,
        "uint8": torch.uint8, "bool": torch.bool,
    }
    numbers = torch.tensor([0.0, 1.0, 2.0, 3.14159265, 17.5, 100.0, 0.1, 63.996])
    tensors = {}
    for source, source_type in types.items():
        tensors[f"{source}.input"] = numbers.to(source_type)
        for target, target_type in types.items():
            tensors[f"{source}.{target}"] = numbers.to(source_type).to(target_type)
    write("conversion", tensors)


def random():
    tensors = {}
    for seed in [0, 1, 20240917]:
        def stream():
            return torch.Generator().manual_seed(seed)

        tensors |= {
            f"{seed}.uniform": torch.rand(3, 7, generator=stream()),
            f"{seed}.normal": torch.randn(5, generator=stream()),
            f"{seed}.normal-many": torch.randn(4, 25, generator=stream()),
            f"{seed}.integers": torch.randint(-5, 1000, (31,), generator=stream()),
            f"{seed}.permutation": torch.randperm(50, generator=stream()),
        }
        one = stream()
        tensors[f"{seed}.sequence.0"] = torch.rand(3, generator=one)
        tensors[f"{seed}.sequence.1"] = torch.randn(20, generator=one)
        torch.manual_seed(seed)
        tensors[f"{seed}.default"] = torch.rand(6)
    write("random", tensors)


class LayerNorm2d(nn.Module):
    """As segment-anything has it."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvBatchNorm(nn.Sequential):
    """As TinyViT has it."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, padding=0, groups=1):
        super().__init__()
        self.add_module("c", nn.Conv2d(
            inputs, outputs, kernel, stride, padding, groups=groups, bias=False))
        self.add_module("bn", nn.BatchNorm2d(outputs))


def modules():
    picture = normal(2, 4, 6, 5)
    write_cases("modules", {
        "linear": layer(nn.Linear(4, 3), normal(2, 5, 4)),
        "linear-plain": layer(nn.Linear(4, 3, bias=False), normal(2, 4)),
        "convolution": layer(nn.Conv2d(4, 6, 3, 2, 1), picture),
        "convolution-grouped": layer(nn.Conv2d(4, 6, 3, groups=2, bias=False), picture),
        "transposed-convolution": layer(nn.ConvTranspose2d(4, 3, 2, 2), picture),
        "transposed-convolution-plain": layer(nn.ConvTranspose2d(4, 3, 3, bias=False), picture),
        "layer-norm": layer(nn.LayerNorm(5), picture),
        "layer-norm-2d": layer(LayerNorm2d(4), picture),
        "batch-norm-training": layer(nn.BatchNorm2d(4), picture),
        "batch-norm-inference": layer(nn.BatchNorm2d(4, eps=1e-3), picture, training=False),
        "embedding": layer(nn.Embedding(6, 3), integers(0, 6, 2, 4)),
        "conv-batch-norm-training": layer(ConvBatchNorm(4, 6, 3, 2, 1), picture),
        "conv-batch-norm": layer(ConvBatchNorm(4, 6, 3, 2, 1), picture, training=False),
        "conv-batch-norm-grouped": layer(
            ConvBatchNorm(4, 8, 3, padding=1, groups=4), picture, training=False),
        "gelu": layer(nn.GELU(), picture),
        "relu": layer(nn.ReLU(), picture),
        "sequential": layer(
            nn.Sequential(nn.Linear(5, 6), nn.GELU(), nn.Linear(6, 2)), normal(3, 5)),
    })


def adam():
    """Weights after each of five steps, with the gradients each step was given."""
    tensors = {}
    for kind, optimizer in {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}.items():
        for decay in [0.0, 0.1]:
            name = f"{kind}-{decay}"
            weights = [normal(3, 4).requires_grad_(), normal(5).requires_grad_()]
            for i, weight in enumerate(weights):
                tensors[f"{name}.start.{i}"] = weight.detach().clone()
            steps = optimizer(
                weights, lr=0.05, betas=(0.8, 0.99), eps=1e-7, weight_decay=decay, fused=True)
            for step in range(5):
                for i, weight in enumerate(weights):
                    weight.grad = normal(*weight.shape)
                    tensors[f"{name}.gradient.{step}.{i}"] = weight.grad
                if step == 3:  # the learning rate of a schedule
                    steps.param_groups[0]["lr"] = 0.01
                steps.step()
                for i, weight in enumerate(weights):
                    tensors[f"{name}.after.{step}.{i}"] = weight.detach().clone()
    write("adam", tensors)


def autocast():
    x, w, b, n = normal(2, 8), normal(4, 8), normal(4), normal(4)
    with torch.autocast("cpu", torch.bfloat16):
        product = F.linear(x, w, b)
        scores = product.softmax(-1)
        normed = F.layer_norm(product, (4,), n)
    write("autocast", {
        "x": x, "weight": w, "bias": b, "scale": n, "product": product, "scores": scores,
        "normed": normed,
    })


for make in [arithmetic, comparison, shape, reduction, losses, layer_operators, indexing,
             conversion, random, modules, adam, autocast]:
    make()
