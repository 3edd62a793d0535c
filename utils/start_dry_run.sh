# Beginning of a dry run, if the variable dry_run is true and none has begun. To be sourced. Every step is then a dry run,
# too; see emoseq/recipe/dry_run.py.

# shellcheck shell=bash disable=SC2154

if [ "$dry_run" = true ] && [ -z "${EMOSEQ_DRY_RUN-}" ]; then
  EMOSEQ_DRY_RUN=$(mktemp -d)
  export EMOSEQ_DRY_RUN
  trap 'rm -rf -- "$EMOSEQ_DRY_RUN"' EXIT
fi
