#!/usr/bin/env bash
# The recipe: recordings of speech in, time series of arousal and valence out, scored.
# Every stage may be run again and does only what its inputs, options or code make necessary.

stage=0
stop_stage=8
nj=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2> /dev/null || echo 1) # nproc itself would obey them
cmd=
corpus=
layout=auto
gold_standard=
partition=
conf=conf
data=data
exp=exp

help_message="Usage: $0 [options]

  --stage N        first stage (default $stage)
  --stop-stage M   last stage (default $stop_stage)
  --nj J           jobs at once (default: the number of cores, $nj)
  --cmd CMD        wrapper that runs the jobs, for example \"utils/run.py\" (default: see cmd.sh)
  --corpus DIR     a package of RECOLA (default: the embedded synthetic speech, in the AVEC 2016 layout)
  --layout NAME    avec2016, ges2018 or recola (default $layout: by the folder names in it)
  --gold-standard NAME  which one of layout ges2018
  --partition FILE      sets of layout recola (default: conf/partition where there is one)
  --conf DIR       settings laid over conf/ (default $conf)
  --data DIR       data directories (default $data)
  --exp DIR        models and results (default $exp)

Stages: 0 data, 1 features, 2 labels, 3 language models, 4 training, 5 posteriors, 6 decoding, 7 scores, 8 report"

if [ ! -f utils/parse_options.sh ] || [ ! -f steps/train.py ]; then
  echo "$0: start it in its own folder: cd '$(dirname "$0")' && ./run.sh" >&2
  exit 1
fi
. utils/parse_options.sh
set -euo pipefail

fail() {
  echo "$0: $*" >&2
  exit 1
}
[ $# -eq 0 ] || fail "what is '$1'? See $0 --help"
for number in stage stop_stage nj; do
  [[ ${!number} =~ ^[0-9]+$ ]] || fail "--${number//_/-} ${!number}: a whole number is needed"
done
[ "$nj" -gt 0 ] || fail "--nj 0: at least one job is needed"
[ -d "$conf" ] || fail "--conf $conf: there is no such folder"
[ -z "$corpus" ] || [ -d "$corpus" ] || fail "--corpus $corpus: there is no such folder"
for folder in "$data" "$exp"; do
  { mkdir -p "$folder" && [ -w "$folder" ]; } 2> /dev/null \
    || fail "$folder cannot be written; give it the right permissions or choose another with --data or --exp"
done

# lock FILE [OPTION]...: lock FILE, with these options of flock, until the descriptor $locked is closed, here and in all
# processes that have inherited it: what outlives a run that was killed still holds its locks. Status 1: another run
# holds the lock, and $holder is what FILE says of it.
lock() {
  local file=$1 status=0 said
  said=$({ : <> "$file"; } 2>&1) || fail "$file cannot be opened (${said##*: }); give it the right permissions"
  exec {locked}<> "$file"
  said=$(flock "${@:2}" "$locked" 2>&1) || status=$?
  holder=$(< "$file") && holder=${holder:-pid unknown}
  case $status in
    0) { echo "pid $$ on $(uname -n)" > "$file"; } 2> /dev/null || true ;; # the disk may be full
    1) exec {locked}>&- && return 1 ;;
    *) echo "$0: $file cannot be locked ($said): see that no other run writes to ${file%/*}" >&2 ;;
  esac
}
lock_exp() {
  local file=$exp/.run.lock pid host
  if lock "$file" --nonblock; then return; fi
  read -r _ pid _ host <<< "$holder"
  if [ -d "/proc/${pid:-none}" ] && [ "$host" = "$(uname -n)" ]; then
    fail "$exp: another run is at work there ($holder): wait for it, or choose another folder with --exp"
  fi
  lock "$file" --timeout 10 || fail "$exp: another run ($holder), which is gone or on another machine, still has jobs" \
    "at work there: wait for them (here \`fuser $file\` lists them), or choose another folder with --exp"
}
lock_data() {
  local file=$data/.data.lock
  if lock "$file" --nonblock; then return; fi
  echo "$0: $data: waiting for another run that writes there ($holder)" >&2
  lock "$file"
}
lock_exp

