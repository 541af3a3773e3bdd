#!/usr/bin/env python3
"""Prints the events of a folder, as TensorBoard's EventAccumulator reads them, as JSON.

    read_tensorboard.py runs/train/exp

Needs tensorboard, which `make peers` installs. A Swift test runs this script.
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()
json.dump(
    {
        "scalars": {
            tag: [[event.step, event.value] for event in events.Scalars(tag)]
            for tag in tags["scalars"]
        },
        "images": {
            tag: [
                {
                    "step": event.step,
                    "width": event.width,
                    "height": event.height,
                    "bytes": list(event.encoded_image_string[:8]),
                }
                for event in events.Images(tag)
            ]
            for tag in tags["images"]
        },
    },
    sys.stdout,
)
