#!/bin/bash
# Puts a release of live dubbing onto this host, and others in its place. cloud-init runs it with "install"; later:
#   live-dubbing-deploy upgrade URL SHA256   another release; back to the present one when it does not become ready
#   live-dubbing-deploy rollback             back to the release before, without a network
#   live-dubbing-deploy status               what is installed, and whether it is ready
# A release is a folder with SHA256SUMS and what that lists: packages, or images with the Compose files. Its name is the
# SHA-256 of SHA256SUMS, so that nothing else can come in its place. What is set is in /etc/live-dubbing-deploy/settings.
set -euo pipefail

etc=${LIVE_DUBBING_DEPLOY_ETC:-/etc/live-dubbing-deploy}
state=/var/lib/live-dubbing-deploy
export DEBIAN_FRONTEND=noninteractive

say() { printf 'live-dubbing-deploy: %s\n' "$1"; }
fail() {
    printf 'live-dubbing-deploy: %s\n' "$1" >&2
    exit 1
}

need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    apt-get update -q || fail "apt-get update failed: this host needs a way to its Debian archive"
    apt-get install -qy --no-install-recommends "${missing[@]}" || fail "cannot install ${missing[*]}"
}

# -- volumes

# An empty device gets a file system; one that has one is used as it is.
mount_volume() {
    local device=$1 folder=$2
    for _ in $(seq 60); do
        [ -b "$device" ] && break
        sleep 1
    done
    [ -b "$device" ] || fail "there is no block device $device after 60 s: attach the volume, or correct the input file"
    [ -n "$(blkid -o value -s TYPE "$device")" ] || mkfs.ext4 -q -L "$3" "$device"
    mkdir -p "$folder"
    grep -qs " $folder " /etc/fstab ||
        printf 'UUID=%s %s ext4 defaults,nofail,nodev,nosuid 0 2\n' "$(blkid -o value -s UUID "$device")" "$folder" >>/etc/fstab
    mountpoint -q "$folder" || mount "$folder" || fail "cannot mount $device on $folder"
}

# -- a release

# fetch URL SHA256: the verified release's folder, in $release.
fetch() {
    local url=${1%/} sha256=$2 file sum work
    release=$state/releases/${sha256:0:16}
    if [ -f "$release/SHA256SUMS" ]; then
        return
    fi
    check_space
    mkdir -p "$state/releases"
    work=$(mktemp -d "$state/releases/fetching.XXXXXX")
    get "$url/SHA256SUMS" "$work/SHA256SUMS"
    [ "$(sha256sum <"$work/SHA256SUMS" | cut -d' ' -f1)" = "$sha256" ] ||
        reject "$work" "$url/SHA256SUMS is not the one with the SHA-256 $sha256: wrong address, or somebody changed it"
    while read -r sum file; do
        [[ $file =~ ^[A-Za-z0-9][A-Za-z0-9._+~-]*$ ]] || reject "$work" "SHA256SUMS of $url names '$file', which is no plain file name"
        is_wanted "$file" || continue
        get "$url/$file" "$work/$file"
        printf '%s  %s\n' "$sum" "$work/$file" | sha256sum --check --status || reject "$work" "$url/$file is damaged: not what SHA256SUMS says"
    done <"$work/SHA256SUMS"
    mv "$work" "$release"
}

# Images are there twice, as fetched and unpacked.
check_space() {
    local wanted=300 free
    [ "$METHOD" = packages ] || wanted=4000
    free=$(df --output=avail --block-size=1M "$state" | tail -n 1)
    [ "$free" -ge "$wanted" ] || fail "$state has $((free)) MB free, a release needs up to $wanted: enlarge the disk, or remove what fills it"
}

# A release holds both methods, both sides and both architectures.
is_wanted() {
    local arch
    arch=$(dpkg --print-architecture)
    case "$METHOD $ROLE $1" in
    "packages media live-dubbing-media_"*"_$arch.deb" | "packages media live-dubbing-hook_"*"_$arch.deb") return 0 ;;
    "packages media live-dubbing-router_"*"_$arch.deb" | "packages speech live-dubbing-sts_"*"_$arch.deb") return 0 ;;
    "containers media media-"*"_$arch.image.tar.gz" | "containers "*" compose.tar.gz") return 0 ;;
    "containers speech $SPEECH_IMAGE""_$arch.image.tar.gz") return 0 ;;
    *) return 1 ;;
    esac
}

get() {
    curl -fsS --retry 5 --retry-connrefused --connect-timeout 20 -o "$2" "$1" || reject "${2%/*}" "cannot fetch $1"
}

reject() {
    rm -rf "$1"
    fail "$2"
}

apply() {
    say "installing ${1##*/} ($METHOD)"
    case "$METHOD" in
    packages) apply_packages "$1" ;;
    containers) apply_containers "$1" ;;
    esac
}

