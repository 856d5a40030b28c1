#!/usr/bin/env bash
# Test the sweep on a real SLURM of one node: its workers, a job array and one process must make the same bits.
#   apt-get install slurmctld slurmd slurm-client munge && make env      (Debian or Ubuntu, once)
#   benchmarks/slurm.sh [--set seeds=2 ...]                              (as root, a few minutes; nothing is left behind)
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$repository/.venv/bin
options=(--profile smoke --fresh --set seeds=1 "$@")

fail() {
    echo "slurm.sh: $1" >&2
    exit 1
}

check() {
    [[ $EUID -eq 0 ]] || fail "slurmd starts jobs as root only: run it as root, as in a container"
    local program
    for program in slurmctld slurmd sbatch squeue sinfo munged; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [[ ${#missing[@]} -eq 0 ]] || fail "${missing[*]} not found: apt-get install slurmctld slurmd slurm-client munge"
    [[ -x $bin/tlfourier ]] || fail "there is no $bin/tlfourier: run make env"
    "$bin/python" -c "import dask_jobqueue" 2>/dev/null || fail "dask-jobqueue is not installed: pip install '.[slurm]'"
}

# Everything that runs or lies outside the repository ends here, whatever ends the script. The daemons run in sessions of
# their own: Ctrl-C must not end them before they have ended the jobs.
finish() {
    trap '' INT TERM
    [[ -z $study ]] || kill -TERM -- "-$study" 2>/dev/null || true
    local daemon
    if scancel --quiet --user=root 2>/dev/null; then
        for _ in {1..40}; do
            [[ -n $(squeue --noheader 2>/dev/null) ]] || break
            sleep 0.5
        done
    fi
    for daemon in "${daemons[@]}"; do kill "$daemon" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}

free_ports() {
    "$bin/python" -c "
import socket
held = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))"
}

# A munge of our own, with its own key, leaves the machine's as it is.
start_munge() {
    head -c 1024 /dev/urandom >munge.key
    chmod 600 munge.key
    setsid munged --foreground --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
        --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" --seed-file="$folder/munge.seed" 2>munged.log &
    daemons+=("$!")
}

configure() {
    local node controller daemon memory
    node=$(hostname -s)
    read -r controller daemon < <(free_ports)
    memory=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
    cat >slurm.conf <<EOF
ClusterName=tlfourier
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$daemon
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
    cat >template.toml <<EOF
jobs = 1
cores = 2
memory = "4GB"
walltime = "01:00:00"
interface = "lo"
log_directory = "$folder/workers.jobs"
EOF
}

start_slurm() {
    mkdir state spool workers.jobs
    setsid slurmctld -D >slurmctld.log 2>&1 &
    daemons+=("$!")
    setsid slurmd -D >slurmd.log 2>&1 &
    daemons+=("$!")
    for _ in {1..60}; do
        [[ $(sinfo --noheader --format=%T 2>/dev/null) != idle ]] || return 0
        sleep 0.5
    done
    tail -n 5 ./*.log >&2
    fail "SLURM is not idle after 30 s: the last words of its logs are above"
}

# Run a command with a store of its own, in a process group that can be stopped whole.
timed() {
    local store=$1 text=$2 started=$SECONDS
    shift 2
    echo "== $text"
    TLFOURIER_STORE=$folder/$store TLFOURIER_BUILD=$folder/$store.build OMP_NUM_THREADS=1 \
        setsid "$@" >"$store.log" 2>&1 &
    study=$!
    if ! wait "$study"; then
        tail -n 5 ./*.log workers.jobs/* >&2
        fail "$text did not finish: the last words of all logs are above"
    fi
    study=
    echo "   $((SECONDS - started)) s"
}

array() {
    local command
    printf -v command '%q ' "$bin/tlfourier" sweep "${options[@]}"
    # shellcheck disable=SC2016  # the job expands it, each its own
    timed array "a job array of two" sbatch --wait --quiet --array=0-1 --mem=2G --output="$folder/array-%a.log" \
        --wrap "$command"'--task-index $SLURM_ARRAY_TASK_ID --tasks 2'
}

compare() {
    "$bin/python" - "$@" <<'EOF'
import json
import sys
from pathlib import Path


def files(store):
    return {str(path.parent.relative_to(store)): json.loads(path.read_text())["files"] for path in Path(store).rglob("manifest.json")}


made = [files(store) for store in sys.argv[1:]]
names = sorted(set().union(*made))
different = [name for name in names if len({json.dumps(one.get(name), sort_keys=True) for one in made}) > 1]
for name in different:
    print(name, *(f"{Path(s).name}: {one.get(name, 'not there')}" for s, one in zip(sys.argv[1:], made)), sep="\n  ")
if different or not names:
    sys.exit(f"{len(different)} of {len(names)} artifacts differ")
print(f"{len(names)} artifacts, the same bits from SLURM's workers, a job array and one process")
EOF
}

missing=() daemons=() study='' folder=''
check
folder=$(mktemp -d "${TMPDIR:-/tmp}/tlfourier-slurm.XXXXXX")
chmod 755 "$folder" # munge refuses a socket that others cannot reach
export SLURM_CONF=$folder/slurm.conf # from here on no command of SLURM's reaches another one
trap finish EXIT
trap 'exit 130' INT TERM
cd "$folder"
start_munge
configure
start_slurm
echo "$(slurmd -V), $(sinfo --noheader --format='%n: %c cores, %m MB')"
timed workers "SLURM's workers" "$bin/tlfourier" sweep "${options[@]}" --slurm "$folder/template.toml"
array
timed process "one process" "$bin/tlfourier" sweep "${options[@]}" --workers 1
compare "$folder/workers" "$folder/array" "$folder/process"
