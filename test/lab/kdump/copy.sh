# As kdump-tools (Debian, Ubuntu) does it where there is no makedumpfile: all memory, and other names.
stamp=$(date +%Y%m%d%H%M)
directory=/share/crash/$stamp
mkdir -p "$directory"
cp /proc/vmcore "$directory/vmcore-incomplete"
status=$?
[ $status = 0 ] && mv "$directory/vmcore-incomplete" "$directory/vmcore.$stamp"
