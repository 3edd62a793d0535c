# shellcheck shell=bash
# The environment of the recipe. Sourced (". ./path.sh") by run.sh and by every job script, never executed.
#
# Python is .venv beside this file, made on first use from the python3 in PATH and the pins of
# requirements.txt, and made anew when requirements.txt changes. Whoever has an environment of their own
# sets EMOSEQ_PYTHON to its interpreter; then nothing is made or installed.
#
# Leaves the options of the calling shell alone. A failure is one line and status 1.

if [ -z "${BASH_VERSION-}" ]; then
  echo "path.sh: this shell is not bash; start bash and source path.sh there" >&2
  return 1
fi

_emoseq_fail() {
  printf 'path.sh: %s\n' "$1" >&2
  return 1
}

# $1: an interpreter, $2: what to call it in a message
_emoseq_check_version() {
  local version
  version=$("$1" -c 'import sys
print("%d.%d.%d" % sys.version_info[:3])
sys.exit(sys.version_info < (3, 10))' 2> /dev/null) && return
  [[ $version ]] || version="no Python 3 that runs"
  _emoseq_fail "$2 is $version ($1), 3.10 or newer is needed: $3"
}

# $1: the checkout, $2: PATH without the checkout's own directories
_emoseq_use_own_python() {
  local python missing advice="set EMOSEQ_PYTHON to another interpreter, or unset it to have .venv made"
  [[ ${EMOSEQ_CHECKED-} != "$EMOSEQ_PYTHON" ]] || return 0

  python=$(PATH=$2 type -P -- "$EMOSEQ_PYTHON") \
    || _emoseq_fail "EMOSEQ_PYTHON is $EMOSEQ_PYTHON, which is not a program: $advice" || return
  # Jobs run in other directories.
  [[ $python == /* ]] || python=$PWD/$python
  ! [[ $python -ef $1/utils/environment/python3 ]] \
    || _emoseq_fail "EMOSEQ_PYTHON is $python, which only starts \$EMOSEQ_PYTHON: $advice" || return
  _emoseq_check_version "$python" EMOSEQ_PYTHON "$advice" || return
  missing=$("$python" "$1/utils/install_environment.py" --missing) \
    || _emoseq_fail "EMOSEQ_PYTHON ($python) lacks the modules ${missing:-of the recipe}:\
 install what requirements.txt names, or $advice" || return
  export EMOSEQ_PYTHON=$python EMOSEQ_CHECKED=$python
}

# $1: the checkout, $2: PATH without the checkout's own directories
_emoseq_make_venv() {
  local python advice="put a newer python3 first in PATH,\
 or set EMOSEQ_PYTHON to an interpreter that has the packages"
  if [[ -x $1/.venv/bin/python3 && -f $1/.venv/.installed ]] \
    && [[ $(< "$1/.venv/.installed") == "$(< "$1/requirements.txt")" ]]; then
    return 0
  fi
  # With `sbatch --export=PATH` the wrapper arrives in PATH, but not the interpreter it is to start.
  if [[ :$PATH: == *":$1/utils/environment:"* && -z ${EMOSEQ_ROOT-} ]]; then
    _emoseq_fail "EMOSEQ_PYTHON was set where this job was submitted and is not set here:\
 have the scheduler pass it on (sbatch --export=PATH,EMOSEQ_PYTHON; qsub -v EMOSEQ_PYTHON)"
    return
  fi

  python=$(PATH=$2 type -P python3) \
    || _emoseq_fail "no python3 in PATH, 3.10 or newer is needed: $advice" || return
  _emoseq_check_version "$python" python3 "$advice" || return
  # What PYTHONPATH has would count as installed.
  (unset PYTHONPATH PYTHONHOME && exec "$python" "$1/utils/install_environment.py")
}

_emoseq_environment() {
  local root bin entry path=:$PATH: modules=:${PYTHONPATH-}:
  root=$(readlink -f -- "${BASH_SOURCE[0]}") || return
  root=${root%/*}

  # Sourced again, nothing may grow.
  for entry in "$root/.venv/bin" "$root/utils/environment"; do
    path=${path//":$entry:"/:}
  done
  path=${path#:}
  path=${path%:}
  modules=${modules//":$root:"/:}
  modules=${modules#:}
  modules=${modules%:}

  if [[ ${EMOSEQ_PYTHON-} ]]; then
    _emoseq_use_own_python "$root" "$path" || return
    bin=$root/utils/environment
  else
    _emoseq_make_venv "$root" "$path" || return
    bin=$root/.venv/bin
    # The pins and nothing else: a cluster's modules, or ROS, put packages of another Python there.
    modules=
    unset PYTHONHOME
  fi

  export EMOSEQ_ROOT=$root
  export PATH=$bin${path:+:$path}
  export PYTHONPATH=$root${modules:+:$modules}
  # Sorting as Kaldi's tools want it, and text files in UTF-8 all the same.
  export LC_ALL=C PYTHONUTF8=1
  # One thread per job: jobs run side by side, and sums must not depend on how they were split up.
  export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
  export NUMBA_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
  # Back-propagation through 7500 frames asks for large buffers again and again; kept, instead of mapped anew each
  # time, they save a fifth of the time of training.
  export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
  export PYTHONHASHSEED=0
  export MPLBACKEND=Agg
}

_emoseq_environment || return 1
unset -f _emoseq_fail _emoseq_check_version _emoseq_use_own_python _emoseq_make_venv _emoseq_environment
