#!/usr/bin/env python3
"""Makes Tests/Fixtures/half.safetensors: numbers, and what PyTorch rounds them to in 16 bits."""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(1)
edges = [0.0, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0001, 3 * 2.0**-25, 2.0**-14, 2.0**-14 - 2.0**-25,
         2.0**-14 - 2.0**-26, 1.0, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8,
         65504.0, 65519.99, 2.0**-126, 2.0**-149, 2.0**-133, 3.0e38]
single = torch.cat([torch.tensor(edges + [-value for value in edges]),
                    torch.randn(400), torch.randn(400) * 2.0**-15, torch.randn(400) * 10000,
                    torch.exp(torch.randn(400) * 8)]).float()
fits = single[single.half().isfinite()]
double = torch.cat([torch.randn(400, dtype=torch.float64),
                    torch.tensor([1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-8 + 2.0**-40], dtype=torch.float64)])
half = torch.arange(0x7C00, dtype=torch.int32).to(torch.int16).view(torch.float16)[::37].clone()
tensors = {"float32": single, "float32.bfloat16": single.bfloat16(),
           "fits": fits, "fits.float16": fits.half(),
           "double": double, "double.float16": double.half(), "double.bfloat16": double.bfloat16(),
           "half": half, "half.bfloat16": half.bfloat16(),
           "short": half.bfloat16(), "short.float16": half.bfloat16().half()}
tensors = {name: value.clone() for name, value in tensors.items()}
save_file(tensors, sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/half.safetensors",
          {"made_by": f"PyTorch {torch.__version__}"})
