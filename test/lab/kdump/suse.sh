# Like kdump (SUSE): flattened, under its final name from the start; README.txt has the state of the dump.
directory=/share/crash/$(date +%Y-%m-%d-%H-%M)
mkdir -p "$directory"
makedumpfile --dump-dmesg /proc/vmcore "$directory/dmesg"
echo 'This file will be overwritten when the dump is finished: until then it is likely incomplete.' \
  >"$directory/README.txt"
makedumpfile -F $MAKEDUMPFILE /proc/vmcore >"$directory/vmcore"
status=$?
[ $status = 0 ] && said='saved successfully' || said='error'
echo "vmcore status: $said" >"$directory/README.txt"
