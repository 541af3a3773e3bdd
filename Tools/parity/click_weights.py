"""Weights with which a SAM that was never trained answers a click with a blob around it.

With weights by formula alone every mask is noise over the whole picture, and suppressing duplicates
by their boxes leaves one of them. So the places near a click are made to attend to it, the picture
counts for less, the last upscaling draws no pattern of its own, and the hypernetworks' last layer
is fitted, by least squares, to answer each click of a grid with a disc. IoU estimates are raised,
so that a threshold above 0 keeps most masks and drops some.
"""
import torch
import torch.nn.functional as F

# Places along a side at which masks are fitted.
SIDE = 32
# Of the single mask's disc and of the candidates', in parts of the input's side.
RADII = (0.08, 0.10, 0.15, 0.22)
# Logit in a disc's middle.
HEIGHT = 16.0


def solve(normal, right, damping):
    """Least squares with damping in parts of the mean diagonal."""
    scale = damping * normal.diagonal(dim1=-2, dim2=-1).mean()
    return torch.linalg.solve(normal + scale * torch.eye(normal.shape[-1]), right)


def soften(network, picture):
    """Makes a network's answers local; `picture` is how much the picture still counts."""
    decoder, norm = network.mask_decoder, network.image_encoder.neck[3]
    norm.weight.mul_(picture)
    norm.bias.mul_(picture)
    for layer in decoder.transformer.layers:
        attention = layer.cross_attn_image_to_token
        attention.k_proj.load_state_dict(attention.q_proj.state_dict())
        attention.q_proj.weight.mul_(4)
    for index in (0, 3):
        kernel = decoder.output_upscaling[index].weight
        kernel.copy_(2 * kernel.mean((2, 3), keepdim=True))
    decoder.iou_prediction_head.layers[-1].bias.add_(0.6)


def fit(decoder, seen, clicks):
    """Fits the hypernetworks to what was seen; `clicks` are in parts of the input's side."""
    features = seen["features"].flatten(2).transpose(1, 2).double()
    line = (torch.arange(SIDE) + 0.5) / SIDE
    places = torch.cartesian_prod(line, line).flip(1)
    distance = torch.cdist(clicks.double(), places.double())
    ones = torch.ones(len(clicks), 1)
    for index, (head, radius) in enumerate(zip(decoder.output_hypernetworks_mlps, RADII)):
        disc = ((1 - distance / radius) * HEIGHT).clamp(-HEIGHT, HEIGHT)
        across = features.transpose(1, 2)
        wanted = solve(across @ features, across @ disc[..., None], 1e-4)[..., 0]
        given = torch.cat([seen[index], ones], dim=1).double()
        weight = solve(given.T @ given, given.T @ wanted, 1e-6)
        head.layers[-1].weight.copy_(weight[:-1].T)
        head.layers[-1].bias.copy_(weight[-1])


@torch.no_grad()
def aim(predictor, image, count=8, picture=0.2):
    """Changes the weights so that a grid of clicks on this picture gets one blob each.

    `predictor` is a SamPredictor, or like one; it has the picture set afterwards.
    """
    network = predictor.model
    soften(network, picture)
    predictor.set_image(image)
    decoder, seen, hooks = network.mask_decoder, {}, []

    def keep_features(_, inputs, output):
        seen["features"] = F.adaptive_avg_pool2d(output, SIDE)

    hooks.append(decoder.output_upscaling.register_forward_hook(keep_features))
    for index, head in enumerate(decoder.output_hypernetworks_mlps):

        def keep(_, inputs, output, index=index):
            seen[index] = inputs[0]

        hooks.append(head.layers[-1].register_forward_hook(keep))
    height, width = image.shape[:2]
    line = (torch.arange(count) + 0.5) / count
    grid = torch.cartesian_prod(line, line) * torch.tensor([width, height])
    places = predictor.transform.apply_coords(grid.numpy(), image.shape[:2])
    clicks = torch.from_numpy(places).float()
    predictor.predict_torch(clicks[:, None], torch.ones(len(clicks), 1), return_logits=True)
    for hook in hooks:
        hook.remove()
    fit(decoder, seen, clicks / network.image_encoder.img_size)
