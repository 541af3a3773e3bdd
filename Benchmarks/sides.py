"""Two programs that measure themselves beside each other, in turns."""

import pathlib
import statistics
import subprocess
import sys

MAKE = """
import sys
import torch
import samus_check, samus_peer
torch.save(samus_check.formula_model(samus_peer.VIT_B).state_dict(), sys.argv[1])
"""


def write_formula_weights(interpreter, path):
    """A SAMUS with ViT-B's sizes whose weights follow the formula, for both sides to load."""
    folder = pathlib.Path(__file__).resolve().parent
    subprocess.run([interpreter, "-c", MAKE, path], check=True, cwd=folder)


class Side:
    """A process that does the work named on each line and answers with its figure."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, work):
        self.process.stdin.write(work + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"'{' '.join(map(str, self.process.args))}' ended at '{work}'")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(work, swift, python, rounds, theirs_work=None):
    """Medians of both sides and of the ratios of the rounds, and the middle half of these."""
    works = {swift: work, python: theirs_work or work}
    for side in [swift, python]:
        side.ask(works[side])
    ours, theirs, ratios = [], [], []
    for round in range(rounds):
        sides = [(swift, ours), (python, theirs)]
        # Who comes first changes, for the first may find the machine warmer or colder.
        for side, times in sides if round % 2 == 0 else reversed(sides):
            times.append(float(side.ask(works[side])))
        ratios.append(ours[-1] / theirs[-1])
    low, _, high = statistics.quantiles(ratios, n=4)
    return statistics.median(ours), statistics.median(theirs), statistics.median(ratios), low, high
