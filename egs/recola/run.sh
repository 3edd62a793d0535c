#!/usr/bin/env bash
# RECOLA / AVEC 2016: the recipe's stages with the settings of this folder's conf/.
# Takes the options of ./run.sh; --corpus DIR is needed. data/ and exp/ are this folder's own.

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
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" && exec ../../run.sh "${options[@]}"
