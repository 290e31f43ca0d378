#!/bin/sh
# The first process of a guest without a shared directory. It reads commands from the console, one per
# line, and writes their output there.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
stty -echo
hostname labhost
read -r id </proc/sys/kernel/random/boot_id
echo "LAB ready $id"
number=1
while read -r command; do
  echo "LAB answer $number"
  eval "$command"
  echo "LAB end $number"
  number=$((number + 1))
done