. ./path.sh || exit 1
. ./cmd.sh
EMOSEQ_PARENT="$(uname -n) $$"
export EMOSEQ_PARENT # what this shell waits for ends when it does
[ -z "$cmd" ] || train_cmd=$cmd decode_cmd=$cmd
# A wrapper reads conf/slurm.conf or conf/queue.conf by itself; the one in DIR goes before it.
for wrapper in train_cmd decode_cmd; do
  program=${!wrapper%% *}
  type -P -- "$program" > /dev/null \
    || fail "$program, which is to run the jobs, is not a program: see --cmd and $wrapper in cmd.sh"
  case ${program##*/} in slurm.p? | queue.p?) file=$conf/$(basename "${program%.*}").conf ;; *) continue ;; esac
  if [ "$conf" != conf ] && [ -f "$file" ] && [[ ${!wrapper} != *--config* ]]; then
    [[ $file != *[[:space:]]* ]] || fail "--conf $conf: a blank in its name cannot be passed on to ${program##*/}"
    printf -v "$wrapper" %s "${!wrapper} --config $file"
  fi
done
recipe=$EMOSEQ_ROOT/egs/recola/local

# config NAME...: the options, in the array of that name, with which a step reads these files of DIR over those of
# conf/; the first is its --config, another its --NAME-config.
config() {
  local name option
  config=()
  for name in "$@"; do
    option=--$name-config
    if [ "$name" = "$1" ]; then option=--config; fi
    if [ -f "$conf/$name.conf" ]; then config+=("$option=$conf/$name.conf"); fi
  done
}
# published TABLE: the option, in the array published, that sets a table of the paper beside ours, where the recipe has it.
published() {
  published=()
  if [ -f "conf/published/$1.csv" ]; then published=("--published=conf/published/$1.csv"); fi
}
at() {
  [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ] || return 1
  check_data
}
# state_of_data: what the stamps of features and gold standards say that were there when they became this run's to read.
state_of_data() { { cat "${data_stamps[@]}" || true; } 2> /dev/null | cksum; }
# check_data: stop where another run has made these anew.
check_data() {
  [ -z "$data_state" ] || [ "$data_state" = "$(state_of_data)" ] || fail "$data: another run has changed it while this" \
    "one used it: run this again when that is over, or give one of them a folder of its own with --data"
}
# array JOBS NAME WRAPPER COMMAND...: run COMMAND for each line of the file JOBS; JOB stands for its number. The logs
# are log/NAME.JOB.log beside train.jobs, log/chosen.NAME.JOB.log beside chosen.jobs.
array() {
  local jobs=$1 log=${1%/*}/log/$2 wrapper=$3 count current=0 status=0 watcher=
  case $jobs in */train.jobs) ;; *) log=${log%/*}/$(basename "$jobs" .jobs).$2 ;; esac
  count=$(wc -l < "$jobs")
  rm -f "$log".*.log # their progress would be taken for this run's
  if [ "$2" = train ]; then
    config train
    steps/show_progress.py "${config[@]}" --follow "$jobs" "$log.JOB.log" &
    watcher=$!
  fi
  shift 3
  $wrapper --max-jobs-run "$nj" "JOB=1:$count" "$log.JOB.log" "$@" || status=$?
  if [ "$watcher" ]; then { kill "$watcher" && wait "$watcher"; } 2> /dev/null || true; fi
  [ $status -eq 0 ] || exit $status
  for job in $(seq "$count"); do
    if grep -q ': up to date$' "$log.$job.log"; then current=$((current + 1)); fi
  done
  echo "$0: $count models, $current of them up to date"
}
# The stages from labels on, each in the folder of an experiment.
make_labels() {
  local dim
  published table1
  config labels
  for dim in arousal valence; do
    steps/make_labels.py "${config[@]}" "${published[@]}" "${@:2}" "$dim" "$data" "$1/$dim/labels"
  done
}
make_language_models() {
  local dim
  config lm
  for dim in arousal valence; do
    steps/make_lm.py "${config[@]}" "$1/$dim/labels" "$1/$dim/lm"
  done
}
train_models() {
  local config
  config train model
  array "$1" train "$train_cmd" steps/train.py "${config[@]}" "$1" JOB "$data"
}
predict_models() {
  array "$1" posteriors "$decode_cmd" steps/compute_posteriors.py "$1" JOB "$data" dev test
}
decode_models() {
  local dim
  config smooth
  for dim in arousal valence; do
    steps/smooth.py "${config[@]}" "$data/dev/$dim.scp" "$1/$dim" dev test
  done
  grep -qE '^[a-z]+ cls ' "$1/train.jobs" || return 0
  config decode lm
  for dim in arousal valence; do
    steps/tune_decoding.py "${config[@]}" "$data/dev/$dim.scp" "$1/$dim"
    steps/decode_models.py --config "$1/$dim/decode_dev/best.conf" "$1/$dim" dev test
    steps/decode_models.py --config "$1/$dim/decode_dev/best.conf" --hmm "$1/$dim" dev test
  done
}

data_lock=
data_state=
if [ "$stage" -le 2 ]; then
  lock_data
  data_lock=$locked
fi

if at 0; then
  echo "$0: stage 0: data"
  if [ -z "$corpus" ]; then
    [ -f local/make_corpus.py ] || fail "--corpus DIR is needed, a folder in the AVEC 2016 layout; see README.md"
    corpus=$data/corpus
    config corpus
    local/make_corpus.py "${config[@]}" "$corpus"
  fi
  "$recipe/prepare_data.py" --layout "$layout" ${gold_standard:+--gold-standard "$gold_standard"} \
    ${partition:+--partition "$partition"} "$corpus" "$data"
fi

if at 1; then
  echo "$0: stage 1: features"
  config baselines
  steps/make_baseline_jobs.py "${config[@]}" "$exp" "$data" # says early what the baselines lack
  config fbank
  for set in train dev test; do
    steps/make_fbank.py "${config[@]}" --nj "$nj" --cmd "$train_cmd" "$data/$set"
  done
  if grep -qE '^[a-z]+ (valstar|povolny) ' "$exp/baselines.jobs"; then
    config egemaps
    for set in train dev test; do
      steps/make_egemaps.py "${config[@]}" --nj "$nj" --cmd "$train_cmd" "$data/$set"
    done
  fi
fi

if at 2; then
  echo "$0: stage 2: labels"
  config gold
  for set in train dev test; do
    steps/make_gold_standard.py "${config[@]}" "$data/$set"
    utils/validate_data_dir.py "$data/$set"
  done
  make_labels "$exp"
fi

data_stamps=("$data"/{train,dev,test}/.make_*.json)
data_state=$(state_of_data)
[ -z "$data_lock" ] || exec {data_lock}>&-

if at 3; then
  echo "$0: stage 3: transitions and language models"
  make_language_models "$exp"
fi

if at 4; then
  echo "$0: stage 4: training"
  config baselines
  steps/make_baseline_jobs.py "${config[@]}" "$exp" "$data"
  config train
  steps/make_train_jobs.py "${config[@]}" "$exp"
  if [ -s "$exp/baselines.jobs" ]; then
    config baselines valstar povolny brady
    array "$exp/baselines.jobs" fit "$train_cmd" \
      steps/train_baseline.py "${config[@]}" "$exp/baselines.jobs" JOB "$data" dev test
  fi
  train_models "$exp/train.jobs"
fi

if at 5; then
  echo "$0: stage 5: posteriors"
  predict_models "$exp/train.jobs"
fi

if at 6; then
  echo "$0: stage 6: decoding"
  steps/select_models.py "$exp/train.jobs" "$data" dev test
  config train
  steps/make_chosen_jobs.py "${config[@]}" "$exp"
  if [ -s "$exp/chosen.jobs" ]; then
    echo "$0: stage 6: further systems at the setting chosen"
    train_models "$exp/chosen.jobs"
    predict_models "$exp/chosen.jobs"
    steps/select_models.py "$exp/chosen.jobs" "$data" dev test
  fi
  decode_models "$exp"
  for jobs in "$exp"/fit_on_*/train.jobs; do
    [ -f "$jobs" ] || continue
    folder=${jobs%/train.jobs}
    echo "$0: stage 6: labels and language models fitted on ${folder##*fit_on_}"
    make_labels "$folder" --fit-on "${folder##*fit_on_}"
    make_language_models "$folder"
    train_models "$jobs"
    predict_models "$jobs"
    steps/select_models.py "$jobs" "$data" dev test
    decode_models "$folder"
  done
fi

if at 7; then
  echo "$0: stage 7: scores"
  for dim in arousal valence; do
    "$recipe/write_predictions.py" "$exp/$dim" dev test
  done
  published table2
  config score
  steps/make_results.py "${config[@]}" "${published[@]}" "$data" "$exp"
fi

if at 8; then
  echo "$0: stage 8: report"
  config labels
  for dim in arousal valence; do
    steps/compare_discretisations.py "${config[@]}" "$dim" "$data" "$exp/$dim/labels"
  done
  steps/plot_figures.py "$data" "$exp"
  steps/make_observations.py "$data" "$exp"
fi

check_data
