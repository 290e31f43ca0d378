#!/bin/sh
# Makes a disk with a Debian that boots systemd, with an unchanged kdump-tools and the exporter's package.
#   test/lab/machine-image.sh SUITE MIRROR DEB FOLDER      writes FOLDER/disk, FOLDER/vmlinuz, FOLDER/initrd
# FOLDER/debian keeps Debian without the exporter for the next run. Needs root, for chroot; mounts only /proc.
set -eu

suite=$1 mirror=$2 deb=$3 folder=$4
PACKAGES='systemd-sysv udev dbus kmod procps iproute2 makedumpfile kdump-tools rasdaemon qemu-guest-agent apparmor
 prometheus-node-exporter openssh-server nfs-kernel-server'
# Not needed by the lab, and slow without KVM.
MASKED='apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
 fstrim.timer ras-mc-ctl.service serial-getty@ttyS0.service getty@tty1.service
 prometheus-node-exporter-apt.timer prometheus-node-exporter-ipmitool-sensor.timer
 prometheus-node-exporter-mellanox-hca-temp.timer prometheus-node-exporter-nvme.timer
 prometheus-node-exporter-smartmon.timer'
# Only the test of two machines starts them.
DISABLED='ssh.service nfs-server.service nfs-client.target rpcbind.service rpcbind.socket'
DISK=3G

# Runs a command in a tree, with /proc mounted meanwhile.
in_tree() {
  tree=$1
  shift
  unshare --mount --pid --fork sh -ec 'mount -t proc proc "$1/proc" && tree=$1 && shift && exec chroot "$tree" "$@"' \
    sh "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# SUITE-backports is SUITE with the kernel of its backports.
release=${suite%-backports}
kernel=linux-image-amd64
sources="deb $mirror $release main"
if [ "$suite" != "$release" ]; then
  kernel=$kernel/$suite
  sources="$sources
deb $mirror $suite main"
fi

base=$folder/debian
script=$(cksum <"$0")
if [ "$(cat "$base.made" 2>/dev/null)" != "$script" ]; then
  rm -rf "$base" "$base.made"
  mkdir -p "$folder"
  debootstrap --variant=minbase "$release" "$base" "$mirror"
  echo "$sources" >"$base/etc/apt/sources.list"
  # Modules for the initrds of the kernel and the crash kernel: the devices of this machine are known.
  mkdir -p "$base/etc/initramfs-tools/conf.d"
  in_tree "$base" apt-get -q update
  in_tree "$base" apt-get -qy --no-install-recommends install initramfs-tools
  echo 'MODULES=list' >"$base/etc/initramfs-tools/conf.d/lab"
  printf '%s\n' virtio_pci virtio_blk ext4 >>"$base/etc/initramfs-tools/modules"
  in_tree "$base" apt-get -qy --no-install-recommends install "$kernel" $PACKAGES
  # Makes the initrd of the crash kernel, which takes minutes at the first boot. kdump-tools makes it again if its
  # own copy of these settings is missing or differs.
  version=$(cd "$base/boot" && echo vmlinuz-* | sed s/vmlinuz-//)
  in_tree "$base" /etc/kernel/postinst.d/kdump-tools "$version"
  cp "$base/etc/kdump/sysctl.conf" "$base/var/lib/kdump/latest_sysctls-$version"
  in_tree "$base" apt-get -q clean
  rm -rf "$base"/var/lib/apt/lists/* "$base"/usr/share/doc/* "$base"/usr/share/locale/* "$base"/usr/share/man/*
  for unit in $MASKED; do ln -sf /dev/null "$base/etc/systemd/system/$unit"; done
  in_tree "$base" systemctl --quiet disable $DISABLED
  echo labhost >"$base/etc/hostname"
  echo '/dev/vda / ext4 errors=remount-ro 0 1' >"$base/etc/fstab"
  printf '[Match]\nType=ether\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n' >"$base/etc/systemd/network/lab.network"
  in_tree "$base" systemctl --quiet enable systemd-networkd
  : >"$base/etc/machine-id"
  echo "$script" >"$base.made"
fi

tree=$folder/tree
rm -rf "$tree"
cp -a --reflink=auto "$base" "$tree"
cp "$deb" "$tree/exporter.deb"
in_tree "$tree" dpkg --install /exporter.deb
rm "$tree/exporter.deb"
rm -f "$folder/disk"
mke2fs -q -t ext4 -d "$tree" "$folder/disk" "$DISK"
cp "$tree"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$tree"/boot/initrd.img-* "$folder/initrd"
rm -rf "$tree"
