#!/bin/sh
# What `npm run lab` needs, once: QEMU, kexec, makedumpfile and kernels of newer Debian suites, unpacked
# below the cache and not installed. The mirror is the one that apt is configured with.
#   test/lab/setup.sh [VERSION...]      kernels, such as 7.3 or 6.19.14; 7.3 unless said otherwise
set -eu

SUITES='sid trixie-backports'
TOOLS='busybox-static kexec-tools libgcc-s1 libstdc++6 makedumpfile qemu-system-data qemu-system-x86 virtiofsd'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hwerr-lab

for program in apt-get dpkg-deb; do
  command -v "$program" >/dev/null || { echo "setup.sh: needs $program, of Debian" >&2; exit 1; }
done
[ -e "$KEYRING" ] || { echo 'setup.sh: needs the package debian-archive-keyring' >&2; exit 1; }
if ! command -v prometheus >/dev/null; then
  echo 'setup.sh: first, as root: apt-get install --no-install-recommends prometheus' >&2
  exit 1
fi

codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' |
  sed -n "s/ $codename\$//p" | head -n 1)
[ "$mirror" ] || { echo "setup.sh: apt knows no mirror of $codename; run apt-get update" >&2; exit 1; }

mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/root"
: >"$cache/apt/status"
for suite in $SUITES; do
  echo "deb [arch=amd64 signed-by=$KEYRING] $mirror $suite main"
done >"$cache/apt/sources.list"

apt() {
  program=$1
  shift
  "$program" -q -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root \
    -o Dir::Etc::sourcelist="$cache/apt/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$cache/apt" -o Dir::State::lists="$cache/apt/lists" \
    -o Dir::State::status="$cache/apt/status" -o Dir::Cache="$cache/apt" \
    -o Dir::Cache::archives="$cache/apt/archives" "$@"
}

# The packages of the newest kernel of a version: Debian has moved its parts more than once.
kernel_packages() {
  pattern="^linux-image-$(echo "$1" | sed 's/\./\\./g')[.+][^ ]*-amd64\$"
  release=$(apt apt-cache pkgnames linux- | grep "$pattern" | grep -v -e cloud -e -rt- -e unsigned |
    sed 's/^linux-[a-z]*-//' | sort -V | tail -n 1)
  [ "$release" ] || { echo "setup.sh: the mirror has no kernel $1" >&2; return 1; }
  apt apt-cache pkgnames linux- | grep -x "linux-\(binary\|image\)-$release"
}

apt apt-get update
kernels=
for version in "${@:-7.3}"; do
  kernels="$kernels $(kernel_packages "$version")"
done

# With an empty status everything counts as not installed: the libraries come along.
apt apt-get -y --no-install-recommends --download-only install $TOOLS
(cd "$cache/apt/archives" && apt apt-get download $kernels)
for package in "$cache"/apt/archives/*.deb; do
  stamp="$cache/apt/unpacked.$(basename "$package")"
  [ -e "$stamp" ] || { dpkg-deb -x "$package" "$cache/root" && : >"$stamp"; }
done
echo "setup.sh: ready in $cache:" $kernels
