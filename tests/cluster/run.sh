#!/usr/bin/env bash
# The tests with real schedulers, which are installed and started for them: root on Debian 12 with a python3 is all it takes.
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

# Whatever ended pytest, and however: what its tests started ends, and then the beds.
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

# A process group of its own, which can be interrupted as a whole: bash would wait for a pytest in the foreground
# before it hears a signal.
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
