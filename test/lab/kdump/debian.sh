# Like kdump-tools (Debian, Ubuntu): another name until the dump is complete, and always flattened.
stamp=$(date +%Y%m%d%H%M)
directory=/share/crash/$stamp
mkdir -p "$directory"
makedumpfile --dump-dmesg /proc/vmcore "$directory/dmesg.$stamp"
makedumpfile -F $MAKEDUMPFILE /proc/vmcore >"$directory/dump-incomplete"
status=$?
[ $status = 0 ] && mv "$directory/dump-incomplete" "$directory/dump.$stamp"
