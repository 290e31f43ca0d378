# One crash in every format: each line of FORMATS is a name, and the options of makedumpfile, or cp.
status=0
while read -r name options; do
  case $options in
    cp) cp /proc/vmcore /share/crash/$name ;;
    *-F*) makedumpfile $options /proc/vmcore >/share/crash/$name ;;
    *) makedumpfile $options /proc/vmcore /share/crash/$name ;;
  esac || status=$?
done <<END
$FORMATS
END
