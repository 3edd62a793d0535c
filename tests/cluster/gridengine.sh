#!/usr/bin/env bash
# A Grid Engine of one host on this machine, from Debian's packages, as root and without systemd.
#   tests/cluster/gridengine.sh start DIR    installs, configures and starts it where necessary; then `. DIR/env.sh`
#   tests/cluster/gridengine.sh stop DIR     deletes its jobs and stops its daemons
# For drills:
#   restart      the qmaster ends and comes back, with the jobs it had; it learns of their end up to a minute late
#   freeze|thaw  the qmaster does not answer, answers again
#   kill-node    the execd and the jobs' shepherds crash; what the jobs started may live on (start repairs it)
#   drain|resume the queue takes no new jobs, takes them again
set -euo pipefail

# shellcheck source=tests/cluster/bed.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/bed.sh"

# Sets what every verb needs to know.
prepare() {
  local port
  port=$(choose_port)
  host=$(uname -n)
  export SGE_ROOT=$folder/root SGE_CELL=default SGE_QMASTER_PORT=$port SGE_EXECD_PORT=$((port + 1))
  daemon_environment=("SGE_ROOT=$SGE_ROOT" "SGE_CELL=$SGE_CELL"
    "SGE_QMASTER_PORT=$SGE_QMASTER_PORT" "SGE_EXECD_PORT=$SGE_EXECD_PORT"
    "SGE_QMASTER_PIDFILE=$folder/run/sge_qmaster.pid" "SGE_EXECD_PIDFILE=$folder/run/sge_execd.pid")
}

# What the qmaster reads before it can be asked to change anything.
make_cell() {
  local common=$SGE_ROOT/$SGE_CELL/common directory aliases
  mkdir -p "$common" "$folder"/spool/{qmaster,execd} "$folder/tmp"
  for directory in bin lib util utilbin; do
    ln -sfn "/var/lib/gridengine/$directory" "$SGE_ROOT/$directory"
  done
  echo "$host" > "$common/act_qmaster"
  # Asked for the name of its own address, a machine says localhost as well.
  mapfile -t aliases < <({ echo localhost && getent hosts 127.0.0.1 "$host" | tr -s ' ' '\n'; } \
    | grep -vx -e "$host" -e '[0-9.:]*' | sort -u)
  echo "$host" "${aliases[@]}" > "$common/host_aliases"
  cat > "$common/bootstrap" << END
admin_user              root
default_domain          none
ignore_fqdn             true
spooling_method         classic
spooling_lib            libspoolc
spooling_params         $common;$folder/spool/qmaster
binary_path             /usr/sbin
qmaster_spool_dir       $folder/spool/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
END
  # Jobs are killed by group: two cells must not share a range, and its numbers are as good as those of the ports.
  sed -E "s|^(execd_spool_dir) .*|\1 $folder/spool/execd|; s|^(mailer) .*|\1 /bin/true|; s|^(min_[ug]id) .*|\1 0|
    s|^(load_report_time) .*|\1 00:00:02|; s|^(max_unheard) .*|\1 00:00:10|; s|^(gid_range) .*|\1 $SGE_QMASTER_PORT-$((SGE_QMASTER_PORT + 9))|
    s|^(reporting_params) .*|\1 accounting=true accounting_flush_time=00:00:00 flush_time=00:00:01|" \
    /usr/share/gridengine/default-configuration > "$folder/state/configuration"
  # As Kaldi's documentation defines them.
  local complexes=$folder/state/complexes
  cp -rT /usr/share/gridengine/util/resources/centry "$complexes"
  complex ram_free MEMORY JOB 1G 0 > "$complexes/ram_free"
  complex gpu INT YES 0 10000 > "$complexes/gpu"

  local spool=/usr/lib/gridengine
  {
    "$spool/spoolinit" classic libspoolc "$common;$folder/spool/qmaster" init
    "$spool/spooldefaults" configuration "$folder/state/configuration"
    "$spool/spooldefaults" complexes "$complexes"
    "$spool/spooldefaults" usersets /usr/share/gridengine/util/resources/usersets
    "$spool/spooldefaults" managers root
  } &> "$folder/log/cell" || fail "the cell cannot be made: $(last_words "$folder/log/cell")"
}

# $1: name, $2: type, $3: consumable, $4: default, $5: urgency
complex() {
  printf '%s\n' "name $1" "shortcut $1" "type $2" "relop <=" "requestable YES" "consumable $3" "default $4" "urgency $5"
}

