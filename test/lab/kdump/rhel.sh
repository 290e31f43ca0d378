# Like kdump-utils (RHEL, Fedora): another name until the dump is complete.
directory=/share/crash/127.0.0.1-$(date +%Y-%m-%d-%T)
mkdir -p "$directory"
makedumpfile $MAKEDUMPFILE /proc/vmcore "$directory/vmcore-incomplete"
status=$?
[ $status = 0 ] && mv "$directory/vmcore-incomplete" "$directory/vmcore"
makedumpfile --dump-dmesg /proc/vmcore "$directory/vmcore-dmesg.txt"
