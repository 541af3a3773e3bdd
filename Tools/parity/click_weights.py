"""Weights with which an untrained SAM segments a disc around each click.

With random weights every mask is noise over the whole image, and suppressing duplicate boxes leaves a
single mask, so that a comparison of automatic masks would test little. `fit_to_clicks` therefore
changes the weights: image positions attend to the clicks near them, the image has less influence, the
last upsampling has no pattern of its own, and the last layer of each hypernetwork is fitted by least
squares to discs around a grid of clicks. It raises the IoU estimates, so that a threshold above 0 keeps
most masks and removes some.
"""

import torch
import torch.nn.functional as F

# The discs are fitted on a grid of this many positions along each side.
GRID_SIDE = 32
# Radii for the single mask and the three candidates, relative to the side of the input.
RADII = (0.08, 0.10, 0.15, 0.22)
# Logit in the middle of a disc.
HEIGHT = 16.0


def solve(normal, right, damping):
    """Solves damped normal equations; the damping is relative to the mean of the diagonal."""
    scale = damping * normal.diagonal(dim1=-2, dim2=-1).mean()
    return torch.linalg.solve(normal + scale * torch.eye(normal.shape[-1]), right)


def localize(network, image_influence):
    """Makes the masks of a network local to the clicks."""
    decoder, norm = network.mask_decoder, network.image_encoder.neck[3]
    norm.weight.mul_(image_influence)
    norm.bias.mul_(image_influence)
    for layer in decoder.transformer.layers:
        attention = layer.cross_attn_image_to_token
        attention.k_proj.load_state_dict(attention.q_proj.state_dict())
        attention.q_proj.weight.mul_(4)
    for index in (0, 3):
        kernel = decoder.output_upscaling[index].weight
        kernel.copy_(2 * kernel.mean((2, 3), keepdim=True))
    decoder.iou_prediction_head.layers[-1].bias.add_(0.6)


def fit_hypernetworks(decoder, activations, clicks):
    """Fits the last layer of each hypernetwork to discs around the clicks.

    activations: the inputs of these layers by index, and the upsampled `features`;
    clicks: `[N, 2]`, relative to the side of the input.
    """
    features = activations["features"].flatten(2).transpose(1, 2).double()
    line = (torch.arange(GRID_SIDE) + 0.5) / GRID_SIDE
    positions = torch.cartesian_prod(line, line).flip(1)
    distance = torch.cdist(clicks.double(), positions.double())
    ones = torch.ones(len(clicks), 1)
    for index, (head, radius) in enumerate(zip(decoder.output_hypernetworks_mlps, RADII)):
        disc = ((1 - distance / radius) * HEIGHT).clamp(-HEIGHT, HEIGHT)
        across = features.transpose(1, 2)
        target = solve(across @ features, across @ disc[..., None], 1e-4)[..., 0]
        inputs = torch.cat([activations[index], ones], dim=1).double()
        weight = solve(inputs.T @ inputs, inputs.T @ target, 1e-6)
        head.layers[-1].weight.copy_(weight[:-1].T)
        head.layers[-1].bias.copy_(weight[-1])


@torch.no_grad()
def fit_to_clicks(predictor, image, points_per_side=8, image_influence=0.2):
    """Changes the weights so that each click of a grid on this image gets one disc.

    predictor: a SamPredictor or SamusPredictor; the image remains set in it.
    """
    network = predictor.model
    localize(network, image_influence)
    predictor.set_image(image)
    decoder, activations, hooks = network.mask_decoder, {}, []

    def store_features(_, inputs, output):
        activations["features"] = F.adaptive_avg_pool2d(output, GRID_SIDE)

    hooks.append(decoder.output_upscaling.register_forward_hook(store_features))
    for index, head in enumerate(decoder.output_hypernetworks_mlps):

        def store_input(_, inputs, output, index=index):
            activations[index] = inputs[0]

        hooks.append(head.layers[-1].register_forward_hook(store_input))
    height, width = image.shape[:2]
    line = (torch.arange(points_per_side) + 0.5) / points_per_side
    grid = torch.cartesian_prod(line, line) * torch.tensor([width, height])
    clicks = torch.from_numpy(predictor.transform.apply_coords(grid.numpy(), image.shape[:2])).float()
    predictor.predict_torch(clicks[:, None], torch.ones(len(clicks), 1), return_logits=True)
    for hook in hooks:
        hook.remove()
    fit_hypernetworks(decoder, activations, clicks / network.image_encoder.img_size)
