#!/usr/bin/env bash
# Run a step once for each line of a list of jobs, as an array of the wrapper.
#
#   utils/run_array.sh --cmd utils/run.py --nj 4 exp/train.jobs \
#     steps/train.py --conf conf exp/train.jobs JOB data
#
# JOB, as a word of its own, stands for the number of a line. The logs are log/STEP.JOB.log beside the list, for a list
# other than train.jobs log/LIST.STEP.JOB.log. The step must take a range such as 1:8 for JOB, and --dry-run, with which
# it is asked first: if all jobs are up to date none is submitted, and the logs of the run that did the work stay.

cmd=utils/run.py
nj=1
dry_run=false
help_message="Usage: $0 [--cmd WRAPPER] [--nj N] [--dry-run] JOBS_FILE STEP [ARGUMENT]..."
. utils/parse_options.sh
set -euo pipefail
[ $# -ge 2 ] || { echo "$help_message" >&2 && exit 2; }

. utils/start_dry_run.sh
jobs=$1
shift
step=$(basename "${1%.py}")
name=$(basename "$jobs" .jobs).
log=$(dirname "$jobs")/log/${name#train.}$step
planned=${EMOSEQ_DRY_RUN-}$(realpath -m -- "$jobs")
[ -n "${EMOSEQ_DRY_RUN-}" ] && [ -f "$planned" ] || planned=$jobs
if [ ! -f "$planned" ] && [ -n "${EMOSEQ_DRY_RUN-}" ]; then
  echo "$1: would run for each line of $jobs (missing)" >&2
  exit 0
fi
count=$(wc -l < "$planned")
[ "$count" -gt 0 ] || exit 0

words=()
for word in "$@"; do
  [ "$word" != JOB ] || word=1:$count
  words+=("$word")
done
plan=$("${words[@]}" --dry-run 2>&1) || { echo "$plan" >&2 && exit 1; }
if [ -n "${EMOSEQ_DRY_RUN-}" ]; then
  echo "$plan" >&2
  exit 0
fi
# A line says "<step>: <folder>: ... would run (<reason>)"; a job may have several.
stale=$({ grep -E ': (would|may) run \(' <<< "$plan" || true; } | cut -d: -f2 | sort -u | wc -l)
echo "${0##*/}: $jobs: $1: $count models, $((count - stale)) of them up to date"
[ "$stale" -gt 0 ] || exit 0

rm -f -- "$log".*.log # their progress would be taken for that of this run
if [ "$step" = train ]; then
  EMOSEQ_PARENT="$(uname -n) $$" steps/show_progress.py --follow "$jobs" "$log.JOB.log" &
fi
# In place of this shell, so that a signal to run.sh reaches the wrapper. $cmd is words.
# shellcheck disable=SC2086
exec $cmd --max-jobs-run "$nj" "JOB=1:$count" "$log.JOB.log" "$@"
