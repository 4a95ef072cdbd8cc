#!/bin/sh
# ftwall @VERSION@ for 64-bit Linux routers (@ARCH@), with everything that it needs. Busybox is enough.
# The lines below end in an exit; after them come two archives. See: sh FILE --help
set -eu
sum=@SUM@
version=@VERSION@ arch=@ARCH@ name=@NAME@
head=@HEAD@ first=@FIRST@      # sizes of this text and of the first archive, in blocks of 4096 bytes
disk=@DISK@ memory=81920       # KiB that it takes unpacked, and that its start takes

usage() {
  cat <<END
ftwall $version for Linux on $arch, in one file.

usage: sh $0 [option]

  (none)           install ftwall, apply its firewall rules and start it
  --dry-run        the same, but ftwall only logs what it would refuse
  --no-start       install only: no rules, no service
  --uninstall      stop ftwall and remove all of it; a config you changed is kept as ftwall.toml.saved
  --purge          with --uninstall: remove a changed config too
  --extract DIR    only unpack, to DIR/$name; DIR/$name/ftwall runs from there
  --to DIR         install, but unpack to DIR (a RAM disk, a USB stick) in place of /opt/ftwall; keep this file:
                   where DIR is empty after a restart, it is unpacked again from here
  --prefix DIR     where the command goes: DIR/sbin/ftwall

It takes $((disk / 1024)) MiB of disk, and 35 to 75 MiB of memory ($((memory / 1024)) while it starts).
END
}

say() { printf '%s\n' "ftwall: $*"; }
die() { status=$1; shift; printf '%s\n' "ftwall: $*" >&2; exit "$status"; }
value() { [ $# -ge 2 ] || die 2 "$1 wants a directory"; case $2 in /*) ;; *) die 2 "$1 wants an absolute path: $2" ;; esac; }

action=install place=/opt/ftwall pass='' prefix=''
while [ $# -gt 0 ]; do
  case $1 in
  --dry-run | --no-start) pass="$pass $1" ;;
  --uninstall) action=uninstall ;;
  --purge) pass="$pass $1" ;;
  --extract) value "$@"; action=extract place=${2%/}; shift ;;
  --to) value "$@"; place=${2%/}; shift ;;
  --prefix) value "$@"; prefix=$2; shift ;;
  -h | --help) usage; exit 0 ;;
  --version) echo "ftwall $version ($arch)"; exit 0 ;;
  *) printf '%s\n' "ftwall: unknown option \"$1\"; see sh $0 --help" >&2; exit 2 ;;
  esac
  shift
