# shellcheck shell=bash
# The wrapper that runs the jobs of each kind, as in Kaldi; sourced by run.sh, and --cmd overrides the first two.
#
#   utils/run.py                                  on this machine
#   utils/slurm.py --config conf/slurm.conf       on a Slurm cluster
#   utils/queue.py --config conf/queue.conf       on Grid Engine
#
# Options that every job is to have follow the name: "utils/slurm.py --mem 2G --time 4:00:00"; a training takes up to
# 1 GB and one thread. The conf files, which are found without --config too, say what options become on your site.
# Kaldi's own queue.pl and slurm.pl, or a site's, are called in the same way and work as well.
# Nothing in the recipe wants a GPU: cuda_cmd is for steps of your own.

export train_cmd="utils/run.py"
export decode_cmd="utils/run.py"
export cuda_cmd="utils/run.py"
