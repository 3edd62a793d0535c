#!/usr/bin/env bash
# Run the recipe on recordings of your own with ratings in CSV or as annotation tools write them; see README.md.
# Takes the options of the root's run.sh; --corpus DIR is required. data/ and exp/ are made in this folder.

# Paths in options are relative to the caller's folder, so they become absolute before the change of folder.
options=()
previous=
for argument in "$@"; do
  case $previous in
    --config | --corpus | --conf | --data | --exp) argument=$(realpath -ms -- "$argument") ;;
  esac
  case $argument in
    --config=* | --corpus=* | --conf=* | --data=* | --exp=*)
      argument=${argument%%=*}=$(realpath -ms -- "${argument#*=}") ;;
  esac
  options+=("$argument")
  previous=$argument
done
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" && exec ../../run.sh "${options[@]}"
