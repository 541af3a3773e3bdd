"""SAM's prompt encoder and mask decoder in eager PyTorch, which SAMUS uses unchanged.

Written from the published structure, like samus_network.py; not the authors' code.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class LayerNorm2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class MLP(nn.Module):
    def __init__(self, width, inner, activation):
        super().__init__()
        self.lin1 = nn.Linear(width, inner)
        self.lin2 = nn.Linear(inner, width)
        self.activation = activation

    def forward(self, x):
        return self.lin2(self.activation(self.lin1(x)))


class RandomPositions(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, features))

    def forward(self, points):
        angles = 2 * math.pi * ((2 * points - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class PromptEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner = config["out_chans"], config["mask_in_chans"]
        self.pixels, self.side = config["image_size"], config["image_size"] // 8
        self.pe_layer = RandomPositions(width // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, inner // 4, 2, stride=2), LayerNorm2d(inner // 4), nn.GELU(),
            nn.Conv2d(inner // 4, inner, 2, stride=2), LayerNorm2d(inner), nn.GELU(),
            nn.Conv2d(inner, width, 1))
        self.no_mask_embed = nn.Embedding(1, width)

    def dense_positions(self):
        line = (torch.arange(self.side) + 0.5) / self.side
        y, x = torch.meshgrid(line, line, indexing="ij")
        return self.pe_layer(torch.stack([x, y], dim=-1)).permute(2, 0, 1)[None]

    def embed_points(self, points, labels, pad):
        points = points + 0.5
        if pad:
            points = torch.cat([points, points.new_zeros(len(points), 1, 2)], dim=1)
            labels = torch.cat([labels, -labels.new_ones(len(labels), 1)], dim=1)
        embedding = self.pe_layer(points / self.pixels)
        embedding[labels == -1] = 0.0
        embedding[labels == -1] += self.not_a_point_embed.weight
        embedding[labels == 0] += self.point_embeddings[0].weight
        embedding[labels == 1] += self.point_embeddings[1].weight
        return embedding

    def embed_boxes(self, boxes):
        corners = self.pe_layer((boxes + 0.5).reshape(-1, 2, 2) / self.pixels)
        corners[:, 0, :] += self.point_embeddings[2].weight
        corners[:, 1, :] += self.point_embeddings[3].weight
        return corners

    def forward(self, points=None, labels=None, boxes=None, masks=None):
        sparse = []
        if points is not None:
            sparse.append(self.embed_points(points, labels, pad=boxes is None))
        if boxes is not None:
            sparse.append(self.embed_boxes(boxes))
        sparse = torch.cat(sparse, dim=1)
        if masks is not None:
            return sparse, self.mask_downscaling(masks)
        dense = self.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return sparse, dense.expand(len(sparse), -1, self.side, self.side)


class DecoderAttention(nn.Module):
    def __init__(self, width, heads, downsampling=1):
        super().__init__()
        inner = width // downsampling
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)
        self.heads = heads

    def forward(self, q, k, v):
        def split(y):
            return y.reshape(*y.shape[:2], self.heads, -1).transpose(1, 2)

        q, k, v = split(self.q_proj(q)), split(self.k_proj(k)), split(self.v_proj(v))
        scores = (q @ k.permute(0, 1, 3, 2)) / math.sqrt(q.shape[-1])
        x = (torch.softmax(scores, dim=-1) @ v).transpose(1, 2)
        return self.out_proj(x.reshape(*x.shape[:2], -1))


class TwoWayBlock(nn.Module):
    def __init__(self, width, heads, inner, first):
        super().__init__()
        self.self_attn = DecoderAttention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = DecoderAttention(width, heads, 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, inner, F.relu)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = DecoderAttention(width, heads, 2)
        self.first = first

    def forward(self, tokens, image, token_positions, image_positions):
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_positions
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        q, k = tokens + token_positions, image + image_positions
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(q, k, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        q, k = tokens + token_positions, image + image_positions
        return tokens, self.norm4(image + self.cross_attn_image_to_token(k, q, tokens))


class TwoWayTransformer(nn.Module):
    def __init__(self, width, heads, inner, depth):
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayBlock(width, heads, inner, first=index == 0) for index in range(depth))
        self.final_attn_token_to_image = DecoderAttention(width, heads, 2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, image, image_positions, token_positions):
        image = image.flatten(2).permute(0, 2, 1)
        image_positions = image_positions.flatten(2).permute(0, 2, 1)
        tokens = token_positions
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_positions, image_positions)
        q, k = tokens + token_positions, image + image_positions
        tokens = self.norm_final_attn(tokens + self.final_attn_token_to_image(q, k, image))
        return tokens, image


class Perceptron(nn.Module):
    def __init__(self, inputs, inner, outputs, depth):
        super().__init__()
        widths = [inputs] + [inner] * (depth - 1) + [outputs]
        self.layers = nn.ModuleList(map(nn.Linear, widths[:-1], widths[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class MaskDecoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, count = config["embedding_dim"], config["num_multimask_outputs"] + 1
        self.transformer = TwoWayTransformer(
            width, config["num_heads"], config["mlp_dim"], config["depth"])
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(count, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, stride=2), LayerNorm2d(width // 4), nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, stride=2), nn.GELU())
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(width, width, width // 8, 3) for _ in range(count))
        self.iou_prediction_head = Perceptron(
            width, config["iou_head_hidden_dim"], count, config["iou_head_depth"])

    def forward(self, embedding, positions, sparse, dense, multimask=False):
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight], dim=0)
        tokens = torch.cat([tokens[None].expand(len(sparse), -1, -1), sparse], dim=1)
        if len(embedding) != len(tokens):
            embedding = torch.repeat_interleave(embedding, len(tokens), dim=0)
        source = embedding + dense
        b, c, h, w = source.shape
        positions = torch.repeat_interleave(positions, b, dim=0)
        tokens, source = self.transformer(source, positions, tokens)
        upscaled = self.output_upscaling(source.transpose(1, 2).view(b, c, h, w))
        weights = torch.stack([
            network(tokens[:, 1 + index])
            for index, network in enumerate(self.output_hypernetworks_mlps)], dim=1)
        masks = (weights @ upscaled.flatten(2)).view(b, -1, *upscaled.shape[2:])
        selected = slice(1, None) if multimask else slice(0, 1)
        return masks[:, selected], self.iou_prediction_head(tokens[:, 0])[:, selected]
