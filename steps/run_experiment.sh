#!/usr/bin/env bash
# Run stages 2 to 6 for models that are only compared with the chosen ones:
#
#   steps/run_experiment.sh --conf exp/conf exp/chosen.jobs data dev test             further systems
#   steps/run_experiment.sh --conf exp/conf exp/fit_on_train/train.jobs data dev test labels and language models fitted on train

conf=conf
nj=1
train_cmd=utils/run.py
decode_cmd=utils/run.py
dry_run=false
help_message="Usage: $0 [--conf DIR] [--nj N] [--train-cmd WRAPPER] [--decode-cmd WRAPPER] [--dry-run] JOBS_FILE DATA_DIR SET..."
. utils/parse_options.sh
set -euo pipefail
[ $# -gt 2 ] || { echo "$help_message" >&2 && exit 2; }
. ./path.sh

# A shell outlives the shell that started it; this one asks to be ended with it.
if [ "${EMOSEQ_PARENT-}" = "$(uname -n) $PPID" ] && type -P setpriv > /dev/null; then
  export EMOSEQ_PARENT=
  exec setpriv --pdeathsig TERM "$0" --dry-run "$dry_run" --conf "$conf" --nj "$nj" --train-cmd "$train_cmd" --decode-cmd "$decode_cmd" "$@"
fi
EMOSEQ_PARENT="$(uname -n) $$"
export EMOSEQ_PARENT

. utils/start_dry_run.sh
jobs=$1 data=$2
shift 2 # the sets are left
exp=$(dirname "$jobs")
fit_on=$(basename "$exp")
fit_on=${fit_on#fit_on_}
planned=${EMOSEQ_DRY_RUN-}$(realpath -m -- "$jobs")
[ -f "$planned" ] || planned=$jobs
dimensions=$(cut -d' ' -f1 "$planned" | sort -u)
whole=false
[ "$(basename "$jobs")" != train.jobs ] || whole=true

if $whole; then
  for dim in $dimensions; do
    steps/make_labels.py --conf "$conf" --fit-on "$fit_on" "$dim" "$data" "$exp/$dim/labels"
    steps/make_lm.py --conf "$conf" "$exp/$dim/labels" "$exp/$dim/lm"
  done
  steps/find_delay.py --conf "$conf" "$data" "$exp"
fi
utils/run_array.sh --cmd "$train_cmd" --nj "$nj" "$jobs" steps/train.py --conf "$conf" "$jobs" JOB "$data"
utils/run_array.sh --cmd "$decode_cmd" --nj "$nj" "$jobs" steps/compute_posteriors.py "$jobs" JOB "$data" "$@"
steps/select_models.py "$jobs" "$data" "$@"
if $whole; then
  for dim in $dimensions; do
    steps/smooth.py --conf "$conf" "$data/dev/$dim.scp" "$exp/$dim" "$@"
    steps/tune_decoding.py --conf "$conf" "$data/dev/$dim.scp" "$exp/$dim"
    steps/decode_models.py "$exp/$dim" "$@"
    steps/decode_models.py --hmm "$exp/$dim" "$@"
  done
fi
