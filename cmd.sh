# shellcheck shell=bash
# The wrappers that run the jobs, as in Kaldi; sourced by run.sh, where --cmd replaces both.
#
#   utils/run.py      on this machine
#   utils/slurm.py    on Slurm; conf/slurm.conf
#   utils/queue.py    on Grid Engine; conf/queue.conf
#
# Options for every job follow the name: "utils/slurm.py --mem 2G --time 4:00:00". A training takes one thread and up to
# 1 GB; no step needs a GPU. The conf files translate the options for your site; --config FILE names another file.
# Kaldi's run.pl, slurm.pl and queue.pl, or a site's own wrapper, work as well. See docs/cluster.md.

export train_cmd="utils/run.py"
export decode_cmd="utils/run.py"
