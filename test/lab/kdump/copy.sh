# Like kdump-tools (Debian, Ubuntu) without makedumpfile: copies all memory, under other names.
stamp=$(date +%Y%m%d%H%M)
directory=/share/crash/$stamp
mkdir -p "$directory"
cp /proc/vmcore "$directory/vmcore-incomplete"
status=$?
[ $status = 0 ] && mv "$directory/vmcore-incomplete" "$directory/vmcore.$stamp"
