#!/usr/bin/env bash
# Segments a folder of images with 16 tasks of a Slurm array; see Docs/Batch.md.
# Start:    sbatch Deploy/slurm-array.sh IMAGES RESULTS [options of samus segment]
# Restart:  the same line; images whose results are complete are skipped.
#SBATCH --job-name=samus
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: sbatch $0 IMAGES RESULTS [options of samus segment]" >&2
    exit 64
fi
images=$1 results=$2
shift 2

# SIGTERM, which Slurm sends before the time limit, lets samus finish the current image.
exec "${SAMUS:-samus}" segment "$images" "$@" --output "$results" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "${SLURM_CPUS_PER_TASK:-1}" \
    --skip-existing --summary --json-lines
