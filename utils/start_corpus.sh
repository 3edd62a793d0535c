# Beginning of a corpus's own run.sh: run the root's run.sh in the corpus's folder. To be sourced.
#
# Paths in options are relative to the caller's folder, so they become absolute before the change of folder.

# shellcheck shell=bash

options=()
previous=
for argument in "$@"; do
  case $previous in
    --config | --corpus | --partition | --conf | --data | --exp) argument=$(realpath -ms -- "$argument") ;;
  esac
  case $argument in
    --config=* | --corpus=* | --partition=* | --conf=* | --data=* | --exp=*)
      argument=${argument%%=*}=$(realpath -ms -- "${argument#*=}") ;;
  esac
  options+=("$argument")
  previous=$argument
done
cd "$(dirname "$(realpath "${BASH_SOURCE[1]}")")" && exec ../../run.sh "${options[@]}"