# Configures a running qmaster: the host, the parallel environment, the queue, short intervals.
configure() {
  local file=$folder/state/to_configure
  qconf -as "$host" || return
  printf '%s\n' "hostname $host" "load_scaling NONE" "complex_values ram_free=4G,gpu=2" "user_lists NONE" \
    "xuser_lists NONE" "projects NONE" "xprojects NONE" "usage_scaling NONE" "report_variables NONE" > "$file"
  qconf -Ae "$file" || return
  qconf -Ap /usr/share/gridengine/util/resources/pe/smp || return
  # Without load thresholds: whatever else keeps this machine busy must not close the queue.
  qconf -sq | sed -E "s|^(qname) .*|\1 all.q|; s|^(hostlist) .*|\1 $host|; s|^(slots) .*|\1 2|; s|^(pe_list) .*|\1 smp|
    s|^(load_thresholds) .*|\1 NONE|; s|^(tmpdir) .*|\1 $folder/tmp|" > "$file"
  qconf -Aq "$file" || return
  qconf -ssconf | sed -E "s|^(schedule_interval) .*|\1 0:0:1|; s|^(flush_(submit\|finish)_sec) .*|\1 1|
    s|^(job_load_adjustments) .*|\1 NONE|; s|^(load_adjustment_decay_time) .*|\1 0:0:0|" > "$file"
  qconf -Msconf "$file"
}

answers() {
  timeout 5 qconf -sh &> /dev/null
}

takes_jobs() {
  local columns
  # Queue, type, slots, load, architecture, and then the letters of what is wrong, if anything is.
  read -ra columns < <(qstat -f -q all.q 2> /dev/null | grep "^all\.q@") || return
  case ${columns[5]-} in
    *d* | *E*)
      qmod -e all.q
      qmod -cq all.q
      ;;
  esac > /dev/null
  ((${#columns[@]} == 5)) && [[ ${columns[3]} != -NA- ]]
}

start_qmaster() {
  start_daemon sge_qmaster "$folder/spool/qmaster/messages" sge_qmaster
  signal_daemon CONT sge_qmaster
  wait_until 20 answers || fail "sge_qmaster does not answer: $(last_words "$folder/spool/qmaster/messages")"
}

start_execd() {
  start_daemon sge_execd "$(echo "$folder"/spool/execd/*/messages)" sge_execd
}

start() {
  install_packages sge_qmaster gridengine-master gridengine-exec gridengine-client
  prepare
  # Grid Engine has to know its own host's address.
  if ! getent hosts "$host" > /dev/null; then
    echo "127.0.0.1 $host" >> /etc/hosts
    say "added $host to /etc/hosts"
  fi
  if [[ ! -f $folder/env.sh ]]; then
    make_cell
    start_qmaster
    configure &> "$folder/log/configure" || fail "$(last_words "$folder/log/configure")"
    echo "export SGE_ROOT=$SGE_ROOT SGE_CELL=$SGE_CELL" \
      "SGE_QMASTER_PORT=$SGE_QMASTER_PORT SGE_EXECD_PORT=$SGE_EXECD_PORT" > "$folder/env.sh"
  fi
  # What has lost its qmaster is no use to a new one: see restart.
  daemon sge_qmaster > /dev/null || stop_daemon sge_execd
  start_qmaster
  start_execd
  wait_until 30 takes_jobs || fail "the queue takes no jobs: $(last_words "$folder/spool/qmaster/messages")"
  say "ready: . $folder/env.sh"
}

no_jobs() {
  [[ ! $(qstat -u '*' 2> /dev/null) ]]
}

stop() {
  local left
  prepare
  if daemon sge_qmaster > /dev/null; then
    signal_daemon CONT sge_qmaster
    if ! no_jobs; then
      qdel -f -u '*' > /dev/null || true
      wait_until 10 no_jobs || true
    fi
  fi
  stop_daemon sge_execd
  stop_daemon sge_qmaster
  mapfile -t left < <(processes_with "EMOSEQ_BED=$folder/" "SGE_JOB_SPOOL_DIR=$folder/")
  kill_processes "${left[@]}" || fail "does not end: ${left[*]}"
  say "stopped in $folder"
}

# The execd as well: it takes half a minute to register with a new qmaster, and never reports the end of a job that it
# was given before it did. A new execd takes over the jobs of the old one, and looks for their end once a minute.
restart() {
  local node
  prepare
  node=$(daemon sge_execd || true)
  stop_daemon sge_execd
  stop_daemon sge_qmaster
  start_qmaster
  [[ ! $node ]] || start_execd
}

freeze() {
  signal_daemon STOP sge_qmaster
}

thaw() {
  signal_daemon CONT sge_qmaster
}

kill_node() {
  local pid doomed=()
  for pid in $(processes_with "EMOSEQ_BED=$folder/"); do
    if is_ours "$pid" sge_execd || is_ours "$pid" sge_shepherd; then
      doomed+=("$pid")
    fi
  done
  kill_processes "${doomed[@]}"
}

drain() {
  prepare
  qmod -d all.q > /dev/null
}

resume() {
  prepare
  qmod -e all.q > /dev/null
}

main "$@"
