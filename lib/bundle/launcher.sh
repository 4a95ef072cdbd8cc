#!/bin/sh
# Starts @PROGRAM@ with the C library that lies beside it: this system's own may be another one, or older.
here=$0
if [ -h "$here" ]; then here=$(readlink -f "$here"); fi
case $here in */*) here=${here%/*} ;; *) here=. ;; esac
here=$here@UP@
# Tools of the system come before those of the bundle.
PATH=${PATH:+$PATH:}/usr/sbin:/sbin:/usr/bin:/bin:$here/tools
export PATH
exec "$here/loader/@PROGRAM@" --library-path "$here/lib" --argv0 "$0" "$here/bin/@PROGRAM@"@ARGUMENTS@ "$@"
