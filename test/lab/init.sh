#!/bin/sh
# The guest's first process, twice: in the kernel that will crash, and in the crash kernel.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t virtiofs -o ro root /root
mount -t virtiofs share /share
. /share/settings

# A program of the newer suite, with its own libraries.
newer() {
  libraries=/root/usr/lib/$TRIPLET
  program=$1
  shift
  $libraries/$LOADER --library-path $libraries /root/$program "$@"
}

if [ -e /proc/vmcore ]; then
  # As kdump-utils (RHEL, Fedora) and kdump-tools (Debian) do it: another name until it is whole.
  case $LAYOUT in
    rhel) directory=/share/crash/127.0.0.1-$(date +%Y-%m-%d-%T) part=vmcore-incomplete name=vmcore ;;
    debian)
      stamp=$(date +%Y%m%d%H%M)
      directory=/share/crash/$stamp part=dump-incomplete name=dump.$stamp
      ;;
  esac
  mkdir -p "$directory"
  newer usr/bin/makedumpfile $MAKEDUMPFILE /proc/vmcore "$directory/$part"
  status=$?
  [ $status = 0 ] && mv "$directory/$part" "$directory/$name"
  newer usr/bin/makedumpfile --dump-dmesg /proc/vmcore "$directory/dmesg.txt"
  echo "LAB makedumpfile ended with $status"
  umount /share
  reboot -f
fi

hostname labhost
ip link set lo up
mkdir -p /tmp/ledger
newer usr/sbin/kexec -p "/root/$VMLINUZ" --initrd=/share/initramfs \
  --append="console=$CONSOLE irqpoll nr_cpus=1 reset_devices rdinit=/init"
# The kernel's clock beside the time of day: its log has the former, hwerr_data the latter.
read -r uptime _ </proc/uptime
echo "LAB clock $uptime $(date +%s)"
read -r id </proc/sys/kernel/random/boot_id
echo "LAB ready $id"
# Commands come as files, numbered, and so go their answers: a serial line loses interrupts under load.
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
