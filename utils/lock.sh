# Locks of a run on its folders, and a check that no other run changes the data meanwhile. To be sourced.
#
#   lock_exp DIR     refuse to run where another run is at work
#   lock_data DIR    wait for another run that writes data directories there; unlock_data ends that
#   watch_data DIR   remember the state of the data directories, and check_data fails once it has changed
#
# A lock is a descriptor that every process of the run inherits, so whatever outlives a killed run still holds it.

# shellcheck shell=bash disable=SC2034,SC2154

fail() {
  echo "$0: $*" >&2
  exit 1
}

# lock_file FILE [OPTION]...: lock FILE with these options of flock; $locked is the descriptor. Status 1: another run
# holds the lock, and $holder is what FILE says of it.
lock_file() {
  local file=$1 status=0 error
  error=$({ : <> "$file"; } 2>&1) || fail "$file cannot be opened (${error##*: }); give it the right permissions"
  exec {locked}<> "$file"
  error=$(flock "${@:2}" "$locked" 2>&1) || status=$?
  holder=$(< "$file") && holder=${holder:-pid unknown}
  case $status in
    0) { echo "pid $$ on $(uname -n)" > "$file"; } 2> /dev/null || true ;; # the disk may be full
    1) exec {locked}>&- && return 1 ;;
    *) echo "$0: $file cannot be locked ($error): make sure that no other run writes to ${file%/*}" >&2 ;;
  esac
}

lock_exp() {
  local file=$1/.run.lock pid host
  if lock_file "$file" --nonblock; then return; fi
  read -r _ pid _ host <<< "$holder"
  if [ -d "/proc/${pid:-none}" ] && [ "$host" = "$(uname -n)" ]; then
    fail "$1: another run is at work there ($holder): wait for it, or choose another folder with --exp"
  fi
  lock_file "$file" --timeout 10 || fail "$1: another run ($holder), which is gone or on another machine, still has jobs" \
    "at work there: wait for them (here \`fuser $file\` lists them), or choose another folder with --exp"
}

lock_data() {
  local file=$1/.data.lock
  if ! lock_file "$file" --nonblock; then
    echo "$0: $1: waiting for another run that writes there ($holder)" >&2
    lock_file "$file"
  fi
  data_lock=$locked
}

unlock_data() {
  [ -z "${data_lock-}" ] || exec {data_lock}>&-
  data_lock=
}

# The stamps of features and gold standards say what is in the data directories.
watch_data() {
  watched_folder=$1
  watched_stamps=("$1"/{train,dev,test}/.make_*.json)
  watched_state=$(state_of_data)
}

state_of_data() { { cat "${watched_stamps[@]}" || true; } 2> /dev/null | cksum; }

check_data() {
  [ -z "${watched_state-}" ] || [ "$watched_state" = "$(state_of_data)" ] || fail "$watched_folder: another run has changed" \
    "it while this one used it: run this again when that is over, or give one of them a folder of its own with --data"
}
