import ArgumentParser
import Commands
import Imaging
import Segmentation
import Torch
import Training

/// `samus train`: a network and images with masks in, weights and figures out.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train SAMUS, AutoSAMUS or LiteMedSAM's decoder.",
        usage: """
            samus train --data ROOT --recipe samus --from sam_vit_b.pth
            samus train --data ROOT --recipe decoder --from litemedsam
            samus train --data ROOT --recipe full --network samus --width 192 --depth 12
            samus train --resume [RUN]
            """,
        discussion: """
            ROOT is in the US30K layout ('samus data check ROOT' looks it over). Recipes: samus \
            and autosamus as their authors train them, decoder (prompt encoder and mask decoder on \
            a frozen image encoder), full (every weight).

            A run has a folder, runs/train/exp, exp2 …: options, results.csv and .png, TensorBoard \
            events, images, weights/best.safetensors and last.safetensors, which all other \
            commands take. It can be stopped at any moment, by Ctrl-C or otherwise, and goes on \
            with --resume as if it had not been.

            Several processes train together when RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT \
            say so, as under torchrun, Slurm and Kubernetes (Docs/DataParallel.md); --batch is then \
            of each.

            Exit codes: 0 done, also by patience or time limit; 64 wrong arguments; 66 data are \
            missing or cannot be used; 69 weights do not fit, or the training failed; 73 results \
            cannot be written; 130 interrupted. Research use only, not a medical device.
            """)

    @OptionGroup(title: "Data") var data: TrainDataOptions
    @OptionGroup(title: "Network") var network: TrainNetworkOptions
    @OptionGroup(title: "Steps") var steps: TrainStepOptions
    @OptionGroup(title: "Run") var course: TrainRunOptions

    func validate() throws {
        guard course.resume == nil else { return }
        guard data.root != nil else { throw ValidationError("--data ROOT is needed") }
        guard network.start != nil || network.kind != nil || network.recipe.architecture != nil
        else {
            throw ValidationError("--network or --from is needed")
        }
    }

    func run() throws {
        let plan: TrainPlan
        do {
            plan = try TrainPlan(resolving: self)
        } catch {
            throw TrainFailure.exit(for: error)
        }
        try plan.run()
    }
}
