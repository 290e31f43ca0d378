#!/bin/sh
# The guest's first process, both in the kernel that will crash and in the crash kernel.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# Kernels before 6.12 need modules for the shared directory; the names sort in load order.
for module in /modules/*; do
  [ -e "$module" ] && insmod "$module"
done
mount -t virtiofs -o ro root /root
mount -t virtiofs share /share
. /share/settings

# Runs a program of the newer suite with its own libraries.
newer() {
  libraries=/root/usr/lib/$TRIPLET
  program=$1
  shift
  $libraries/$LOADER --library-path $libraries /root/$program "$@"
}
makedumpfile() { newer usr/bin/makedumpfile "$@"; }

if [ -e /proc/vmcore ]; then
  . /share/kdump
  echo "LAB kdump ended with $status"
  umount /share
  reboot -f
fi

hostname labhost
ip link set lo up
mkdir -p /tmp/ledger
# kexec-tools (2.0.23 to 2.0.32) computes the start of the kernel from the distance between _text and _stext,
# even if /proc/kallsyms has no _text, as in Debian's 6.1 for Arm. /proc/vmcore would then start with memory that
# does not exist. The distance is 64 KiB.
case "$(uname -m) $(uname -r)" in
  'aarch64 6.1.'*)
    stext=$(sed -n 's/ T _stext$//p' /proc/kallsyms)
    printf '%x T _text\n' $((0x$stext - 0x10000)) | cat - /proc/kallsyms >/tmp/kallsyms
    mount --bind /tmp/kallsyms /proc/kallsyms
    ;;
esac
# On an emulated Arm, without caches, the checksum takes longer than the boot.
newer usr/sbin/kexec --no-checks -p "/root/$VMLINUZ" --initrd=/share/initramfs \
  --append="console=$CONSOLE irqpoll nr_cpus=1 reset_devices rdinit=/init"
[ -e /tmp/kallsyms ] && umount /proc/kallsyms
read -r id </proc/sys/kernel/random/boot_id
echo "LAB ready $id"
# Commands and their output are numbered files, because a serial line loses interrupts under load.
number=1
while true; do
  if [ -e /share/command.$number ]; then
    sh /share/command.$number >/share/answer 2>&1
    mv /share/answer /share/answer.$number
    number=$((number + 1))
  else
    usleep 200000
  fi
done
