# Writes one crash in every format: each line of FORMATS is a name and the options of makedumpfile, or copy.
# makedumpfile prints only errors, because printing progress to the serial line takes longer than the dump.
status=0
while read -r name options; do
  case $options in
    # In larger blocks than busybox uses, because access to the host is slow.
    copy) dd if=/proc/vmcore of=/share/crash/$name bs=1M ;;
    # makedumpfile writes page by page, so write to memory first, because access to the host is slow.
    *-E*) makedumpfile --message-level 4 $options /proc/vmcore /tmp/$name && mv /tmp/$name /share/crash/$name ;;
    *-F*) makedumpfile --message-level 4 $options /proc/vmcore >/share/crash/$name ;;
    *) makedumpfile --message-level 4 $options /proc/vmcore /share/crash/$name ;;
  esac || status=$?
done <<END
$FORMATS
END
