# Beginning of a run: check run.sh's options, lock its folders and set up the environment and the wrappers. To be
# sourced by run.sh after its options have been parsed; sets train_cmd and decode_cmd.

# shellcheck shell=bash disable=SC2034,SC2154

. utils/lock.sh

[ $# -eq 0 ] || fail "unexpected argument '$1'; see $0 --help"
for number in stage stop_stage nj folds; do
  [[ ${!number} =~ ^[0-9]+$ ]] || fail "--${number//_/-} ${!number}: a whole number is needed"
done
[ "$nj" -gt 0 ] || fail "--nj 0: at least one job is needed"
[ "$stop_stage" -ge "$stage" ] || fail "--stop-stage $stop_stage is below --stage $stage: no stage would run"
[ -d "$conf" ] || fail "--conf $conf: there is no such folder"
[ -z "$corpus" ] || [ -d "$corpus" ] || fail "--corpus $corpus: there is no such folder"
. utils/start_dry_run.sh
if [ "$dry_run" = false ]; then
  for folder in "$data" "$exp"; do
    { mkdir -p "$folder" && [ -w "$folder" ]; } 2> /dev/null \
      || fail "$folder cannot be written; give it the right permissions or choose another with --data or --exp"
  done
  lock_exp "$exp"
fi

. ./path.sh || exit 1
given=("${train_cmd:-$cmd}" "${decode_cmd:-$cmd}")
. ./cmd.sh
train_cmd=${given[0]:-$train_cmd} decode_cmd=${given[1]:-$decode_cmd}
EMOSEQ_PARENT="$(uname -n) $$"
export EMOSEQ_PARENT # what this shell waits for ends when it does
# A wrapper reads conf/slurm.conf or conf/queue.conf by default; a file in the folder of --conf goes before that.
for wrapper in train_cmd decode_cmd; do
  program=${!wrapper%% *}
  type -P -- "$program" > /dev/null \
    || fail "$program is not a program, so it cannot run the jobs: see --cmd, and $wrapper in cmd.sh"
  case ${program##*/} in slurm.p? | queue.p?) file=$conf/$(basename "${program%.*}").conf ;; *) continue ;; esac
  if [ "$conf" != conf ] && [ -f "$file" ] && [[ ${!wrapper} != *--config* ]]; then
    [[ $file != *[[:space:]]* ]] || fail "--conf $conf: a blank in its name cannot be passed on to ${program##*/}"
    printf -v "$wrapper" %s "${!wrapper} --config $file"
  fi
done

steps/begin_run.py --conf "$conf" --stage "$stage" --folds "$folds" "$data" "$exp" || exit 1
if [ "$dry_run" = false ]; then
  conf=$exp/conf
  [ "$stage" -gt 2 ] || lock_data "$data"
fi
# Whether a list of jobs names any; in a dry run the list that would be written.
lists_jobs() { [ -s "${EMOSEQ_DRY_RUN:+$EMOSEQ_DRY_RUN$(realpath -m -- "$1")}" ] || [ -s "$1" ]; }

watched_state=
recipe=local # of a corpus in egs/; at the root it is that of RECOLA, whose layout the embedded corpus has
[ -f local/prepare_data.py ] || recipe=$EMOSEQ_ROOT/egs/recola/local

# Read what the corpus has: its dimensions, its sets, and those of them that are predicted. In a dry run before stage 0
# a step has left the dimensions among what it would write, and the usual sets are assumed.
read_corpus() {
  local file=$data/dimensions name
  [ ! -f "${EMOSEQ_DRY_RUN-}$(realpath -m -- "$file")" ] || file=${EMOSEQ_DRY_RUN-}$(realpath -m -- "$file")
  mapfile -t dimensions < "$file"
  sets=()
  for name in train dev test; do
    if [ ! -f "$data/train/wav.scp" ] || [ -f "$data/$name/wav.scp" ]; then sets+=("$name"); fi
  done
  predicted=("${sets[@]:1}")
}
