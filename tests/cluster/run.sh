#!/usr/bin/env bash
# The wrappers on real schedulers, which are installed from Debian's packages, started, tried and stopped again.
#   tests/cluster/run.sh slurm|gridengine|all [PYTEST_OPTION]...
# Needs root and apt.
set -euo pipefail

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."
tests=()
case ${1-} in
  slurm | gridengine) tests=("tests/cluster/test_$1.py") ;;
  all) tests=(tests/cluster) ;;
  *)
    echo "usage: tests/cluster/run.sh slurm|gridengine|all [PYTEST_OPTION]..." >&2
    exit 2
    ;;
esac
shift
. ./path.sh || exit 1

beds=$(mktemp -d)
stop() {
  local bed
  for bed in "$beds"/*/; do
    [ -d "$bed" ] || continue
    bed=${bed%/}
    scheduler=${bed##*/emoseq-}
    "tests/cluster/${scheduler%%-*}.sh" stop "$bed" || true
  done
  rm -rf -- "$beds"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

EMOSEQ_CLUSTER_TESTS=1 EMOSEQ_BEDS=$beds tests/run.sh "${tests[@]}" -rs --durations=5 "$@"
