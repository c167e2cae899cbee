#!/bin/sh
# Captures the databases in which a real dockerd keeps BuildKit's state, and what it says of them.
#
#     make.sh SOCKET DATA_ROOT DIRECTORY
#
# SOCKET and DATA_ROOT belong to a dockerd of its own, started on an empty data-root with --storage-driver overlay2.
# Needs a static busybox, curl and Python; the client must be able to use the BuildKit that is built into dockerd.
set -eu
socket=$1 buildkit=$2/buildkit to=$3
export DOCKER_HOST="unix://$socket" DOCKER_BUILDKIT=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Captures databases as $1, each without its free space: bolt enlarges files by powers of two, and what lies above the high-water mark is zeros.
capture() {
    directory=$to/$1
    shift
    mkdir -p "$directory"
    for name; do
        python3 - "$buildkit/$name.db" "$directory/$name.db" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack_from("<I", data, 24)[0]
end = size * max(struct.unpack_from("<QQ", data, at + 56) for at in (0, size))[0]
assert not any(data[end:])
open(sys.argv[2], "wb").write(data[:end])
PYTHON
    done
}

capture fresh snapshots

mkdir -p "$work/root/bin" "$work/context"
cp "$(command -v busybox)" "$work/root/bin/"
for applet in sh cat dd echo false; do ln -s busybox "$work/root/bin/$applet"; done
tar -C "$work/root" -c . | docker import - base:1
cd "$work/context"
echo hello > hello
cat > stages <<'DOCKERFILE'
FROM base:1 AS one
RUN dd if=/dev/zero of=/one bs=1k count=30
FROM base:1 AS two
COPY --from=one /one /two
RUN --mount=type=cache,target=/cache echo hi > /cache/x; echo done > /result
COPY hello /hello
DOCKERFILE
printf 'FROM base:1\nRUN echo ok > /ok\nRUN false\n' > failing
printf 'FROM base:1\nRUN echo untagged > /untagged\n' > untagged
printf 'FROM stages:1\nRUN echo gone > /gone\n' > gone
docker build -q --network none -t stages:1 -f stages .
docker build -q --network none -t failing:1 -f failing . && exit 1
docker build -q --network none -f untagged .
docker build -q --network none -t gone:1 -f gone .
docker rmi gone:1

# What dockerd says: asked twice, because the first time it measures and writes down the sizes.
curl -sf --unix-socket "$socket" http://localhost/system/df > /dev/null
curl -sf --unix-socket "$socket" http://localhost/system/df > "$work/df"
for image in $(docker images -aq --no-trunc); do
    curl -sf --unix-socket "$socket" "http://localhost/images/$image/json" > "$work/image-${image#sha256:}"
done
capture built snapshots containerdmeta metadata_v2
python3 - "$work" > "$to/built/said.json" <<'PYTHON'
import glob, json, sys
cache = json.load(open(sys.argv[1] + "/df"))["BuildCache"]
images = [json.load(open(name))["RootFS"]["Layers"] for name in sorted(glob.glob(sys.argv[1] + "/image-*"))]
json.dump({"BuildCache": sorted(cache, key=lambda record: record["ID"]), "Images": images}, sys.stdout, indent=1)
print()
PYTHON

docker builder prune -af
capture pruned snapshots
