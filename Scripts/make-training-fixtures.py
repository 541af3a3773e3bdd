#!/usr/bin/env python3
"""Makes Tests/Fixtures/training/events.tfevents: events as TensorBoard's own program writes them.

Needs tensorboard. Run from the package's root:

    python3 Scripts/make-training-fixtures.py
"""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FOLDER = pathlib.Path("Tests/Fixtures/training")


def scalars(time, step, values):
    summary = Summary(
        value=[Summary.Value(tag=tag, simple_value=number) for tag, number in sorted(values.items())]
    )
    return Event(wall_time=time, step=step, summary=summary)


def picture(time, step, tag, height, width, channels, content):
    image = Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=content
    )
    return Event(
        wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, image=image)])
    )


FOLDER.mkdir(parents=True, exist_ok=True)
with open(FOLDER / "events.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for event in [
        Event(wall_time=1700000000.25, file_version="brain.Event:2"),
        Event(
            wall_time=1700000000.5, step=301, session_log=SessionLog(status=SessionLog.START)
        ),
        scalars(1700000000.75, 310, {"train/loss": 0.4375, "lr": 5e-4, "val/größe": float("nan")}),
        # Not a picture: the writer copies the content as it is.
        picture(1700000001.0, 310, "val_pred/worst", 256, 300, 3, bytes(range(256))),
        scalars(1700000001.25, 3_000_000_000, {"train/loss": -0.0}),
        scalars(1700000001.5, 0, {"train/loss": 1e30}),
    ]:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
