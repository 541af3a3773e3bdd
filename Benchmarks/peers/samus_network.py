"""SAMUS in eager PyTorch, written from the paper, to measure and compare with.

This is not the authors' code. It computes what their program computes, in the order that they describe
(arXiv:2309.06824, and the published structure of segment-anything), without optimizations: grey is
repeated to three channels, the position adapter runs on each call, windows are padded before qkv,
attention and its relative positions are written out. check_samus_network.py compares it with golden
values of the authors' program.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sam_network import MLP, LayerNorm2d, MaskDecoder, PromptEncoder

VIT_B = {
    "embed_dim": 768, "depth": 12, "num_heads": 12, "global_attn_indexes": [2, 5, 8, 11],
    "window_size": 14, "image_size": 256, "out_chans": 256, "mask_in_chans": 16,
    "decoder": {
        "depth": 2, "embedding_dim": 256, "mlp_dim": 2048, "num_heads": 8,
        "num_multimask_outputs": 3, "iou_head_depth": 3, "iou_head_hidden_dim": 256,
    },
}


def conv_norm_gelu(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), LayerNorm2d(outputs), nn.GELU()]


class ConvNormGELU(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Sequential(*conv_norm_gelu(inputs, outputs))

    def forward(self, x):
        return self.conv(x)


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), *conv_norm_gelu(inputs, outputs))

    def forward(self, x):
        return self.maxpool_conv(x)


class ConvolutionBranch(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inc = ConvNormGELU(3, 64)
        self.downs = nn.Sequential(Down(64, 128), Down(128, 256), Down(256, width))

    def forward(self, x):
        return self.downs(self.inc(x))


class PositionAdapter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.downs = nn.Sequential(Down(width, width))

    def forward(self, x):
        return self.downs(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class FeatureAdapter(nn.Module):
    def __init__(self, width, skip):
        super().__init__()
        self.D_fc1 = nn.Linear(width, width // 4)
        self.D_fc2 = nn.Linear(width // 4, width)
        self.skip = skip

    def forward(self, x):
        y = self.D_fc2(F.gelu(self.D_fc1(x)))
        return x + y if self.skip else y


class PatchEmbedding(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, 16, stride=8)

    def forward(self, x):
        # 8 more pixels make the count of overlapping patches equal to side / 8.
        size = (x.shape[-2] + 8, x.shape[-1] + 8)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        return self.proj(x).permute(0, 2, 3, 1)


def relative_positions(size, table):
    rows = torch.arange(size)
    return table[rows[:, None] - rows[None, :] + size - 1]


class Attention(nn.Module):
    """Attention over a square of tokens with decomposed relative positions."""

    def __init__(self, width, heads, size):
        super().__init__()
        self.qkv = nn.Linear(width, width * 3)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size - 1, width // heads))
        self.heads = heads

    def forward(self, x):
        b, h, w, d = x.shape
        c = d // self.heads
        qkv = self.qkv(x).reshape(b, h * w, 3, self.heads, c).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, b * self.heads, h * w, c).unbind(0)
        scores = (q * c ** -0.5) @ k.transpose(-2, -1)
        grid = q.reshape(b * self.heads, h, w, c)
        rows = torch.einsum("bhwc,hkc->bhwk", grid, relative_positions(h, self.rel_pos_h))
        columns = torch.einsum("bhwc,wkc->bhwk", grid, relative_positions(w, self.rel_pos_w))
        scores = (scores.view(b * self.heads, h, w, h, w) + rows[:, :, :, :, None]
                  + columns[:, :, :, None, :]).view(b * self.heads, h * w, h * w)
        x = (scores.softmax(dim=-1) @ v).view(b, self.heads, h, w, c)
        return self.proj(x.permute(0, 2, 3, 1, 4).reshape(b, h, w, d))


class CrossBranchAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x, branch):
        b, h, w, d = x.shape

        def split(y):
            y = y.reshape(b, h * w, self.heads, d // self.heads).permute(0, 2, 1, 3)
            return y.reshape(b * self.heads, h * w, d // self.heads)

        q, k, v = split(self.q(x)), split(self.k(branch)), split(self.v(branch))
        scores = (q * (d // self.heads) ** -0.5) @ k.transpose(-2, -1)
        x = (scores.softmax(dim=-1) @ v).view(b, self.heads, h, w, d // self.heads)
        return self.proj(x.permute(0, 2, 3, 1, 4).reshape(b, h, w, d))


class Block(nn.Module):
    """A window block of the ViT."""

    def __init__(self, width, heads, size):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, size)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, width * 4, F.gelu)
        self.size = size

    def forward(self, x, branch):
        b, h, w, d = x.shape
        s = self.size
        # The padding follows the norm and is not masked: it takes part with the bias of qkv.
        y = F.pad(self.norm1(x), (0, 0, 0, -w % s, 0, -h % s))
        rows, columns = y.shape[1] // s, y.shape[2] // s
        y = y.view(b, rows, s, columns, s, d).permute(0, 1, 3, 2, 4, 5).contiguous()
        y = self.attn(y.view(-1, s, s, d)).view(b, rows, columns, s, s, d)
        y = y.permute(0, 1, 3, 2, 4, 5).contiguous().view(b, rows * s, columns * s, d)
        x = x + y[:, :h, :w].contiguous()
        return x + self.mlp(self.norm2(x)), branch


class GlobalBlock(Block):
    """A global block, in which both branches meet."""

    def __init__(self, width, heads, size):
        super().__init__(width, heads, size)
        self.MLP_Adapter = FeatureAdapter(width, skip=False)
        self.Space_Adapter = CrossBranchAttention(width, heads)
        self.refine_Adapter = ConvNormGELU(width, width)

    def forward(self, x, branch):
        y = self.norm1(x)
        y = y + self.Space_Adapter(y, branch.permute(0, 2, 3, 1))
        x = x + self.attn(y)
        y = self.norm2(x)
        return x + self.mlp(y) + 0.5 * self.MLP_Adapter(y), self.refine_Adapter(branch)


class ImageEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, heads, outputs = config["embed_dim"], config["num_heads"], config["out_chans"]
        side = config["image_size"] // 8
        self.pos_embed = nn.Parameter(torch.zeros(1, 2 * side, 2 * side, width))
        self.cnn_embed = ConvolutionBranch(width)
        self.patch_embed = PatchEmbedding(width)
        self.post_pos_embed = PositionAdapter(width)
        self.blocks = nn.ModuleList(
            GlobalBlock(width, heads, side) if index in config["global_attn_indexes"]
            else Block(width, heads, config["window_size"]) for index in range(config["depth"]))
        self.neck = nn.Sequential(
            nn.Conv2d(width, outputs, 1, bias=False), LayerNorm2d(outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), LayerNorm2d(outputs))
        self.input_Adapter = FeatureAdapter(width, skip=True)

    def forward(self, image, stages=None):
        """The image embedding; `stages`, a dictionary, receives what lies on the way."""
        stages = {} if stages is None else stages
        if image.shape[1] == 1:
            image = image.repeat(1, 3, 1, 1)
        branch = stages["cnn_embed"] = self.cnn_embed(image)
        x = stages["patch_embed"] = self.patch_embed(image)
        x = stages["input_adapter"] = self.input_Adapter(x)
        stages["position_adapter"] = self.post_pos_embed(self.pos_embed)
        x = x + stages["position_adapter"]
        for index, block in enumerate(self.blocks):
            x, branch = block(x, branch)
            stages[f"block{index}.x"], stages[f"block{index}.cnn"] = x, branch
        x = self.neck(x.permute(0, 3, 1, 2) + 0.5 * branch)
        stages["image_embedding"] = x
        return x


class SAMUS(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.image_encoder = ImageEncoder(config)
        self.prompt_encoder = PromptEncoder(config)
        self.mask_decoder = MaskDecoder(config["decoder"])
        wide = {f"blocks.{index}.attn.rel_pos" for index in config["global_attn_indexes"]}
        trained = {"cnn_embed", "post_pos_embed", "Adapter"} | wide
        for name, parameter in self.named_parameters():
            parameter.requires_grad = any(part in name for part in trained)

    def answer(self, embedding, multimask=False, **prompts):
        """Logits at half the image's side, and the decoder's IoU estimates."""
        sparse, dense = self.prompt_encoder(**prompts)
        positions = self.prompt_encoder.dense_positions()
        return self.mask_decoder(embedding, positions, sparse, dense, multimask)

    def forward(self, image, points, labels):
        low, _ = self.answer(self.image_encoder(image), points=points, labels=labels)
        return low, F.interpolate(low, image.shape[-2:], mode="bilinear", align_corners=False)