apply_packages() {
    local names=(live-dubbing-sts) name files=()
    [ "$ROLE" = media ] && names=(live-dubbing-media live-dubbing-hook live-dubbing-router)
    for name in "${names[@]}"; do
        files+=("$(find "$1" -name "${name}_*_$(dpkg --print-architecture).deb" | head -n 1)")
        [ -n "${files[-1]}" ] || { say "the release has no package $name for $(dpkg --print-architecture)" >&2; return 1; }
    done
    # The configuration is cloud-init's; a new release's example of it is put beside it (.dpkg-dist).
    apt-get install -qy --no-install-recommends --allow-downgrades -o Dpkg::Options::=--force-confold "${files[@]}" ||
        { apt-get update -q && apt-get install -qy --no-install-recommends --allow-downgrades -o Dpkg::Options::=--force-confold "${files[@]}"; }
}

apply_containers() {
    local image
    for image in "$1"/*.image.tar.gz; do
        [ -e "$image" ] || { say "the release has no images" >&2; return 1; }
        docker load -q -i "$image" || return 1
    done
    [ -e "$1/compose.tar.gz" ] || { say "the release has no compose.tar.gz" >&2; return 1; }
    mkdir -p "$1/compose"
    tar -xzf "$1/compose.tar.gz" -C "$1/compose" || return 1
    # What the release brings and the input file does not say.
    cp -n "$1/compose/config/voices.json" /etc/live-dubbing/config/ || return 1
    (cd "$1/compose" && compose up -d --remove-orphans)
}

# In the release's folder.
compose() (
    set -a
    # shellcheck disable=SC1091
    . ./images.env
    if docker compose version >/dev/null 2>&1; then
        docker compose -p live-dubbing --env-file /etc/live-dubbing/stack.env "$@"
    else
        docker-compose -p live-dubbing --env-file /etc/live-dubbing/stack.env "$@"
    fi
)

# Ready is: the streaming side has its router and can start workers; the speech side has loaded its models.
is_ready() {
    curl -fsSk --max-time 5 -o /dev/null "$READY_URL" 2>/dev/null
}

wait_ready() {
    local deadline=$((SECONDS + READY_SECONDS))
    until is_ready; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 1
    done
}

# False, with the reason on stderr, when the release cannot be installed or does not work.
activate() {
    apply "$1" || {
        say "the release ${1##*/} cannot be installed: see above" >&2
        return 1
    }
    wait_ready && return
    why_not "$1"
    say "the release ${1##*/} is not ready after ${READY_SECONDS} s ($READY_URL): see above" >&2
    return 1
}

remember() {
    local before
    before=$(readlink "$state/current" || true)
    [ -z "$before" ] || [ "$before" = "$1" ] || ln -sfn "$before" "$state/previous"
    ln -sfn "$1" "$state/current"
    # The present one and the one before are enough.
    find "$state/releases" -mindepth 1 -maxdepth 1 ! -path "$1" ! -path "$(readlink "$state/previous" || echo none)" -exec rm -rf {} +
    # Their images too: the release before has its own as files.
    [ "$METHOD" = packages ] || docker image prune -af --filter label=dubbing.sbom >/dev/null || true
}

why_not() {
    case "$METHOD" in
    packages) journalctl --no-pager -o cat -n 20 -u 'live-dubbing-*' ;;
    containers) (cd "$1/compose" && compose logs --tail=20) ;;
    esac >&2 || true
}

# -- the GPU

prepare_gpu() {
    [ "$ROLE" = speech ] && [ "${STS_DEVICE:-}" = cuda ] || return 0
    grep -qsi 0x10de /sys/bus/pci/devices/*/vendor ||
        fail "STS_DEVICE=cuda, but this host has no NVIDIA GPU: choose an instance type with one, or STS_DEVICE=cpu"
    if ! command -v nvidia-smi >/dev/null && [ "$NVIDIA_DRIVER" = debian ]; then
        sed -i -E '/^Components:/ s/main.*/main contrib non-free non-free-firmware/' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
        sed -i -E '/^deb / s/ main.*/ main contrib non-free non-free-firmware/' /etc/apt/sources.list 2>/dev/null || true
        apt-get update -q
        apt-get install -qy "linux-headers-$(uname -r)" nvidia-driver || fail "cannot install NVIDIA's driver from Debian"
        modprobe nvidia || true
    fi
    nvidia-smi -L || fail "NVIDIA's driver does not work (nvidia-smi, above): use an image with the driver, or NVIDIA_DRIVER=debian and a reboot"
    [ "$METHOD" = packages ] || command -v nvidia-container-toolkit nvidia-ctk >/dev/null ||
        fail "nvidia-container-toolkit is missing, which Debian does not have: use an image of your provider that brings it"
}

