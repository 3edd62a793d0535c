#!/usr/bin/env bash
# The tests on real schedulers, which this installs and starts; it needs root on Debian 12 and a python3.
#   tests/cluster/run.sh [slurm|gridengine|all] [arguments of pytest]
set -euo pipefail

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."

tests=(tests/cluster)
case ${1-} in
  slurm | gridengine) tests=("tests/cluster/test_$1"*.py) && shift ;;
  all) shift ;;
esac
# shellcheck source=path.sh
. ./path.sh

EMOSEQ_BEDS=$(mktemp -d /tmp/emoseq.XXXXXX)
export EMOSEQ_BEDS EMOSEQ_CLUSTER_TESTS=1

# Ends the processes of the tests and then the schedulers, however pytest ended.
clean_up() {
  local folder name
  trap '' HUP INT TERM
  kill -KILL -- "-$pytest" 2> /dev/null || true
  for folder in "$EMOSEQ_BEDS"/*/; do
    name=${folder##"$EMOSEQ_BEDS"/}
    [[ ! -d $folder ]] || "tests/cluster/${name%%.*}.sh" stop "$folder" || return
  done
  rm -rf -- "$EMOSEQ_BEDS"
}

# pytest is a process group of its own, to be ended as a whole, and runs in the background: bash handles a signal only
# after a command in the foreground.
set -m
# The drills wait most of the time; the recipe runs beside them.
python3 -m pytest -n 2 "${tests[@]}" -rs --durations=5 "$@" < /dev/null &
pytest=$!
set +m
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
wait "$pytest"
