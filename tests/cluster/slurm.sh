#!/usr/bin/env bash
# A Slurm of one node on this machine, from Debian's packages, as root and without systemd.
#   tests/cluster/slurm.sh start DIR    installs, configures and starts it where necessary; then `. DIR/env.sh`
#   tests/cluster/slurm.sh stop DIR     cancels its jobs and stops its daemons
# For drills:
#   restart      the controller ends and comes back, with the jobs it had
#   freeze|thaw  the controller does not answer, answers again
#   kill-node    the node's daemon and the jobs' keepers crash; what the jobs started may live on (start repairs it)
#   drain|resume the node takes no new jobs, takes them again
set -euo pipefail

# shellcheck source=tests/cluster/bed.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/bed.sh"

# Sets what every verb needs to know.
prepare() {
  port=$(choose_port)
  socket=$folder/run/munge.socket
  # In the environment of every job.
  cluster=bed$(cksum <<< "$folder" | cut -d' ' -f1)
  export SLURM_CONF=$folder/slurm.conf
  daemon_environment=("SLURM_CONF=$SLURM_CONF")
}

configure() {
  local host addresses=
  host=$(uname -n)
  # Slurm looks up IPv4 addresses with AI_ADDRCONFIG, which finds none, not even 127.0.0.1 itself, while that is the
  # only address of the machine. With IPv6 allowed it does not insist.
  getent ahostsv4 127.0.0.1 > /dev/null || addresses=CommunicationParameters=EnableIPv6
  cat > "$SLURM_CONF" << END
ClusterName=$cluster
SlurmctldHost=${host%%.*}(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
$addresses
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log

# No cgroups: a container often has none.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PropagateResourceLimits=NONE
MpiDefault=none

# Everything as soon as Slurm permits.
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
KillWait=2
SlurmdTimeout=5
SlurmctldTimeout=10
MessageTimeout=5
ReturnToService=2

# A node of this size whatever the machine has.
SlurmdParameters=config_overrides
DefMemPerCPU=1000
GresTypes=gpu
NodeName=bed NodeHostname=${host%%.*} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 Gres=gpu:2
PartitionName=shared Nodes=bed Default=YES
PartitionName=gpu Nodes=bed
END
  # Slurm sets CUDA_VISIBLE_DEVICES for GPUs that have a device file, any device file.
  ln -sfn /dev/null "$folder/state/gpu0"
  ln -sfn /dev/null "$folder/state/gpu1"
  echo "NodeName=bed Name=gpu File=$folder/state/gpu[0-1]" > "$folder/gres.conf"
  # Left to choose, slurmd ends where no cgroups are mounted; version 1 is not looked at until it is used.
  echo "CgroupPlugin=cgroup/v1" > "$folder/cgroup.conf"
  if [[ ! -f $folder/munge.key ]]; then
    (umask 077 && head -c 128 /dev/urandom > "$folder/munge.key")
  fi
  echo "export SLURM_CONF=$SLURM_CONF" > "$folder/env.sh"
}

answers() {
  [[ $(scontrol ping 2>&1) == *UP* ]]
}

takes_jobs() {
  case $(sinfo --noheader --nodes=bed --partition=shared --format=%T 2> /dev/null) in
    idle | mixed | allocated | completing) return ;;
    down* | drain*) scontrol update nodename=bed state=resume 2> /dev/null || true ;;
  esac
  return 1
}

start() {
  install_packages slurmctld slurmctld slurmd slurm-client munge
  prepare
  configure
  # --force: what munged says against the folder does not matter with one user.
  start_daemon munged "$folder/log/munged.log" munged --force --key-file="$folder/munge.key" --socket="$socket" --origin=127.0.0.1 \
    --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" --seed-file="$folder/state/munged.seed"
  start_daemon slurmctld "$folder/log/slurmctld.log" slurmctld
  signal_daemon CONT slurmctld
  wait_until 20 answers || fail "slurmctld does not answer: $(last_words "$folder/log/slurmctld.log")"
  start_daemon slurmd "$folder/log/slurmd.log" slurmd -N bed
  wait_until 30 takes_jobs || fail "the node takes no jobs: $(last_words "$folder/log/slurmd.log")"
  say "ready: . $folder/env.sh"
}

# slurmd and each slurmstepd, one a line. The latter write a title over their environment, but stay where slurmd was.
node_daemons() {
  local directory process
  for directory in /proc/[0-9]*/cwd; do
    process=${directory%/cwd}
    if [[ $directory -ef $folder/log && $(cat "$process/comm" 2> /dev/null) =~ ^slurm(d|stepd)$ ]]; then
      echo "${process#/proc/}"
    fi
  done
}

no_jobs() {
  [[ ! $(squeue --noheader 2> /dev/null) ]]
}

stop() {
  local left
  prepare
  if daemon slurmctld > /dev/null && daemon slurmd > /dev/null; then
    signal_daemon CONT slurmctld
    scancel --user=root || true
    wait_until 10 no_jobs || true
  fi
  stop_daemon slurmd
  stop_daemon slurmctld
  stop_daemon munged
  mapfile -t left < <(node_daemons; processes_with "EMOSEQ_BED=$folder/" "SLURM_CLUSTER_NAME=$cluster")
  kill_processes "${left[@]}" || fail "does not end: ${left[*]}"
  say "stopped in $folder"
}

restart() {
  prepare
  stop_daemon slurmctld
  start_daemon slurmctld "$folder/log/slurmctld.log" slurmctld
  wait_until 20 answers || fail "slurmctld does not answer: $(last_words "$folder/log/slurmctld.log")"
}

freeze() {
  signal_daemon STOP slurmctld
}

thaw() {
  signal_daemon CONT slurmctld
}

kill_node() {
  local doomed
  mapfile -t doomed < <(node_daemons)
  kill_processes "${doomed[@]}"
}

drain() {
  prepare
  scontrol update nodename=bed state=drain reason=drill
}

resume() {
  prepare
  scontrol update nodename=bed state=resume
}

main "$@"
