# Options of a shell script, in Kaldi's manner. To be sourced, after the defaults are set:
#
#   stage=0
#   cmd=utils/run.py
#   help_message="Usage: $0 [--stage N] [--cmd CMD] <data-dir>"
#   . utils/parse_options.sh
#
# `--cmd VALUE` or `--cmd=VALUE` sets the variable cmd, `--stop-stage N` sets stop_stage. A variable that does not
# exist is not an option, and one that is true or false stays so; `--dry-run` alone sets such a variable to true. Options
# end at the first argument that is none, or after `--`; the script's "$@" is what follows. `--config FILE` is read first,
# so that the command line wins: lines `--name=value`, `#` begins a comment. `--help` prints $help_message. An error is
# one line on stderr and status 1.
#
# A value is stored as it is and never evaluated. Needs bash 4.

# shellcheck shell=bash

_po_fail() {
  printf '%s: %s\n' "$0" "$1" >&2
  exit 1
}

# _po_set <name as written> <value> <where it stands, for messages>
_po_set() {
  local _po_name=${1//-/_} _po_old _po_attributes
  [[ $1 =~ ^[A-Za-z][A-Za-z0-9_-]*$ && -n ${!_po_name+set} ]] ||
    _po_fail "$3unknown option --$1; see --help"
  # Assigning to an integer evaluates the value, and a reference may lead anywhere.
  _po_attributes=$(declare -p "$_po_name")
  _po_attributes=${_po_attributes#declare }
  [[ ${_po_attributes%% *} != *[inr]* ]] || _po_fail "$3--$1 cannot be set"
  _po_old=${!_po_name}
  if [[ $_po_old == true || $_po_old == false ]] && [[ $2 != true && $2 != false ]]; then
    _po_fail "$3expected \"true\" or \"false\": --$1 $2"
  fi
  if [[ $1 == cmd && -z $2 ]]; then
    _po_fail "$3empty argument to --cmd"
  fi
  printf -v "$_po_name" %s "$2"
}

_po_read() {
  local _po_line _po_number=0 _po_where
  [[ -f $1 && -r $1 ]] || _po_fail "--config $1: there is no such file"
  while IFS= read -r _po_line || [[ -n $_po_line ]]; do
    _po_number=$((_po_number + 1))
    _po_where="$1:$_po_number: "
    _po_line=${_po_line%%#*}
    _po_line=${_po_line#"${_po_line%%[![:space:]]*}"}
    _po_line=${_po_line%"${_po_line##*[![:space:]]}"}
    [[ -n $_po_line ]] || continue
    [[ $_po_line == --*=* ]] || _po_fail "$_po_where'$_po_line' is not --name=value"
    _po_line=${_po_line#--}
    _po_set "${_po_line%%=*}" "${_po_line#*=}" "$_po_where"
  done < "$1"
}

# _po_walk <pass> <argument>...: pass 1 reads the --config files, pass 2 sets the other options.
# _po_count becomes the number of arguments that belong to options.
_po_walk() {
  local _po_pass=$1 _po_option _po_value
  shift
  _po_count=0
  while (($# > 0)); do
    case $1 in
      -h | --help)
        if [[ -n ${help_message:-} ]]; then
          printf '%b\n' "$help_message"
        else
          printf 'Usage: %s [--name value]... [argument]...\n' "$0"
        fi
        exit 0
        ;;
      --)
        _po_count=$((_po_count + 1))
        return 0
        ;;
      --*=*)
        _po_option=${1%%=*}
        _po_value=${1#*=}
        ;;
      --*)
        _po_option=$1
        # A switch, one that is false by default, may stand alone.
        _po_value=${_po_option#--}
        _po_value=${_po_value//-/_}
        if [[ $_po_value =~ ^[A-Za-z][A-Za-z0-9_]*$ && ${!_po_value-} == false && ($# -eq 1 || $2 == --*) ]]; then
          [[ $_po_pass == 1 ]] || _po_set "${_po_option#--}" true ""
          _po_count=$((_po_count + 1))
          shift
          continue
        fi
        (($# > 1)) || _po_fail "$1 wants a value"
        _po_value=$2
        _po_count=$((_po_count + 1))
        shift
        ;;
      *) return 0 ;;
    esac
    _po_count=$((_po_count + 1))
    shift
    if [[ $_po_option == --config ]]; then
      [[ $_po_pass == 2 ]] || _po_read "$_po_value"
      [[ -z ${config+set} ]] || config=$_po_value
    elif [[ $_po_pass == 2 ]]; then
      _po_set "${_po_option#--}" "$_po_value" ""
    fi
  done
}

_po_walk 1 "$@"
_po_walk 2 "$@"
shift "$_po_count"
unset -f _po_fail _po_set _po_read _po_walk
unset -v _po_count
true # what sourcing this returns, for callers with set -e
