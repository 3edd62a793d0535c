# shellcheck shell=bash
# Shared by slurm.sh and gridengine.sh: the command line, packages, ports, processes. Sourced, never executed.
#
# Every daemon has EMOSEQ_BED=<folder>/ in its environment. A pid file alone may name a stranger after a reboot,
# and a crashed daemon leaves children that no pid file names.

say() {
  echo "tests/cluster/${0##*/}: $*"
}

fail() {
  say "$@" >&2
  exit 1
}

# The last line of a log, for an error message. $1: the log
last_words() {
  tail -n 1 -- "$1" 2> /dev/null || echo "no such log"
}

# $1: seconds; then a command, which is repeated until it succeeds
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return
    sleep 0.1
  done
}

# $1: a program of the packages that follow
install_packages() {
  local program=$1
  shift
  ! type -P "$program" > /dev/null || return 0
  type -P apt-get > /dev/null || fail "$program is not installed, and there is no apt-get to install it: $*"
  say "installing $*"
  # An interrupt waits a few seconds: half-installed packages would need repair by hand.
  # The other bed may be installing as well, and must not lose this one's policy.
  (
    trap '' HUP INT TERM
    exec 9> /run/lock/emoseq-bed
    flock 9
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
      trap 'rm -f -- "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' > "$policy"
      chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    install=(apt-get install -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "$@")
    "${install[@]}" || { apt-get update -qq && "${install[@]}"; }
  ) < /dev/null &> "$folder/apt.log" \
    || fail "apt-get cannot install $*: $(last_words "$folder/apt.log") ($folder/apt.log)"
}

# A port with nobody on it and the nine that follow; a bed keeps the one it once had. Left to chance, because beds that
# are started at the same time would all find the same first one.
choose_port() {
  local port
  if [[ ! -f $folder/port ]]; then
    until
      port=$((20000 + 10 * (RANDOM % 1200)))
      ! { : < "/dev/tcp/127.0.0.1/$port" || : < "/dev/tcp/127.0.0.1/$((port + 1))"; } 2> /dev/null
    do :; done
    echo "$port" > "$folder/port"
  fi
  cat "$folder/port"
}

# The processes that have one of these strings in their environment, one a line.
processes_with() {
  local marks=() mark
  for mark; do
    marks+=(-e "$mark")
  done
  { grep -lzF "${marks[@]}" /proc/[0-9]*/environ 2> /dev/null || true; } | cut -d/ -f3
}

# $1: a process, $2: its name
is_ours() {
  [[ $(cat "/proc/$1/comm" 2> /dev/null) == "$2" ]] && grep -qzF "EMOSEQ_BED=$folder/" "/proc/$1/environ" 2> /dev/null
}

# The process of the daemon $1, if it is alive.
daemon() {
  local pid
  pid=$(cat "$folder/run/$1.pid" 2> /dev/null) || return
  is_ours "$pid" "$1" && echo "$pid"
}

# Environment of the daemons.
daemon_environment=()

# $1: the daemon, $2: its log; then the command. The environment of the calling shell is left out: on a
# cluster, jobs would not see it either.
start_daemon() {
  local name=$1 log=$2
  shift 2
  ! daemon "$name" > /dev/null || return 0
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "EMOSEQ_BED=$folder/" "${daemon_environment[@]}" "$@" \
    < /dev/null &> "$folder/log/$name.start" \
    || fail "$name does not start: $(last_words "$folder/log/$name.start")"
  wait_until 10 daemon "$name" > /dev/null \
    || fail "$name ended: $(last_words "$log")"
}

stop_daemon() {
  local pid
  pid=$(daemon "$1") || return 0
  kill -TERM "$pid"
  kill -CONT "$pid"
  wait_until 20 gone "$pid" || kill -KILL "$pid"
}

# A process that has ended and that nobody waits for is still in /proc, without its program.
gone() {
  local pid
  for pid; do
    ! [[ -e /proc/$pid/exe ]] || return
  done
}

kill_processes() {
  (($# > 0)) || return 0
  kill -KILL "$@" 2> /dev/null || true
  wait_until 5 gone "$@"
}

# $1: the signal, $2: the daemon
signal_daemon() {
  local pid
  pid=$(daemon "$2") || fail "$2 is not running in $folder"
  kill "-$1" "$pid"
}

# The command line of both: each verb is a function of the script, with _ for -.
main() {
  local verbs="start stop restart freeze thaw kill-node drain resume"
  if (($# != 2)) || [[ " $verbs " != *" $1 "* ]]; then
    echo "usage: tests/cluster/${0##*/} ${verbs// /|} DIR" >&2
    exit 2
  fi
  # The configuration files know no quotes, and sockets are to fit into the 108 bytes of their names.
  [[ $2 =~ ^/[A-Za-z0-9/._-]{1,64}$ ]] \
    || fail "$2: DIR is an absolute path of at most 65 letters, digits and . _ - /"
  (($(id -u) == 0)) || fail "needs root"
  folder=${2%/}
  if [[ $1 == start ]]; then
    mkdir -p -- "$folder"/{log,run,spool,state}
  elif [[ ! -f $folder/env.sh ]]; then
    [[ $1 == stop ]] || fail "$folder: nothing was started there"
    say "nothing to stop in $folder"
    exit
  fi
  "${1//-/_}"
}
