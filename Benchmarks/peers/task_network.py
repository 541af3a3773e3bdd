"""The PyTorch side of `bench.py networks`: an exported network, layer by layer in eager PyTorch.

    task_network.py THREADS ENCODER.onnx BATCH          measures what standard input names
"""

import sys
import warnings

import numpy as np
import onnx
import torch
from measuring import answer, seconds
from onnx import numpy_helper
from onnx2torch import convert


def layers(path):
    """The network of an ONNX file as modules of PyTorch, which can be trained."""
    model = onnx.load(path)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        # Weights that are stored in another place or type; onnx2torch needs them as they are used.
        if node.op_type in ("Identity", "Cast") and node.input[0] in stored:
            values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return convert(model)


class Measurements:
    """The same names as in Sources/samus-bench/NetworkBench.swift; also inference."""

    def __init__(self, path, batch):
        self.network = layers(path)
        generator = torch.Generator().manual_seed(20240917)
        self.images = torch.rand(batch, 1, 256, 256, generator=generator)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4)

    def _step(self):
        logits = self.network(self.images)
        value = (logits * logits).mean()
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        self.last_loss = value.item()

    def step(self):
        self.network.train()
        return seconds(self._step)

    def encode(self):
        """Seconds of one image."""
        self.network.eval()
        with torch.no_grad():
            return seconds(lambda: self.network(self.images[:1]))

    def loss(self):
        """Of the last step, to check that both sides do the same work."""
        return self.last_loss


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(int(sys.argv[1]))
    answer(Measurements(sys.argv[2], int(sys.argv[3])))
