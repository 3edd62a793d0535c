# shellcheck shell=bash
# The environment of the recipe, sourced (". ./path.sh") by run.sh and by every job script; a failure is one line and
# status 1. Python is .venv beside this file: utils/install_environment.py makes it on first use, and again when
# requirements.txt has changed. With EMOSEQ_PYTHON=/path/to/python3 your own environment is used, nothing is installed.

if [ -z "${BASH_VERSION-}" ]; then
  echo "path.sh: this shell is not bash; start bash and source path.sh there" >&2
  return 1
fi

_emoseq_fail() { printf 'path.sh: %s\n' "$1" >&2 && return 1; }

# $1: an interpreter, $2: its name in a message, $3: advice
_emoseq_check_version() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 10))' \
    2> /dev/null) || _emoseq_fail "$2 is ${version:-no Python 3 that runs} ($1), 3.10 or newer is needed: $3"
}

_emoseq_environment() {
  local root bin python advice entry path=:$PATH: modules=:${PYTHONPATH-}:
  root=$(readlink -f -- "${BASH_SOURCE[0]}") || return
  root=${root%/*}
  for entry in "$root/.venv/bin" "$root/utils/environment"; do path=${path//":$entry:"/:}; done # nothing may grow
  path=${path#:} path=${path%:} modules=${modules//":$root:"/:} modules=${modules#:} modules=${modules%:}
  if [[ ${EMOSEQ_PYTHON-} ]]; then
    bin=$root/utils/environment advice="set EMOSEQ_PYTHON to another interpreter, or unset it to have .venv made"
    if [[ ${EMOSEQ_CHECKED-} != "$EMOSEQ_PYTHON" ]]; then
      python=$(PATH=$path type -P -- "$EMOSEQ_PYTHON") \
        || _emoseq_fail "EMOSEQ_PYTHON is $EMOSEQ_PYTHON, which is not a program: $advice" || return
      [[ $python == /* ]] || python=$PWD/$python # jobs run in other directories
      [[ ! $python -ef $bin/python3 ]] \
        || _emoseq_fail "EMOSEQ_PYTHON is $python, which only starts \$EMOSEQ_PYTHON: $advice" || return
      _emoseq_check_version "$python" EMOSEQ_PYTHON "$advice" || return
      "$python" "$root/utils/install_environment.py" --check "$python" "$advice" || return
      export EMOSEQ_PYTHON=$python EMOSEQ_CHECKED=$python
    fi
  else
    unset PYTHONHOME
    bin=$root/.venv/bin modules= # a cluster's modules, or ROS, put packages of another Python into PYTHONPATH
    if [[ ! -x $bin/python3 || $(cat "$root/.venv/.installed" 2>&1) != "$(< "$root/requirements.txt")" ]]; then
      [[ :$PATH: != *":$root/utils/environment:"* || ${EMOSEQ_ROOT-} ]] \
        || _emoseq_fail "EMOSEQ_PYTHON was set where this job was submitted and is not set here: have the scheduler pass\
 it on (sbatch --export=PATH,EMOSEQ_PYTHON; qsub -v EMOSEQ_PYTHON)" || return
      advice="put a newer python3 first in PATH, or set EMOSEQ_PYTHON to an interpreter that has the packages"
      python=$(PATH=$path type -P python3) || _emoseq_fail "no python3 in PATH, 3.10 or newer is needed: $advice" || return
      _emoseq_check_version "$python" python3 "$advice" || return
      (unset PYTHONPATH && exec "$python" "$root/utils/install_environment.py") || return
    fi
  fi
  export EMOSEQ_ROOT=$root PATH=$bin${path:+:$path} PYTHONPATH=$root${modules:+:$modules}
  export LC_ALL=C PYTHONUTF8=1 PYTHONHASHSEED=0 MPLBACKEND=Agg # sorted as Kaldi's tools want it, text in UTF-8
  # One thread per job: jobs run side by side, and sums must not depend on how they were split up.
  export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
  # Kept buffers, instead of new ones for each utterance, save a fifth of the time of training.
  export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
}

_emoseq_environment || return 1
unset -f _emoseq_fail _emoseq_check_version _emoseq_environment