# Once: an archive of models onto the volume that keeps them.
fetch_models() {
    [ -n "${MODELS_URL:-}" ] || return 0
    local folder=$STATE_FOLDER/models archive=$STATE_FOLDER/models.fetching
    [ "$(cat "$folder/.archive-sha256" 2>/dev/null)" != "$MODELS_SHA256" ] || return 0
    say "fetching the models"
    mkdir -p "$folder"
    curl -fsS --retry 5 -C - -o "$archive" "$MODELS_URL" || fail "cannot fetch $MODELS_URL; run live-dubbing-deploy install to go on"
    printf '%s  %s\n' "$MODELS_SHA256" "$archive" | sha256sum --check --status || {
        rm -f "$archive"
        fail "$MODELS_URL has not the SHA-256 $MODELS_SHA256 of the input file"
    }
    tar -xf "$archive" -C "$folder" --no-same-owner || fail "$MODELS_URL is no archive that tar can read"
    chmod -R a+rX "$folder"
    rm -f "$archive"
    printf '%s\n' "$MODELS_SHA256" >"$folder/.archive-sha256"
}

# -- commands

install() {
    need_packages curl ca-certificates nftables
    systemctl enable -q nftables
    systemctl restart nftables || fail "the firewall rules of /etc/nftables.conf cannot be loaded"
    # Before anything is changed that a host of the wrong kind would keep.
    prepare_gpu
    [ -z "${STATE_DEVICE:-}" ] || mount_volume "$STATE_DEVICE" "$STATE_FOLDER" dubbing-state
    [ -z "${LOG_DEVICE:-}" ] || mount_volume "$LOG_DEVICE" "$LOG_FOLDER" dubbing-log
    prepare_user
    fetch_models
    fetch "$RELEASE_URL" "$RELEASE_SHA256"
    activate "$release" || fail "mend that, then run live-dubbing-deploy install"
    remember "$release"
    say "ready"
}

# Folders and keys belong to who runs the service: its own user, or that of the images.
prepare_user() {
    local owner=10001:10001 name=sts
    if [ "$METHOD" = packages ]; then
        [ "$ROLE" = speech ] || name=router
        systemd-sysusers --inline "u live-dubbing-$name - \"Live dubbing $name\" /nonexistent /usr/sbin/nologin" >/dev/null
        owner=root:live-dubbing-$name
    else
        need_packages docker.io docker-compose
        mkdir -p "$STATE_FOLDER/runs" "$STATE_FOLDER/models" "$LOG_FOLDER" /etc/live-dubbing/config/streams.d
        chown "$owner" "$STATE_FOLDER/runs" "$STATE_FOLDER/models" "$LOG_FOLDER"
        chown -R "$owner" /etc/live-dubbing/config
    fi
    [ ! -d "$TLS_FOLDER" ] || { chown -R "$owner" "$TLS_FOLDER" && chmod 0750 "$TLS_FOLDER" && chmod 0640 "$TLS_FOLDER"/*; }
}

upgrade() {
    [ $# -eq 2 ] || fail "usage: live-dubbing-deploy upgrade URL SHA256 (of the release's SHA256SUMS)"
    local before
    before=$(readlink "$state/current") || fail "nothing is installed: run live-dubbing-deploy install"
    fetch "$1" "$2"
    [ "$release" != "$before" ] || { say "that release is installed already"; return; }
    if activate "$release"; then
        remember "$release"
        say "upgraded to ${release##*/}"
        return
    fi
    say "back to ${before##*/}" >&2
    activate "$before" || fail "the release before does not work any more either"
    rm -rf "$release"
    fail "the upgrade was taken back; ${before##*/} is ready"
}

rollback() {
    local previous
    previous=$(readlink "$state/previous") || fail "there is no release before this one"
    activate "$previous" || fail "the release before does not work"
    remember "$previous"
    say "back to ${previous##*/}"
}

status() {
    local current
    current=$(readlink "$state/current") || fail "nothing is installed"
    say "$ROLE by $METHOD, release ${current##*/}$(previous=$(readlink "$state/previous") && echo ", before ${previous##*/}")"
    is_ready || fail "not ready: $READY_URL"
    say "ready"
}

[ -r "$etc/settings" ] || fail "$etc/settings is missing or not yours to read (run it as root): make user-data writes it"
# shellcheck disable=SC1091
. "$etc/settings"
mkdir -p "$state"
exec 9>"$state/lock"
flock -n 9 || fail "another live-dubbing-deploy is at work"
case "${1:-}" in
install | upgrade | rollback | status) "$@" ;;
*) fail "usage: live-dubbing-deploy install | upgrade URL SHA256 | rollback | status" ;;
esac
