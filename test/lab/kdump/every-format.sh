# One crash in every format: each line of FORMATS is a name, and the options of makedumpfile, or copy. It
# is to tell of errors alone: its progress goes over a serial line, which takes longer than the dump.
status=0
while read -r name options; do
  case $options in
    # In larger pieces than busybox has them: the host is far.
    copy) dd if=/proc/vmcore of=/share/crash/$name bs=1M ;;
    # Page by page: by way of memory, for the host is far.
    *-E*) makedumpfile --message-level 4 $options /proc/vmcore /tmp/$name && mv /tmp/$name /share/crash/$name ;;
    *-F*) makedumpfile --message-level 4 $options /proc/vmcore >/share/crash/$name ;;
    *) makedumpfile --message-level 4 $options /proc/vmcore /share/crash/$name ;;
  esac || status=$?
done <<END
$FORMATS
END