done
place=${place:-/.} # the root itself
case $place in *"'"*) die 2 "a directory with ' in its name cannot be used: $place" ;; esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
file=$here/${0##*/}
[ -f "$file" ] || die 2 "copy this file to the router first, then run it: sh ftwall.run"

# --- checks before anything is taken ---------------------------------------------------------------------------------

for tool in dd sed tar gunzip sha256sum; do
  command -v $tool >/dev/null 2>&1 || die 3 "this system has no \"$tool\", which busybox would bring"
done

content() { dd if="$file" bs=4096 "$@" 2>/dev/null; }
whole() { content count=$head | sed '/^sum=/d'; content skip=$head; }
[ "$(whole | sha256sum | cut -d ' ' -f 1)" = "$sum" ] ||
  die 1 "$file is damaged (its SHA-256 is not the one it was made with); copy it again"

if [ $action = install ] || [ $action = uninstall ]; then
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 && die 3 "this needs root: sudo sh $0"
    die 3 "this needs root, and there is no sudo here: become root first (su -)"
  fi
fi

machine() {
  [ "$(uname -m)" = "$arch" ] || die 3 "this file is for $arch, and this machine is $(uname -m): take the file for it"
}

# The nearest directory above that is there.
above() { d=$1; while [ ! -d "$d" ]; do d=${d%/*}; d=${d:-/}; done; echo "$d"; }

# KiB that may be written below a directory; nothing where no tool can tell.
free_below() {
  # The columns from the right: the first may be long and stand on a line of its own.
  # shellcheck disable=SC2046 # words
  set -- $(df -k "$1" 2>/dev/null | sed '1d' | tr '\n' ' ') "$1"
  while [ $# -gt 6 ]; do shift; done
  # In a chroot df may not find what is mounted.
  if [ $# -eq 6 ]; then echo "$3"; else stat -f -c '%a %S' "$1" 2>/dev/null | while read -r n size; do echo $((n * size / 1024)); done; fi
}

room() { # room DIR
  nearest=$(above "$1")
  free=$(free_below "$nearest")
  [ "${free:-$disk}" -ge $disk ] || die 1 "$nearest has $((free / 1024)) MiB free and ftwall takes $((disk / 1024)):" \
    "make room, or unpack it elsewhere with --to DIR (a RAM disk, a USB stick)"
}

enough_memory() {
  available=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null || true)
  [ -n "$available" ] || return 0
  wanted=$memory where=''
  # What lies on a RAM disk takes memory too.
  if [ ! -d "$place/$name" ] && [ "$(stat -f -c %T "$(above "$place")" 2>/dev/null || true)" = tmpfs ]; then
    wanted=$((wanted + disk)) where=", its files on the RAM disk included"
  fi
  # One that runs now makes way.
  for f in /proc/[0-9]*/status; do
    grep -qs '^Name:[[:space:]]*ftwall$' "$f" || continue
    used=$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "$f" 2>/dev/null || true)
    available=$((available + ${used:-0}))
  done
  [ "$available" -ge $wanted ] || die 1 "$((available / 1024)) MiB of memory are free and ftwall takes $((wanted / 1024))$where"
}

queue() {
  [ -r /proc/self/net/dev ] || die 3 "/proc is not mounted: mount -t proc proc /proc"
  there() { [ -e /proc/self/net/netfilter/nfnetlink_queue ]; }
  there || modprobe nfnetlink_queue 2>/dev/null || true
  there && return 0
  if [ -e /etc/openwrt_release ]; then
    packages="kmod-nfnetlink-queue and kmod-nft-queue (iptables: kmod-ipt-nfqueue), by opkg or apk"
  elif [ -e /etc/alpine-release ]; then packages="linux-lts"
  else packages="the distribution's full kernel (Debian linux-image-$(uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/'))"; fi
  die 3 "this kernel has no NFQUEUE (nfnetlink_queue), by which packets reach ftwall: install $packages"
}

# --- unpacking -------------------------------------------------------------------------------------------------------

made='' work='' teller='' unpacked=''
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  [ -z "$teller" ] || kill "$teller" 2>/dev/null || true
  [ -z "$work" ] || rm -rf "$work"
  # What was unpacked for nothing goes, unless it is what is installed.
  if [ -n "$unpacked" ] && [ "$(cat /opt/ftwall/bundle 2>/dev/null || true)" != "$unpacked" ]; then rm -rf "$unpacked"; fi
  # Directories made for nothing go again, the innermost first.
  printf '%s' "$made" | sed -n '1!G;h;$p' | while read -r d; do [ -z "$d" ] || rmdir "$d" 2>/dev/null || true; done
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

directory() { # directory DIR: makes it and notes what was not there
  d=$1 missing=''
  while [ ! -d "$d" ]; do
    missing="$d
$missing"
    d=${d%/*}
    d=${d:-/}
  done
  mkdir -p "$1" 2>/dev/null || die 1 "cannot make the directory $1"
  made=$made$missing
}

# The first archive holds what unpacks the second, and install.sh.
unpack_first() {
  mkdir "$work" 2>/dev/null || die 1 "cannot write below ${work%/*}"
  content skip=$head count=$first | gunzip -c 2>/dev/null | (cd "$work" && tar xf - 2>/dev/null) || full
}

# After two seconds, and then every two, how much is unpacked.
tell_progress() {
  passed=0
  # What outlives this shell must hold nobody up.
  while sleep 2 >/dev/null 2>&1; do
    passed=$((passed + 2))
    size=$(du -sk "$work" 2>/dev/null | cut -f 1)
    printf '  %s\n' "$((${size:-0} / 1024)) of $((disk / 1024)) MiB, $((${size:-0} * 100 / disk)) %, $passed s"
  done
}

full() { die 1 "cannot unpack to $place: is the disk full? Nothing was left there"; }

unpack() {
  if [ -e "$place/$name/complete" ]; then say "$place/$name is there"; return 0; fi
  room "$place"
  say "unpacking to $place/$name: $((disk / 1024)) MiB"
  directory "$place"
  work=$place/.ftwall.$$
  rm -rf "${place:?}/$name"
  unpack_first
  loader=$(echo "$work"/lib/ld-linux-*)
  tell_progress &
  teller=$!
  content skip=$((head + first)) | "$loader" --library-path "$work/lib" "$work/bin/xz" -dc 2>/dev/null |
    (cd "$work" && tar xf - && mkdir loader && cp "$loader" loader/ftwall && cp "$loader" loader/nft) 2>/dev/null || full
  kill "$teller" 2>/dev/null || true
  teller=''
  # Written last: an archive that was cut short has none.
  [ -e "$work/complete" ] || full
  "$work/ftwall" version >/dev/null 2>&1 </dev/null || die 1 "ftwall does not run on this kernel ($(uname -r)); nothing was left behind"
  mv "$work" "$place/$name" 2>/dev/null || full
  work='' unpacked=$place/$name
}

case $action in
extract)
  machine
  unpack
  made='' unpacked=''
  say "unpacked; it runs from there: $place/$name/ftwall version"
  ;;
install)
  machine
  queue
  enough_memory
  say "ftwall $version takes $((disk / 1024)) MiB of disk in $place, and 35 to 75 MiB of memory"
  unpack
  # shellcheck disable=SC2086 # options of one word each
  sh "$place/$name/install.sh" $pass ${prefix:+--prefix "$prefix"} --run-file "$file" --made "$made" || exit $?
  made='' unpacked=''
  ;;
uninstall)
  work=$(mktemp -d)
  rmdir "$work"
  unpack_first
  # shellcheck disable=SC2086
  sh "$work/install.sh" --uninstall $pass ${prefix:+--prefix "$prefix"}
  ;;
esac
exit 0
