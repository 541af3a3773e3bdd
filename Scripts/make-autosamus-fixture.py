#!/usr/bin/env python3
"""Makes Tests/Fixtures/autosamus-small.safetensors: AutoSAMUS's own parts, small, with gradients.

The golden values beside the checkout, which the SAMUS authors' program made, are too large for the
repository: the heads are 512 wide even in the tiny model, and they have no gradients. So the
formulas are written here once more with PyTorch's operators, compared with those golden values,
and then evaluated with small random weights. A parameter without a gradient here has none there.

Needs: pip install numpy torch safetensors
"""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

root = pathlib.Path(__file__).resolve().parent.parent
golden = root.parent / "shared" / "golden"


class Parts:
    """The prompt generator and the feature adapter, as functions of named weights."""

    def __init__(self, weights, heads):
        self.weights = weights
        self.heads = heads

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def norm(self, x, name, eps=1e-5):
        weight = self.weights[name + ".weight"]
        return F.layer_norm(x, weight.shape, weight, self.weights[name + ".bias"], eps)

    def attention(self, x, context, name):
        x, context = self.norm(x, name + ".norm1"), self.norm(context, name + ".norm2")
        q = self.linear(x, name + ".fn.to_q")
        k, v = self.linear(context, name + ".fn.to_kv").chunk(2, dim=-1)
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        powers = (scores - scores.max(dim=-1, keepdim=True).values).exp()
        mixed = powers / (1 + powers.sum(dim=-1, keepdim=True)) @ v
        return self.linear(mixed.transpose(1, 2).flatten(2), name + ".fn.to_out.0")

    def feed_forward(self, x, name):
        hidden = self.linear(self.norm(x, name + ".norm"), name + ".fn.net.0").relu()
        return self.linear(hidden, name + ".fn.net.3")

    def cross(self, a, b, name):
        for layer in (f"{name}.layers.{index}." for index in range(2)):
            a, b = a + self.attention(a, b, layer + "0"), b + self.attention(b, a, layer + "1")
            a, b = a + self.feed_forward(a, layer + "2"), b + self.feed_forward(b, layer + "3")
        return a, b

    def generate(self, image, output):
        name = "prompt_generator."
        objects = self.weights[name + "object_token"]
        attended, _ = self.cross(objects, output[None], name + "cross_token_token")
        objects = objects + self.linear(attended, name + "token_proj")
        tokens = torch.cat([objects, output[None]], 1).expand(image.shape[0], -1, -1)
        cells = image.flatten(2).transpose(1, 2)
        cells, tokens = self.cross(cells, tokens, name + "cross_image_token")
        new_image = cells.transpose(1, 2).reshape(image.shape)
        return {
            "object_token": tokens[:, :1],
            "output_tokens": tokens[:, 1:],
            "new_image_embedding": new_image,
            "dense_prompt": self.adapt(new_image),
        }

    def adapt(self, x):
        for index in (0, 3, 6, 9):
            x = F.conv2d(x, self.weights[f"feature_adapter.{index}.weight"], padding=1)
            x = self.norm(x.permute(0, 2, 3, 1), f"feature_adapter.{index + 1}", 1e-6)
            x = F.gelu(x.permute(0, 3, 1, 2))
        return x


def check():
    """Compares with what the authors' program computed."""
    decoder = load_file(golden / "samus-tiny" / "weights.safetensors")
    output = torch.cat(
        [decoder["mask_decoder.iou_token.weight"], decoder["mask_decoder.mask_tokens.weight"]])
    weights = load_file(golden / "autosamus-tiny" / "extra-weights.safetensors")
    expected = load_file(golden / "autosamus-tiny" / "forward.safetensors")
    for name, found in Parts(weights, 8).generate(expected["image_embedding"], output).items():
        error = ((found - expected[name]).norm() / expected[name].norm()).item()
        print(f"{name}: relative L2 {error:.1e} from the authors' program")
        assert error < 1e-5, name
    return {name: tensor.shape for name, tensor in weights.items()}


def small(shape):
    """The shape of the tiny model's weight in the small one: two heads of 4, and so on."""
    sizes = {32: 12, 8: 3, 50: 4, 512: 8, 1024: 16}
    return [sizes.get(size, size) for size in shape]


shapes = check()
torch.manual_seed(0)
weights = {}
for name, shape in sorted(shapes.items()):
    values = torch.randn(small(shape))
    if name.endswith("object_token"):
        weights[name] = values
    elif values.dim() == 1:
        weights[name] = 0.1 * values + (1 if name.endswith("weight") else 0)
    else:
        weights[name] = values / values[0].numel() ** 0.5
    weights[name].requires_grad_()
image = torch.randn(2, 12, 5, 7)
output = torch.randn(5, 12)

found = Parts(weights, 2).generate(image, output)
factors = {name: torch.randn_like(tensor) for name, tensor in found.items()}
sum((factors[name] * tensor).sum() for name, tensor in found.items()).backward()

kept = {"image_embedding": image, "decoder_tokens": output}
kept |= {name: tensor.detach() for name, tensor in found.items()}
kept |= {"factor." + name: tensor for name, tensor in factors.items()}
kept |= {"weights." + name: tensor.detach() for name, tensor in weights.items()}
kept |= {"grad." + name: tensor.grad for name, tensor in weights.items() if tensor.grad is not None}

target = root / "Tests" / "Fixtures" / "autosamus-small.safetensors"
made_by = f"Scripts/make-autosamus-fixture.py, PyTorch {torch.__version__} CPU, seed 0"
save_file({name: tensor.contiguous() for name, tensor in kept.items()}, target, {"made_by": made_by})
print(f"{target.name}: {len(kept)} tensors, {target.stat().st_size} bytes")
