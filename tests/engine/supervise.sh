# Holds the namespaces of one engine, and takes everything away again when its standard input closes: also when the tests were killed.
#
#   sh supervise.sh WORK DATA CHROOT CGROUP      DATA is the data-root; CHROOT is / for the machine's own engine
#
# One word a line on standard input, one line of answer to each:
#   on    makes the namespaces; answers the pid, as seen out here, of their first process
#   off   ends them with all that runs in them, which is a power cut for the engine; answers `off`
work=$1
data=$2
chroot=$3
cgroup=$4
holder=
init=

# The signals of a terminal reach the whole process group: the cleaning up must outlive the tests.
trap '' INT TERM HUP QUIT

# Runs as the first process of the namespaces, and adopts and reaps what the engine leaves behind.
hold='
set -e
work=$1
data=$2
chroot=${3%/}
busybox ip link set lo up
if [ -n "$chroot" ]; then
    mount --rbind "$chroot" "$chroot"
    mount -t proc proc "$chroot/proc"
    mount --rbind /sys "$chroot/sys"
    mount --rbind /dev "$chroot/dev"
    mount -t tmpfs tmpfs "$chroot/tmp"
    mkdir -p "$chroot$work"
    mount --bind "$work" "$chroot$work"
    mkdir -p "$chroot$data"
    mount --bind "$data" "$chroot$data"
fi
# What engines write outside of their data-root: shims and their sockets below /run, a key below /etc/docker.
mount -t tmpfs tmpfs "$chroot/run"
mkdir -p "$chroot/etc/docker"
mount -t tmpfs tmpfs "$chroot/etc/docker"
touch "$work/held"
while :; do sleep 3600 & wait; done
'

power_on() {
    rm -f "$work/held"
    unshare --mount --pid --net --fork --kill-child --mount-proc --propagation private \
        sh -c "$hold" hold "$work" "$data" "$chroot" </dev/null >>"$work/hold.log" 2>&1 &
    holder=$!
    until [ -e "$work/held" ]; do
        if ! kill -0 "$holder" 2>/dev/null; then
            holder=
            echo "cannot make namespaces: $(tail -n 3 "$work/hold.log" | tr '\n' ' ')"
            return
        fi
        sleep 0.02
    done
    init=$(tr -d ' ' <"/proc/$holder/task/$holder/children")
    echo "$init"
}

power_off() {
    [ -n "$holder" ] || return
    kill -KILL "$init"
    # A process in a frozen cgroup v1 does not die before it thaws.
    for state in /sys/fs/cgroup/freezer/"$cgroup"/*/freezer.state; do
        [ ! -e "$state" ] || echo THAWED >"$state"
    done
    wait "$holder"
    holder=
    # On a host these lie on a tmpfs, and go with the power.
    rm -rf "$work/run"
    tries=0
    while find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name "$cgroup" | grep -q . && [ "$tries" -lt 50 ]; do
        find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null
        tries=$((tries + 1))
    done
}

while read -r word; do
    case $word in
        on) power_on ;;
        off) power_off; echo off ;;
    esac
done
power_off
rm -rf "$work"
