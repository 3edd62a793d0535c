#!/usr/bin/env bash
# The recipe: recordings of speech in, time series of arousal and valence out, scored.
# Each stage may be run again; a step does its work only if its inputs, options or code have changed.

stage=0
stop_stage=8
nj=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2> /dev/null || echo 1) # nproc itself would obey them
cmd=
train_cmd=
decode_cmd=
corpus=
layout=
gold_standard=
partition=
folds=0
conf=conf
data=data
exp=exp
dry_run=false

help_message="Usage: $0 [options]

  --stage N        first stage (default $stage)
  --stop-stage M   last stage (default $stop_stage)
  --nj J           number of jobs that run at once (default: the number of cores, $nj)
  --cmd CMD        wrapper that runs the jobs, for example \"utils/slurm.py --mem 2G\" (default: see cmd.sh)
  --train-cmd CMD, --decode-cmd CMD  wrapper for features and training, and for posteriors (default: --cmd)
  --corpus DIR     a package of RECOLA, in egs/<corpus> what its README.md says (default: embedded synthetic speech)
  --layout NAME    RECOLA only: avec2016, ges2018 or recola (default: by the folder names in DIR)
  --gold-standard NAME  RECOLA only: name of the gold standard in layout ges2018
  --partition FILE      RECOLA only: sets of layout recola (default: conf/partition if it exists)
  --folds N        cross-validation over speakers with N folds, at least 3: stages 2 to 8 for each, then joint scores
  --conf DIR       conf files laid over conf/, option by option (default $conf)
  --data DIR       data directories (default $data)
  --exp DIR        models and results (default $exp)
  --dry-run        list the steps that would run and why; write nothing

Stages: 0 data, 1 features, 2 labels, 3 language models, 4 training, 5 posteriors, 6 decoding, 7 scores, 8 report"

if [ ! -f utils/parse_options.sh ] || [ ! -f steps/train.py ]; then
  echo "$0: start it in its own folder: cd '$(dirname "$0")' && ./run.sh" >&2
  exit 1
fi
. utils/parse_options.sh
set -euo pipefail
. utils/start_run.sh # path.sh, cmd.sh, locks; the settings are kept in $exp/conf, which is $conf from here on

at() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ] && check_data; }

if at 0; then
  echo "$0: stage 0: data"
  if [ -z "$corpus" ]; then
    [ -f local/make_corpus.py ] \
      || fail "--corpus DIR is needed: the folder of the corpus; $PWD/README.md says what it holds"
    corpus=$data/corpus
    local/make_corpus.py --conf "$conf" "$corpus"
  fi
  "$recipe/prepare_data.py" --conf "$conf" ${layout:+--layout "$layout"} \
    ${gold_standard:+--gold-standard "$gold_standard"} ${partition:+--partition "$partition"} "$corpus" "$data"
fi

read_corpus # dimensions, sets, and those of them that are predicted

if at 1; then
  echo "$0: stage 1: features"
  steps/make_baseline_jobs.py --conf "$conf" "$exp" "$data" # reports early what the baselines lack
  for set in "${sets[@]}"; do
    steps/make_fbank.py --conf "$conf" --nj "$nj" --cmd "$train_cmd" "$data/$set"
    if grep -qsE '^[a-z]+ (valstar|povolny) ' "$exp/baselines.jobs"; then
      steps/make_egemaps.py --conf "$conf" --nj "$nj" --cmd "$train_cmd" "$data/$set"
    fi
  done
fi

if [ "$folds" -gt 0 ] && [ "$stop_stage" -ge 2 ]; then . utils/run_folds.sh; fi # it ends the run

if at 2; then
  echo "$0: stage 2: labels"
  for set in "${sets[@]}"; do
    steps/make_gold_standard.py --conf "$conf" "$data/$set"
    utils/validate_data_dir.py "$data/$set"
  done
  for dim in "${dimensions[@]}"; do
    steps/make_labels.py --conf "$conf" "$dim" "$data" "$exp/$dim/labels"
  done
fi

watch_data "$data"
unlock_data

if at 3; then
  echo "$0: stage 3: transitions and language models"
  for dim in "${dimensions[@]}"; do
    steps/make_lm.py --conf "$conf" "$exp/$dim/labels" "$exp/$dim/lm"
  done
fi

if at 4; then
  echo "$0: stage 4: training"
  steps/find_delay.py --conf "$conf" "$data" "$exp"
  steps/make_baseline_jobs.py --conf "$conf" "$exp" "$data"
  utils/run_array.sh --cmd "$train_cmd" --nj "$nj" "$exp/baselines.jobs" \
    steps/train_baseline.py --conf "$conf" "$exp/baselines.jobs" JOB "$data" "${predicted[@]}"
  steps/make_train_jobs.py --conf "$conf" "$exp" "$data"
  utils/run_array.sh --cmd "$train_cmd" --nj "$nj" "$exp/train.jobs" \
    steps/train.py --conf "$conf" "$exp/train.jobs" JOB "$data"
fi

if at 5; then
  echo "$0: stage 5: posteriors"
  utils/run_array.sh --cmd "$decode_cmd" --nj "$nj" "$exp/train.jobs" \
    steps/compute_posteriors.py "$exp/train.jobs" JOB "$data" "${predicted[@]}"
fi

if at 6; then
  echo "$0: stage 6: decoding"
  steps/select_models.py "$exp/train.jobs" "$data" "${predicted[@]}"
  steps/make_chosen_jobs.py --conf "$conf" "$exp"
  for jobs in "$exp/chosen.jobs" "$exp"/fit_on_{train,train+dev}/train.jobs; do
    lists_jobs "$jobs" || continue
    echo "$0: stage 6: models at the setting chosen, $jobs"
    steps/run_experiment.sh --conf "$conf" --nj "$nj" --train-cmd "$train_cmd" --decode-cmd "$decode_cmd" \
      "$jobs" "$data" "${predicted[@]}"
  done
  for dim in "${dimensions[@]}"; do
    steps/smooth.py --conf "$conf" "$data/dev/$dim.scp" "$exp/$dim" "${predicted[@]}"
    steps/tune_decoding.py --conf "$conf" "$data/dev/$dim.scp" "$exp/$dim"
    steps/decode_models.py "$exp/$dim" "${predicted[@]}"
    steps/decode_models.py --hmm "$exp/$dim" "${predicted[@]}"
  done
fi

if at 7; then
  echo "$0: stage 7: scores"
  for dim in "${dimensions[@]}"; do
    "$recipe/write_predictions.py" "$exp/$dim" "${predicted[@]}"
  done
  steps/make_results.py --conf "$conf" "$data" "$exp"
fi

if at 8; then
  echo "$0: stage 8: report"
  for dim in "${dimensions[@]}"; do
    steps/compare_discretisations.py --conf "$conf" "$dim" "$data" "$exp/$dim/labels"
  done
  steps/plot_figures.py "$data" "$exp"
  steps/make_observations.py "$data" "$exp"
fi

check_data
