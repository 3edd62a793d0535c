# The stages from 2 on of a cross-validation: run.sh for each fold, then the scores of all recordings. To be sourced by
# run.sh after stage 1; ends it.

# shellcheck shell=bash disable=SC2154

if [ "$stage" -le 2 ]; then
  echo "$0: stage 2: folds"
  steps/make_folds.py --conf "$conf" "$folds" "$data"
fi
watch_data "$data"
unlock_data
# A shell outlives the shell that started it; these are ended with it.
end_with_run=()
if type -P setpriv > /dev/null; then end_with_run=(setpriv --pdeathsig TERM); fi
for ((fold = 1; fold <= folds; fold++)); do
  check_data
  if [ "$dry_run" = true ] && [ ! -f "$data/fold_$fold/dimensions" ]; then
    echo "$0: fold $fold of $folds: would run (missing: $data/fold_$fold)"
    continue
  fi
  echo "$0: fold $fold of $folds"
  "${end_with_run[@]}" ./run.sh --stage $((stage > 2 ? stage : 2)) --stop-stage "$stop_stage" --nj "$nj" \
    --train-cmd "$train_cmd" --decode-cmd "$decode_cmd" --dry-run "$dry_run" \
    --conf "$conf" --data "$data/fold_$fold" --exp "$exp/fold_$fold"
done
if at 7; then
  echo "$0: stage 7: scores of all folds"
  steps/make_results.py --conf "$conf" --folds "$folds" "$data" "$exp"
fi
if at 8; then
  echo "$0: stage 8: figures of each fold are in $exp/fold_<i>/report, scores of all folds in $exp/RESULTS.md"
fi
exit
