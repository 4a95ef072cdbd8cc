#!/bin/sh
# Installs, builds, tests or removes ftwall. POSIX sh: dash, busybox ash. Says each thing it does; can be run again.
# It lies in the bundle (ftwall-VERSION-linux-ARCH.run) too, where there is nothing to build or to fetch.
set -eu

usage() {
  cat <<'END'
usage: ./install.sh [option]

  (none)           install ftwall, apply its firewall rules and start it
  --dry-run        the same, but ftwall only logs what it would refuse
  --no-start       install only: no rules, no service
  --uninstall      stop ftwall and remove all of it; a config you changed is kept as ftwall.toml.saved
  --purge          with --uninstall: remove a changed config too
  --build          build dist/ftwall and the bundle dist/ftwall-VERSION-linux-ARCH.run only
  --compile        build dist/ftwall only
  --test           install what the tests need (as root), then check and test everything
  --binary FILE    install this executable: nothing is built, and nothing fetched to build it
  --prefix DIR     where the executable goes: DIR/sbin/ftwall (default /usr/local; /usr where there is no /usr/local)
  --destdir DIR    for packages: lay executable, service, config, man pages and completions below DIR, start nothing
  --service KIND   with --destdir: systemd (the default), procd, openrc or sysv

Environment: DENORT_BIN = a denort of the version in .dvmrc, for machines that cannot download it.
END
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# Where the program's source is not beside this file, the executable and all it needs are: this is an unpacked bundle.
bundle='' version=''
if [ -e "$here/main.ts" ]; then version=$(cat "$here/.dvmrc"); else bundle=$here; fi
action=install dry_run='' upgrade='' goes_on='' purge='' start=yes prefix=/usr/local destdir='' binary='' run_file='' made='' kind=systemd
[ -d /usr/local ] || prefix=/usr
while [ $# -gt 0 ]; do
  case $1 in
  --dry-run) dry_run=yes ;;
  --no-start) start='' ;;
  --uninstall) action=uninstall ;;
  --purge) purge=yes ;;
  --build) action=build ;;
  --compile) action=compile ;;
  --test) action=test_all ;;
  --prefix | --destdir | --binary | --service | --run-file | --made | --print-service)
    [ $# -ge 2 ] || { echo "install.sh: $1 wants a value" >&2; exit 2; }
    case $1 in
    --prefix) prefix=${2%/} ;;
    --destdir) destdir=${2%/} ;;
    --binary) binary=$2 ;;
    --service) kind=$2 ;;
    --run-file) run_file=$2 ;; # the bundle's file, to unpack it again where it was put in memory
    --made) made=$2 ;;         # directories that the bundle's file has made, one a line
    --print-service) action=print_service kind=$2 ;;
    esac
    shift
    ;;
  -h | --help) usage; exit 0 ;;
  *) echo "install.sh: unknown option \"$1\"" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
case $kind in systemd | procd | openrc | sysv) ;; *) echo "install.sh: no service of kind \"$kind\": systemd, procd, openrc, sysv" >&2; exit 2 ;; esac
case $prefix in /*) ;; *) echo "install.sh: --prefix wants an absolute path: $prefix" >&2; exit 2 ;; esac
if [ -n "$destdir" ]; then
  [ -z "$bundle" ] || { echo "install.sh: --destdir is for a clone: the bundle lies in a directory of its own" >&2; exit 2; }
  start=''
fi

program=$prefix/sbin/ftwall
home=/opt/ftwall          # the unpacked bundle; Deno, and the program's source where no executable can be made
etc=/etc/ftwall
state=/var/lib/ftwall
run_dir=/run/ftwall
log=/var/log/ftwall.log
unit=/etc/systemd/system/ftwall.service
init=/etc/init.d/ftwall
if [ -d /etc/rc.d/init.d ] && [ ! -e /etc/rc.common ]; then init=/etc/rc.d/init.d/ftwall; fi
links=/etc/rc.d           # of System V, where no update-rc.d makes them
keep=/lib/upgrade/keep.d/ftwall # what OpenWrt keeps when its firmware is replaced
if [ -e /etc/openwrt_release ]; then state=/etc/ftwall/state; fi # /var is in memory there
cron=/etc/cron.d/ftwall   # not made by us, but named in the last lines
crontab=/etc/crontabs/root # of busybox
if [ "$(id -u)" -eq 0 ]; then root=yes tools=$home; else root='' tools=${XDG_CACHE_HOME:-$HOME/.cache}/ftwall; fi

say() { printf '%s\n' "ftwall: $*"; }
die() { printf '%s\n' "ftwall: $*" >&2; exit "${status:-1}"; }
have() { command -v "$1" >/dev/null 2>&1; }
# What is to be typed next is written as it was typed now.
as=''
if [ -n "${SUDO_USER:-}" ]; then as='sudo '; fi
self=$as./install.sh
if [ -n "$bundle" ]; then self="${as}sh ${run_file:-$bundle/install.sh}"; fi
need_root() { # need_root WORD
  [ -z "$root" ] && [ -z "$destdir" ] || return 0
  status=3
  if have sudo; then die "$1 needs root: sudo $self with the same options"; fi
  die "$1 needs root, and there is no sudo here: become root first (su -)"
}
command=$as$program
case :$PATH: in *:$prefix/sbin:*) command=${as}ftwall ;; esac
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
unset RUST_BACKTRACE
# npm and Deno bring certificates of their own; what this machine trusts (a company's proxy) counts as well.
for f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ -r "$f" ] || continue
  NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$f} DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE:-mozilla,system}
  export NODE_EXTRA_CA_CERTS DENO_TLS_CA_STORE
  break
done

# --- work that takes its time ----------------------------------------------------------------------------------------

scratch='' worker='' manages='' shown='' unfinished='' fresh_home='' replaced='' completed=''
need_scratch() { [ -n "$scratch" ] || scratch=$(mktemp -d); }

# Ends a process and all that it started.
# shellcheck disable=SC2317 # the trap calls it
end_all() {
  for s in /proc/[0-9]*/status; do
    if grep -q "^PPid:[[:space:]]*$1\$" "$s" 2>/dev/null; then s=${s#/proc/}; end_all "${s%/*}"; fi
  done
  kill "$1" 2>/dev/null || true
}

# Nothing of what was begun and not ended stays: neither after an error nor after an interrupt.
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  if [ -n "$worker" ]; then
    # A package manager that is killed leaves packages by halves.
    if [ -n "$manages" ]; then say "waiting for the package manager to end"; else end_all "$worker"; fi
    wait "$worker" 2>/dev/null || true
  fi
  if [ -n "$replaced" ] && [ -z "$completed" ]; then bring_back; fi
  [ -z "$scratch" ] || rm -rf "$scratch"
  [ -z "$unfinished" ] || rm -rf "$unfinished"
  [ -n "$fresh_home" ] && [ -z "$completed" ] && [ ! -e "$destdir$program" ] || return 0
  if [ -s "$home/packages" ]; then say "$self --uninstall takes away the packages that were brought"; return 0; fi
  if [ -f "$home/dist" ]; then remove_dist; fi
  made=$(cat "$home/made" 2>/dev/null || true)
  rm -rf "$home"
  remove_made
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# Directories that were made go again, the innermost first, unless somebody else uses them by now.
remove_made() {
  printf '%s\n' "$made" | sed -n '1!G;h;$p' | while read -r d; do
    if [ -n "$d" ]; then rmdir "$destdir$d" 2>/dev/null || true; fi
  done
}

# What was built in the clone for an installation.
remove_dist() {
  d=$(cat "$home/dist")
  rm -f "$d/ftwall"
  if rmdir "$d" 2>/dev/null; then say "removed $d"; fi
}

# watched KIB PATH COMMAND...: runs it, with its output in $scratch/output. After two seconds it says how far it is: by the
# size of PATH, of KIB where that is known, or by what a package manager writes to its third descriptor.
watched() {
  total=$1 path=$2
  shift 2
  need_scratch
  "$@" >"$scratch/output" 2>&1 3>"$scratch/percent" </dev/null &
  worker=$!
  began=$(date +%s) next=2
  while kill -0 "$worker" 2>/dev/null; do
    sleep 0.2 2>/dev/null || sleep 1
    passed=$(($(date +%s) - began))
    [ "$passed" -ge "$next" ] || continue
    progress
    # Each second on a terminal, where it is one line; else after 2, 4, 8 and so on, and then each half minute.
    if [ -t 1 ]; then next=$((passed + 1)); elif [ "$passed" -lt 30 ]; then next=$((passed * 2)); else next=$((passed + 30)); fi
  done
  code=0
  wait "$worker" || code=$?
  worker=''
  if [ -n "$shown" ]; then printf '\r%-40s\r' ''; shown=''; fi
  return $code
}

progress() {
  far=''
  case $(tail -n 1 "$scratch/percent") in
  dlstatus:*) far='fetched ' ;;
  pmstatus:*) far='unpacked ' ;;
  esac
  if [ -n "$far" ]; then far="$far$(tail -n 1 "$scratch/percent" | sed 's/^[^:]*:[^:]*:\([0-9]*\).*/\1/') %, "
  elif [ -n "$path" ]; then
    size=$(du -sk "$path" 2>/dev/null | cut -f 1)
    far="$((${size:-0} / 1024))${total:+ of $((total / 1024))} MiB, "
    [ -z "$total" ] || far="$far$((${size:-0} * 100 / total)) %, "
  fi
  if [ -t 1 ]; then printf '\r  %-38s' "$far$passed s"; shown=yes; else printf '  %s\n' "$far$passed s"; fi
}

# Why the last one failed, in a line.
last_words() {
  grep -E 'reason:|^E: ' "$scratch/output" | head -n 1 | grep . || grep -v -e '^ *$' -e 'complete log' "$scratch/output" | tail -n 1
}

# --- packages -------------------------------------------------------------------------------------------------------

manager() {
  for m in opkg apk apt-get dnf yum pacman zypper; do
    if have "$m"; then echo "$m"; return; fi
  done
  echo none
}

updated=''
install_once() {
  m=$1
  shift
  case $m in
  apt-get) DEBIAN_FRONTEND=noninteractive exec apt-get install -y -q --no-install-recommends -o APT::Status-Fd=3 \
    -o Binary::apt-get::APT::Keep-Downloaded-Packages=false "$@" ;;
  opkg) exec opkg install "$@" ;;
  apk) exec apk add "$@" ;;
  pacman) exec pacman -S --noconfirm --needed "$@" ;;
  zypper) exec zypper --non-interactive install "$@" ;;
  *) exec "$m" install -y "$@" ;;
  esac
}

fetch_lists() {
  [ -z "$updated" ] || return 1
  updated=yes
  say "fetching the package lists"
  case $m in
  apt-get) watched '' /var/lib/apt/lists apt-get update -q ;;
  opkg) watched '' '' opkg update ;; apk) watched '' '' apk update ;;
  pacman) watched '' '' pacman -Sy --noconfirm ;; zypper) watched '' '' zypper --non-interactive refresh ;;
  *) true ;;
  esac || true
}

# How many packages come, and their sizes, as apt says it; fails where its lists do not know them.
about_packages() {
  [ "$m" = apt-get ] || return 0
  LC_ALL=C apt-get install --print-uris --no-install-recommends "$@" 2>/dev/null </dev/null | sed -n \
    -e 's/.* \([0-9]*\) newly installed.*/\1 packages/p' -e 's/^Need to get \([^/]*[kM]*B\).* of archives.*/, \1 to fetch/p' \
    -e 's/^After this operation, \(.*\) of additional.*/, \1 of disk/p' | tr -d '\n' | sed 's/^1 packages/1 package/' | grep .
}

package_names() {
  case $m in
  apt-get) dpkg-query -W -f '${Package}\n' ;;
  opkg) opkg list-installed | cut -d ' ' -f 1 ;; apk) apk info -q ;;
  pacman) pacman -Qq ;; *) rpm -qa --qf '%{NAME}\n' ;;
  esac 2>/dev/null | sort
}

# packages NAME...: installs them, and notes what came with them. The lists are fetched only when the first try fails.
packages() {
  m=$(manager)
  [ "$m" != none ] || { say "no package manager known here; please install by hand: $*"; return 1; }
  [ -n "$root" ] || { say "not root; please install by hand: $*"; return 1; }
  about=$(about_packages "$@") || { fetch_lists && about=$(about_packages "$@"); } || true
  say "installing with $m: $*${about:+ ($about)}"
  need_scratch
  package_names >"$scratch/before"
  manages=yes
  { watched '' '' install_once "$m" "$@" || { fetch_lists && watched '' '' install_once "$m" "$@"; }; } ||
    { manages=''; say "$m could not: $(last_words)"; return 1; }
  manages=''
  # What tests want stays.
  if [ -d "$home" ] && [ "$action" != test_all ]; then package_names | grep -vxF -f "$scratch/before" >>"$home/packages" || true; fi
}

# Takes away what came with packages of ours, but not what another package needs by now, and not the firewall's tools.
remove_packages() {
  [ -s "$home/packages" ] || return 0
  m=$(manager)
  list=$(grep -vxE 'nftables|iptables|ip6tables|ipset' "$home/packages" | tr '\n' ' ')
  [ -n "$list" ] || return 0
  say "removing the packages that were installed for ftwall: $(echo "$list" | wc -w)"
  manages=yes
  # shellcheck disable=SC2086 # names
  case $m in
  apt-get) DEBIAN_FRONTEND=noninteractive watched '' '' dpkg --purge --abort-after=10000 $list ;;
  opkg) watched '' '' opkg remove $list ;; apk) watched '' '' apk del $list ;;
  pacman) watched '' '' pacman -R --noconfirm $list ;;
  # They would remove what needs them as well.
  *) watched '' '' rpm -e $list ;;
  esac || true
  manages=''
  kept=$(package_names | grep -xF -f "$home/packages" | tr '\n' ' ' || true)
  [ -z "$kept" ] || say "these stay, as others may need them: ${kept% }"
}

library_there() { # library_there FILE
  if have ldconfig && ldconfig -p 2>/dev/null | grep -qF "$1"; then return 0; fi
  for f in /lib/"$1" /lib64/"$1" /usr/lib/"$1" /usr/lib64/"$1" /usr/lib/*/"$1" /usr/local/lib/"$1"; do
    [ ! -e "$f" ] || return 0
  done
  return 1
}

need_library() {
  if library_there libnetfilter_queue.so.1; then say "libnetfilter_queue is there"; return; fi
  case $(manager) in
  opkg) packages libnetfilter-queue1 kmod-nfnetlink-queue || true ;;
  apt-get) packages libnetfilter-queue1 || true ;;
  apk) if [ -e /etc/openwrt_release ]; then packages libnetfilter-queue1 kmod-nfnetlink-queue; else packages libnetfilter_queue; fi || true ;;
  zypper) packages libnetfilter_queue1 || true ;;
  *) packages libnetfilter_queue || true ;;
  esac
  library_there libnetfilter_queue.so.1 || { status=3; die "libnetfilter_queue.so.1 is missing and could not be installed" \
    "(Debian libnetfilter-queue1, OpenWrt libnetfilter-queue1, Alpine and Fedora libnetfilter_queue)"; }
}

need_firewall_tool() {
  if have nft || have iptables; then say "firewall tools are there:$(for t in nft iptables ipset; do have $t && printf ' %s' $t; done; true)"; return; fi
  case $(manager) in
  opkg) packages nftables kmod-nft-queue ;;
  apk) if [ -e /etc/openwrt_release ]; then packages nftables kmod-nft-queue; else packages nftables iptables ip6tables ipset; fi ;;
  *) packages nftables iptables ipset ;;
  esac || { status=3; die "neither nft nor iptables is there, and neither could be installed"; }
}

# nft is made of it; a distribution that links it into nft has it nowhere, and then the tool is used.
want_nft_library() {
  have nft || return 0
  if library_there libnftables.so.1; then say "libnftables is there"; return; fi
  case $(manager) in apt-get | zypper) packages libnftables1 || true ;; esac
  library_there libnftables.so.1 || say "without libnftables.so.1 each change of nft's sets starts the nft tool"
}

# --- Deno -----------------------------------------------------------------------------------------------------------

# What Deno takes of the disk, and about what is fetched of it.
deno_kib=104500 deno_words='43 MiB to fetch, 100 MiB of disk'

right_version() { [ "$("$1" --version 2>/dev/null | sed -n '1s/^deno \([0-9.]*\).*/\1/p')" = "$version" ]; }

# One try where the wget that is there can be told so.
wget_tries() { if wget --help 2>&1 | grep -q -- --tries; then echo --tries=1; fi; }

# reach URL: false where it cannot be had, with the reason in $reason; otherwise $kib is its size, where that is said.
reach() {
  kib='' reason='there is neither curl nor wget here'
  # shellcheck disable=SC2046 # one word or none
  if have curl; then watched '' '' curl -fsSIL --connect-timeout 5 --max-time 15 "$1"
  elif have wget; then watched '' '' wget -S --spider -T 5 $(wget_tries) "$1"
  else return 1; fi || { reason=$(last_words); return 1; }
  kib=$(sed -n 's/^ *[Cc]ontent-[Ll]ength: *\([0-9]*\).*/\1/p' "$scratch/output" | tail -n 1)
  if [ -n "$kib" ]; then kib=$((kib / 1024 + 1)); fi
}

fetch() { # fetch URL FILE
  # shellcheck disable=SC2046 # one word or none
  if have curl; then watched "$kib" "$2" curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 -o "$2" "$1"
  else watched "$kib" "$2" wget -T 20 $(wget_tries) -O "$2" "$1"; fi || { reason=$(last_words); return 1; }
}

unpack() { # unpack FILE.zip DIR
  if ! have unzip && ! { have busybox && busybox unzip -h >/dev/null 2>&1; } && ! have python3; then packages unzip || return 1; fi
  if have unzip; then watched "$deno_kib" "$2" unzip -oq "$1" -d "$2"
  elif have python3; then watched "$deno_kib" "$2" python3 -m zipfile -e "$1" "$2"
  else watched "$deno_kib" "$2" busybox unzip -oq "$1" -d "$2"; fi
}

official_deno() {
  url=https://github.com/denoland/deno/releases/download/v$version/deno-$(uname -m)-unknown-linux-gnu.zip
  # Where npm is it can fetch by itself; without it little is to be brought before much.
  if ! have curl && ! have wget && ! have npm; then packages curl ca-certificates || true; fi
  reach "$url" || { say "Deno's official release cannot be had: $reason"; return 1; }
  say "downloading Deno $version (official release)"
  mkdir -p "$tools/deno"
  unfinished=$tools/deno
  if fetch "$url" "$tools/deno/deno.zip" && unpack "$tools/deno/deno.zip" "$tools/deno"; then
    rm -f "$tools/deno/deno.zip"
    chmod +x "$tools/deno/deno"
    deno=$tools/deno/deno
    if right_version "$deno"; then unfinished=''; return 0; fi
    reason="it does not run here"
  fi
  rm -rf "$tools/deno"
  unfinished=''
  say "Deno's official release was of no use: $reason"
  return 1
}

npm_deno() {
  have npm || { say "npm is not here"; return 1; }
  case $(uname -m) in x86_64) package=@deno/linux-x64-glibc ;; aarch64) package=@deno/linux-arm64-glibc ;; *) return 1 ;; esac
  say "installing Deno $version with npm into $tools/deno"
  mkdir -p "$tools/deno"
  unfinished=$tools/deno
  # npm's cache and its logs go with the temporary files.
  need_scratch
  if watched "$deno_kib" "$tools/deno" npm install --prefix "$tools/deno" --cache "$scratch/npm" --no-audit --no-fund --no-save \
    --no-update-notifier --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=60000 "$package@$version"; then
    deno=$tools/deno/node_modules/$package/deno
    reason="it does not run here (it wants glibc)"
    if [ -f "$deno" ] && chmod +x "$deno" && right_version "$deno"; then unfinished=''; return 0; fi
  else reason=$(last_words); fi
  rm -rf "$tools/deno"
  unfinished=''
  say "npm could not install Deno: $reason"
  return 1
}

# The last way: npm brings much with it.
npm_by_manager() {
  if have npm || [ -z "$root" ]; then return 1; fi
  say "the last way is npm by the package manager: on Debian 375 packages, 42 MB to fetch, 223 MB of disk, minutes; --uninstall removes them again"
  packages npm && npm_deno
}

# Sets $deno to a Deno of exactly the pinned version.
deno=''
need_deno() {
  for d in "$(command -v deno || true)" "$tools"/deno/node_modules/@deno/*/deno "$tools/deno/deno"; do
    if [ -n "$d" ] && [ -x "$d" ] && right_version "$d"; then deno=$d; say "using Deno $version: $d"; return; fi
  done
  say "Deno $version is not here: $deno_words below $tools, about a minute"
  if official_deno || npm_deno || npm_by_manager; then say "using Deno $version: $deno"; return; fi
  status=3
  die "Deno $version cannot be had: not in PATH, not by download, not by npm. It runs on glibc (x86_64, aarch64);" \
    "elsewhere build ftwall on another machine with ./install.sh --build, and copy the .run file here"
}

# --- build ----------------------------------------------------------------------------------------------------------

# Measured, see docs/performance.md: small young generation and heap; gc() for the memory of the start.
v8_flags=--optimize-for-size,--max-old-space-size=128,--max-semi-space-size=2,--expose-gc

libraries() { # libraries DENO_DIR-or-empty
  say "fetching the pinned libraries"
  if [ -n "$1" ]; then
    DENO_DIR=$1
  elif [ -z "${DENO_DIR:-}" ]; then
    # Who uses Deno already has a cache; who does not gets none in his home that --uninstall would not find.
    DENO_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/deno
    if [ ! -d "$DENO_DIR" ]; then DENO_DIR=$tools/build; fi
  fi
  export DENO_DIR
  watched '' '' in_clone "$deno" install --frozen || die "cannot fetch the libraries that deno.lock names: $(last_words)"
}

in_clone() { cd "$here" && exec "$@"; }

denort_reachable() {
  [ -z "${DENORT_BIN:-}" ] || return 0
  # What an earlier build fetched needs no network.
  for d in "$DENO_DIR"/dl/release/v"$version"/denort-*.zip; do [ ! -e "$d" ] || return 0; done
  url=https://dl.deno.land/release/v$version/denort-$(uname -m)-unknown-linux-gnu.zip
  # Asked by Deno, which will fetch it.
  watched '' '' "$deno" eval "fetch('$url', { method: 'HEAD', signal: AbortSignal.timeout(15000) })
    .then((r) => { if (!r.ok) throw new Error(r.status); }).catch((e) => { console.error(e.message); Deno.exit(1); })" ||
    { reason=$(last_words); return 1; }
}

# Builds dist/ftwall; false when no denort can be had.
compile() {
  if ! denort_reachable; then
    say "denort $version, on which executables are built, cannot be had: $reason (DENORT_BIN may name one)"
    return 1
  fi
  say "checking the types"
  watched '' '' in_clone "$deno" check --frozen main.ts || { cat "$scratch/output" >&2; die "the program has type errors"; }
  say "building dist/ftwall${DENORT_BIN:+ on $DENORT_BIN}: about 20 seconds, 90 MiB of disk"
  mkdir -p "$here/dist"
  # Types are checked above: the memory limit below binds the compiler too. No code cache: it would be read from /tmp.
  limit=''
  if have timeout; then limit='timeout 900'; fi
  # What a command or the daemon needs is a file of its own within, so that nothing else is read and compiled at its start.
  # shellcheck disable=SC2086 # two words or none
  { watched '' '' in_clone $limit "$deno" bundle --quiet --minify --code-splitting --outdir "$scratch/parts" main.ts &&
    watched '' '' in_clone $limit "$deno" compile --quiet -A --no-prompt --no-code-cache --no-check --no-config --no-lock \
      --v8-flags=$v8_flags --output dist/ftwall "$scratch/parts/main.js"; } ||
    { say "the executable was not built: $(last_words)"; return 1; }
  say "built dist/ftwall ($(($(wc -c <"$here/dist/ftwall") / 1048576)) MiB)"
}

# Builds the bundle beside dist/ftwall, which it holds.
build_bundle() {
  have xz || { say "no bundle: xz is missing (Debian xz-utils)"; return 0; }
  say "building the bundle for routers that have nothing: about a minute"
  watched '' '' in_clone "$deno" run -A --no-check --cached-only --frozen lib/bundle/run_file.ts ||
    { cat "$scratch/output" >&2; die "the bundle was not built"; }
  cat "$scratch/output"
  if [ -n "${DENORT_BIN:-}" ]; then say "built on $DENORT_BIN, not on Deno's own download: for tests, not for release"; fi
}

bundle_fresh() {
  for f in "$here"/dist/ftwall-*.run; do
    [ -e "$f" ] && [ -z "$(find "$here/dist/ftwall" "$here/install.sh" "$here/lib/bundle" -newer "$f" -type f | head -n 1)" ] && return 0
  done
  return 1
}

# True when dist/ftwall is newer than everything it is made from.
fresh() {
  [ -x "$here/dist/ftwall" ] || return 1
  [ -z "$(find "$here/main.ts" "$here/mod.ts" "$here/lib" "$here/ffi" "$here/deno.json" "$here/deno.lock" "$here/.dvmrc" \
    -newer "$here/dist/ftwall" -type f 2>/dev/null | head -n 1)" ]
}

# --- install --------------------------------------------------------------------------------------------------------

# make_dir DIR: makes it below $destdir, and notes in $home/made which directories were not there before.
make_dir() {
  d=$1 missing=''
  while [ -n "$d" ] && [ ! -d "$destdir$d" ]; do
    missing="$d
$missing"
    d=${d%/*}
  done
  mkdir -p "$destdir$1"
  made=$made$missing
  if [ -d "$home" ] && [ -z "$destdir" ]; then printf '%s' "$made" >>"$home/made"; made=''; fi
}

# put FILE TARGET MODE: replaces the target in one step, so that a running program keeps its file.
put() {
  make_dir "$(dirname "$2")"
  if [ -e "$destdir$2" ] && cmp -s "$1" "$destdir$2"; then say "$destdir$2 is up to date"; return; fi
  if ! { cp "$1" "$destdir$2.new" && chmod "$3" "$destdir$2.new" && mv -f "$destdir$2.new" "$destdir$2"; }; then
    rm -f "$destdir$2.new"
    die "cannot write $destdir$2"
  fi
  say "installed $destdir$2"
}

install_executable() {
  if [ -e "$destdir$program" ] && ! cmp -s "$1" "$destdir$program"; then upgrade=yes; fi
  put "$1" "$program" 0755
  [ -z "$destdir" ] || return 0
  # What a launcher or a bundle of an earlier installation used.
  rm -rf "$home/program" "$home/cache"
  remove_bundle
}

# Directory of the bundle that is installed; fails where there is none.
installed_bundle() { [ -s "$home/bundle" ] && cat "$home/bundle"; }

# Removes the bundle that is installed, unless it is this one.
remove_bundle() {
  b=$(installed_bundle) && [ "$b" != "$bundle" ] || return 0
  rm -rf "$b" "$home/bundle"
  say "removed $b"
}

# The program's place gets a few words that start what lies in the bundle. What was there before is kept beside it until
# the new one runs.
install_from_bundle() {
  "$bundle/ftwall" version >/dev/null </dev/null || die "the program in $bundle does not run here"
  config=$destdir$etc/ftwall.toml
  if [ -z "$destdir" ] && [ -e "$config" ] && ! "$bundle/ftwall" check >/dev/null 2>&1 </dev/null; then
    status=2
    die "the config has problems for this version, see: $bundle/ftwall check; nothing was changed"
  fi
  starter=$bundle/starter.$$
  {
    echo '#!/bin/sh'
    echo '# Starts ftwall from its bundle. Made by install.sh.'
    if [ -n "$run_file" ] && [ "${bundle%/*}" != "$home" ]; then
      echo "if [ ! -x '$bundle/ftwall' ]; then sh '$run_file' --extract '${bundle%/*}' >&2 || exit 3; fi"
    fi
    echo "exec '$bundle/ftwall' \"\$@\""
  } >"$starter"
  if [ -e "$destdir$program" ] && ! cmp -s "$starter" "$destdir$program"; then
    cp -p "$destdir$program" "$destdir$program.before"
    upgrade=yes
  fi
  replaced=yes
  put "$starter" "$program" 0755
  rm -f "$starter"
}

# The new one runs: what was before it goes.
forget_before() {
  rm -f "$destdir$program.before"
  rm -rf "$home/program" "$home/cache"
  remove_bundle
  printf '%s\n' "$bundle" >"$home/bundle"
}

# The new one does not run, or was not waited for: the one before it is put back, or nothing is left.
# shellcheck disable=SC2317 # the trap calls it
bring_back() {
  need_scratch
  if [ -e "$program.before" ]; then
    mv -f "$program.before" "$program"
    say "the version from before is put back"
    (start_service && answers) || say "it could not be started again"
  elif ! installed_bundle >/dev/null; then
    (uninstall) >/dev/null || true
    say "what was installed was taken away again"
  fi
}

install_launcher() {
  say "installing a launcher instead: the same program, run from source with Deno"
  [ -z "$destdir" ] || die "a package wants an executable: build it where denort can be had, and give it with --binary"
  mkdir -p "$home/program.new"
  for f in main.ts mod.ts lib ffi deno.json deno.lock .dvmrc LICENSE; do
    [ ! -e "$here/$f" ] || cp -R "$here/$f" "$home/program.new/"
  done
  rm -rf "$home/program"
  mv "$home/program.new" "$home/program"
  libraries "$home/cache"
  need_scratch
  cat >"$scratch/launcher" <<END
#!/bin/sh
# Runs ftwall from source, offline. Made by install.sh because no executable could be built.
DENO_DIR=$home/cache DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK
exec $deno run -A --no-prompt --quiet --cached-only --frozen --no-check --v8-flags=$v8_flags --config $home/program/deno.json $home/program/main.ts "\$@"
END
  put "$scratch/launcher" "$program" 0755
  say "installed $home/program and $home/cache"
}

# Interfaces that look like the inside: bridges with a port and other addressed interfaces, less the way out.
lan_interfaces() {
  have ip || return 0
  out=" $( (ip -4 route show default; ip -6 route show default) 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | tr '\n' ' ')"
  # Without a way out nothing tells inside from outside.
  [ "$out" != " " ] || return 0
  found=''
  for n in /sys/class/net/*; do
    i=${n##*/}
    case $i in lo | docker* | veth* | virbr* | wg* | tun* | tap* | ppp* | ifb* | dummy* | sit* | ip6tnl* | gre* | erspan*) continue ;; esac
    case $out in *" $i "*) continue ;; esac
    [ ! -e "$n/master" ] || continue
    ip -o addr show dev "$i" scope global 2>/dev/null | grep -q inet || continue
    found="$found${found:+, }\"$i\""
  done
  printf '%s' "$found"
}

install_config() {
  file=$destdir$etc/ftwall.toml
  make_dir "$etc"
  # A package has none of these: the service makes them.
  if [ -z "$destdir" ]; then
    make_dir "$run_dir"
    make_dir "$state"
    chmod 0700 "$state"
  fi
  if [ -e "$file" ]; then say "left $file as it is"; return; fi
  if [ -e "$file.saved" ]; then
    put "$file.saved" "$etc/ftwall.toml" 0644 >/dev/null
    say "took $file from $file.saved"
    return
  fi
  lan=''
  [ -n "$destdir" ] || lan=$(lan_interfaces)
  need_scratch
  {
    echo '# ftwall: every key has a default; "ftwall check" shows the whole config in force.'
    echo
    echo '[network]'
    if [ -n "$lan" ]; then
      echo '# Interfaces with clients behind them, as found when ftwall was installed.'
    else
      echo '# Interfaces with clients behind them; without any, clients are told by the addresses in "home".'
    fi
    echo "lan = [$lan]"
    echo '# home = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]'
    echo '# exempt = []'
    # OpenWrt keeps /var in memory.
    if [ "$state" != /var/lib/ftwall ]; then
      echo
      echo '[state]'
      echo "path = \"$state/state\""
    fi
  } >"$scratch/config"
  put "$scratch/config" "$etc/ftwall.toml" 0644 >/dev/null
  if [ -z "$destdir" ]; then cp "$file" "$home/ftwall.toml.installed"; fi
  say "wrote $file (lan = [$lan])"
}

# Man pages and completions, where there is something that reads them.
install_help() {
  need_scratch
  for shell in bash zsh fish; do
    [ -n "$destdir" ] || have $shell || continue
    if "$destdir$program" completions $shell >"$scratch/completions" 2>/dev/null </dev/null; then
      put "$scratch/completions" "$(completions_of $shell)" 0644
    fi
  done
  [ -n "$destdir" ] || have man || return 0
  for page in "$here"/docs/man/*.[1-8] "$here"/share/*.[1-8]; do
    [ ! -e "$page" ] || put "$page" "$prefix/share/man/man${page##*.}/${page##*/}" 0644
  done
}

completions_of() {
  case $1 in
  bash) echo "$prefix/share/bash-completion/completions/ftwall" ;;
  zsh) if [ "$prefix" = /usr ] && [ -e /etc/debian_version ]; then echo /usr/share/zsh/vendor-completions/_ftwall
    else echo "$prefix/share/zsh/site-functions/_ftwall"; fi ;;
  fish) echo "$prefix/share/fish/vendor_completions.d/ftwall.fish" ;;
  esac
}

remove_help() {
  rm -f "$destdir$prefix"/share/man/man[1-8]/ftwall*.[1-8]
  for shell in bash zsh fish; do rm -f "$destdir$(completions_of $shell)"; done
}

service() {
  if [ -d /run/systemd/system ] && have systemctl; then echo systemd
  elif [ -x /sbin/procd ] && [ -e /etc/rc.common ]; then echo procd
  elif [ -x /sbin/openrc-run ] && [ -d /run/openrc ]; then echo openrc
  elif have update-rc.d || [ -d "$links/rc3.d" ] || grep -qs '/etc/init.d/S' /etc/init.d/rcS; then echo sysv
  else echo none; fi
}

# True where what was installed before only logs: it remembers that with its state; older ones have it in their service file.
was_dry_run() {
  if [ -e "$state/mode" ]; then grep -q dry-run "$state/mode"
  else cat "$unit" "$init" 2>/dev/null | grep -q 'ftwall run.*--dry-run'; fi
}

# An upgrade must not end a dry run; the same ftwall, installed again without --dry-run, is to make it real.
arguments() {
  if [ -n "$dry_run" ]; then printf 'run --service --dry-run'
  elif [ "$action" = print_service ] || [ -n "$destdir" ]; then printf 'run --service'
  else printf 'run --service --enforce'; fi
}

write_service() { # write_service KIND FILE
  # A package's options are where the distribution's administrators look for them.
  options='' defaults=''
  # Where the state is elsewhere, so is what the service remembers beside it.
  memory=''
  if [ "$state" != /var/lib/ftwall ]; then memory=" --state $state/state"; fi
  if [ -n "$destdir" ]; then
    # shellcheck disable=SC2016 # systemd reads it
    options=' $FTWALL_OPTIONS' defaults='EnvironmentFile=-/etc/default/ftwall
'
  fi
  case $1 in
  systemd) cat >"$2" <<END
[Unit]
Description=ftwall, keeps peer-to-peer file sharing off this router
After=network-pre.target nftables.service firewalld.service
Wants=network-pre.target
# Whatever keeps it from starting: it is tried again.
StartLimitIntervalSec=0

[Service]
Type=notify
# The rules need more rights than the daemon keeps. Where they cannot be made, ftwall tries, and says so.
ExecStartPre=-+$program rules --apply --service$memory
${defaults}ExecStart=$program $(arguments)$memory$options
ExecReload=$program reload
Restart=always
RestartSec=100ms
# ftwall has a watchdog of its own, which is quicker.
WatchdogSec=10
WatchdogSignal=SIGKILL
TimeoutStopSec=10
# With fail = "closed" the queues' sockets stay here over a restart or a kill: packets wait, none is lost.
FileDescriptorStoreMax=64
Nice=-10
LimitNICE=-10
CPUWeight=1000
UMask=0077
RuntimeDirectory=ftwall
StateDirectory=ftwall
StateDirectoryMode=0700
# What is not needed by its config ftwall gives up when it starts; the last three are for programs of [[notify]].
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_READ_SEARCH CAP_CHOWN CAP_KILL CAP_SETGID CAP_SETUID
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallErrorNumber=EPERM
KeyringMode=private
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
END
    ;;
  procd) cat >"$2" <<END
#!/bin/sh /etc/rc.common
# ftwall, keeps peer-to-peer file sharing off this router
START=95
STOP=10
USE_PROCD=1
start_service() {
  mkdir -p $run_dir $state
  $program rules --apply --service$memory
  procd_open_instance
  procd_set_param command $program $(arguments)$memory
  procd_set_param respawn 3600 1 0
  procd_set_param stdout 1
  procd_set_param stderr 1
  procd_close_instance
}
reload_service() { $program reload; }
END
    ;;
  openrc) cat >"$2" <<END
#!/sbin/openrc-run
# ftwall, keeps peer-to-peer file sharing off this router
supervisor=supervise-daemon
command=$program
command_args="$(arguments)$memory --log-file $log"
respawn_delay=1
respawn_max=0
output_log=$log
error_log=$log
extra_started_commands=reload
depend() { after firewall iptables nftables; }
start_pre() { checkpath -d -m 0755 $run_dir && checkpath -d -m 0700 $state && { $program rules --apply --service$memory || true; }; }
reload() { $program reload; }
END
    ;;
  sysv) cat >"$2" <<END
#!/bin/sh
### BEGIN INIT INFO
# Provides:          ftwall
# Required-Start:    \$local_fs \$network
# Required-Stop:     \$local_fs \$network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: keeps peer-to-peer file sharing off this router
### END INIT INFO
# Also where the number in the file is another program's by now.
is_ftwall() { tr '\\0' ' ' 2>/dev/null <"/proc/\$1/cmdline" | grep -q 'ftwall.* run '; }
running() { pid=\$(cat $run_dir/ftwall.pid 2>/dev/null) && is_ftwall "\$pid"; }
# start [--take-over]: one that cannot take over leaves the one that runs as it is.
start() {
  mkdir -p $run_dir $state && chmod 0700 $state
  $program rules --apply --service$memory
  (umask 077; : >>$log)
  # shellcheck disable=SC2094 # both append to it
  (trap '' HUP && exec $program $(arguments)$memory --respawn "\$@" --log-file $log) >>$log 2>&1 </dev/null &
  new=\$!
  i=0
  while sleep 1; do
    is_ftwall \$new || return 1
    running || break
    if [ \$i -eq 90 ]; then kill \$new; return 1; fi
    i=\$((i + 1))
  done
  echo \$new >$run_dir/ftwall.pid
}
stop() {
  if running; then kill "\$pid"; fi
  i=0
  while [ \$i -lt 10 ] && running; do sleep 1; i=\$((i + 1)); done
  rm -f $run_dir/ftwall.pid
}
case \${1:-start} in
start) running || start ;;
stop) stop ;;
restart)
  start --take-over && exit
  # One that answers goes on, as another cannot be started.
  if running && $program status >/dev/null 2>&1; then exit 1; fi
  stop
  start
  ;;
reload) $program reload ;;
status) $program status ;;
*) echo "usage: \$0 start|stop|restart|reload|status" >&2; exit 2 ;;
esac
END
    ;;
  esac
}

# System V: at which levels it starts and stops.
link_service() {
  if have update-rc.d; then update-rc.d ftwall defaults >/dev/null
  elif [ -d "$links/rc3.d" ]; then
    for l in rc3.d/S95 rc0.d/K05 rc6.d/K05; do
      if [ -d "$links/${l%/*}" ]; then ln -sf ../init.d/ftwall "$links/${l}ftwall"; fi
    done
  else ln -sf ftwall /etc/init.d/S95ftwall; fi
}

unlink_service() {
  # Where there is none of them, update-rc.d would still write its lists.
  for f in /etc/rc?.d/[SK]??ftwall; do
    if [ -h "$f" ] && have update-rc.d; then update-rc.d -f ftwall remove >/dev/null 2>&1 || true; fi
  done
  rm -f "$links/rc3.d/S95ftwall" "$links/rc0.d/K05ftwall" "$links/rc6.d/K05ftwall" /etc/init.d/S95ftwall
}

running() {
  [ -s "$run_dir/ftwall.pid" ] || return 1
  pid=$(cat "$run_dir/ftwall.pid")
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  # The number may belong to another program by now.
  [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q ftwall
}

# background start|stop|restart: as System V's service does it, of which nothing stays.
background() {
  need_scratch
  write_service sysv "$scratch/service"
  sh "$scratch/service" "$1"
}

start_service() {
  kind=$(service)
  make_dir "${log%/*}"
  case $kind in
  none)
    say "applying the firewall rules, and starting in the background"
    if ! background restart || ! running; then
      tail -n 5 "$log" >&2
      ! running || die "ftwall ended at once, its last words are above; the one that ran before goes on"
      "$program" rules --remove >/dev/null </dev/null || true
      die "ftwall ended at once, its last words are above; the firewall rules were taken away again"
    fi
    say "started in the background (pid $pid; nothing starts it again at boot: no systemd, procd, OpenRC or System V here)"
    ;;
  *)
    file=$init mode=0755
    if [ "$kind" = systemd ]; then file=$unit mode=0644; fi
    need_scratch
    write_service "$kind" "$scratch/service"
    put "$scratch/service" "$file" $mode
    say "starting the service ($kind); it applies the firewall rules itself"
    case $kind in
    systemd) systemctl daemon-reload && systemctl enable -q ftwall && systemctl restart ftwall ;;
    procd) "$init" enable && "$init" restart ;;
    openrc) rc-update add ftwall default >/dev/null && rc-service ftwall restart ;;
    sysv) link_service && "$init" restart ;;
    esac || die "the service could not be started"
    ;;
  esac
}

# True once the daemon answers; the start of a small router may take a while.
answers() {
  i=0
  while [ $i -lt 60 ]; do
    if "$program" status >/dev/null 2>&1 </dev/null; then return 0; fi
    case $(service) in none | sysv) running || break ;; esac
    if [ $i -eq 2 ]; then say "waiting for it to answer, a minute at most"; fi
    sleep 1
    i=$((i + 1))
  done
  if [ -s "$log" ]; then tail -n 5 "$log" >&2; fi
  die "ftwall was started but does not answer: $program doctor says what is in its way"
}

install_all() {
  need_root installing
  # Before anything is made.
  if [ -n "$binary" ] && [ -z "$bundle" ]; then
    "$binary" version >/dev/null 2>&1 </dev/null || die "\"$binary\" does not run here"
  fi
  if [ -z "$destdir" ]; then
    [ -d "$home" ] || fresh_home=yes
    make_dir "$home"
  fi
  if [ -z "$destdir" ] && [ -z "$bundle" ]; then need_library; need_firewall_tool; want_nft_library; fi
  if [ -n "$bundle" ]; then install_from_bundle
  elif [ -n "$binary" ]; then install_executable "$binary"
  elif fresh; then
    say "dist/ftwall is up to date"
    install_executable "$here/dist/ftwall"
  else
    say "ftwall is built here: one to three minutes and 300 MiB of disk, which a .run or .deb file needs not"
    need_deno
    libraries ''
    if [ -z "$destdir" ] && [ ! -d "$here/dist" ]; then echo "$here/dist" >"$home/dist"; fi
    if compile; then install_executable "$here/dist/ftwall"; else install_launcher; fi
  fi
  install_config
  install_help
  if [ -n "$destdir" ]; then
    file=/etc/init.d/ftwall mode=0755
    if [ "$kind" = systemd ]; then file=/lib/systemd/system/ftwall.service mode=0644; fi
    write_service "$kind" "$scratch/service"
    put "$scratch/service" "$file" $mode
    return 0
  fi
  if [ -e /etc/openwrt_release ] && [ -z "$destdir" ]; then
    make_dir "${keep%/*}"
    printf '%s\n' "$etc/" "$init" "$program" "$home/bundle" "$home/made" >"$keep"
  fi
  if [ -n "$upgrade" ] && [ -z "$dry_run" ] && was_dry_run; then dry_run=yes goes_on=yes; fi
  if [ -n "$start" ]; then
    "$program" check >/dev/null </dev/null || { status=2; die "the config has problems, see: ftwall check"; }
    start_service
    [ -z "$bundle" ] || answers
  fi
  if [ -n "$bundle" ]; then forget_before; fi
  completed=yes
  [ -n "$start" ] || return 0
  seen='detected fasttrack: client …' about='is locked'
  if [ -n "$dry_run" ]; then seen="$seen [dry run]" about='would be locked'; fi
  say "type next: $command selftest"
  say "  it sends a harmless ping through the rules; you see \"$seen\" and that its sender $about"
  say "what it does from now on: $as$(log_command); $command status; what is in its way: $command doctor"
  say "your config is $etc/ftwall.toml; after a change: $command check && $command reload"
  say "to reload it by cron, as root: $(cron_command)"
  if [ -n "$goes_on" ]; then say "this was an upgrade: the dry run goes on"; fi
  if [ -n "$dry_run" ]; then say "dry-run: nothing is refused; $self makes it real"; fi
  say "to remove all of it: $self --uninstall"
}

log_command() {
  case $(service) in
  systemd) echo "journalctl -fu ftwall" ;;
  procd) echo "logread -fe ftwall" ;;
  *) echo "tail -f $log" ;;
  esac
}

cron_command() {
  if [ -d "${cron%/*}" ]; then echo "echo '*/5 * * * * root $program reload' > $cron"
  elif [ -d "${crontab%/*}" ]; then echo "echo '*/5 * * * * $program reload' >> $crontab"
  else echo "$program reload, every five minutes"; fi
}

# --- uninstall ------------------------------------------------------------------------------------------------------

# Without the executable: the rules of every back end, by name.
remove_rules_by_hand() {
  if have nft && nft list table inet ftwall >/dev/null 2>&1; then nft delete table inet ftwall && say "removed nft table inet ftwall"; fi
  for t in iptables ip6tables iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
    have $t || continue
    # Asking the legacy tools would create their tables.
    case $t in *legacy) [ -n "$(cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null)" ] || continue ;; esac
    for table in mangle filter; do
      $t -w 5 -t $table -S 2>/dev/null | sed -n 's/^-A \([A-Z]* .*-[jg] ftwall_[a-z]*\)$/\1/p' | while read -r rule; do
        # shellcheck disable=SC2086 # the words of the rule
        $t -w 5 -t $table -D $rule && say "removed $t -t $table $rule"
      done
      chains=$($t -w 5 -t $table -S 2>/dev/null | sed -n 's/^-N \(ftwall_[a-z]*\)$/\1/p')
      for c in $chains; do $t -w 5 -t $table -F "$c"; done
      for c in $chains; do $t -w 5 -t $table -X "$c"; done
    done
  done
  if have ipset; then
    for s in $(ipset -n list 2>/dev/null | grep '^ftwall_' || true); do ipset destroy "$s" && say "removed ipset $s"; done
  fi
}

uninstall() {
  need_root uninstalling
  bundle='' # all of them
  made='' completed=yes
  if [ -z "$destdir" ]; then
    made=$(cat "$home/made" 2>/dev/null || true)
    if [ -e "$unit" ] && have systemctl; then
      systemctl disable --now -q ftwall 2>/dev/null || true
      rm -f "$unit"
      systemctl daemon-reload 2>/dev/null || true
      say "removed $unit"
    fi
    if [ -e "$init" ] && grep -q ftwall "$init"; then
      "$init" stop >/dev/null 2>&1 || true
      if have rc-update; then rc-update del ftwall default >/dev/null 2>&1 || true
      elif [ -e /etc/rc.common ]; then "$init" disable >/dev/null 2>&1 || true; fi
      rm -f "$init"
      unlink_service
      say "removed $init"
    fi
    if running; then say "stopping ftwall (pid $pid)"; background stop; fi
    if [ -x "$program" ] && "$program" rules --remove </dev/null 2>/dev/null; then say "removed the firewall rules"
    else remove_rules_by_hand; fi
    if [ -e "$cron" ] && grep -q 'ftwall reload' "$cron"; then rm -f "$cron"; say "removed $cron"; fi
    if grep -qs 'ftwall reload' "$crontab"; then sed -i '/ftwall reload/d' "$crontab"; say "removed the line in $crontab"; fi
    rm -rf "$run_dir"
    rm -f "$keep"
    if [ -e "$log" ]; then rm -f "$log"; say "removed $log"; fi
    remove_packages
    if [ -f "$home/dist" ]; then remove_dist; fi
  else rm -f "$destdir/lib/systemd/system/ftwall.service" "$destdir/etc/init.d/ftwall"; fi
  remove_help
  config=$destdir$etc/ftwall.toml
  if [ -e "$config" ]; then
    if [ -n "$purge" ] || cmp -s "$config" "$home/ftwall.toml.installed"; then
      rm -f "$config"
      say "removed $config"
    else
      mv -f "$config" "$config.saved"
      say "kept your config as $config.saved (--purge removes it)"
    fi
  fi
  if [ -n "$purge" ]; then rm -f "$config.saved"; fi
  # It opens nothing any more.
  rm -f "$destdir$etc/web.token"
  if [ -z "$destdir" ]; then
    remove_bundle
    for d in "$state" "$home"; do
      if [ -d "$d" ]; then rm -rf "$d"; say "removed $d"; fi
    done
  fi
  rmdir "$destdir$etc" 2>/dev/null || true
  if [ -e "$destdir$program" ]; then rm -f "$destdir$program"; say "removed $destdir$program"; fi
  rm -f "$destdir$program.before"
  remove_made
  say "done"
}

# --- test -----------------------------------------------------------------------------------------------------------

# Packages of the live tests: what they build and measure with, and the real clients and servers they run.
test_packages="gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross libnetfilter-queue1 libnetfilter-queue-dev iptables nftables libnftables1 ipset conntrack iproute2 procps
  util-linux libcap2-bin iputils-ping curl openssl openssh-client openssh-server ngtcp2-client ngtcp2-server tcpdump
  iperf3 wrk shellcheck busybox-static xz-utils dnsmasq-base nginx-light transmission-cli transmission-daemon aria2 python3-libtorrent
  qbittorrent-nox rtorrent opentracker amule-daemon amule-utils ncdc eiskaltdcpp-daemon uhub libndpi-bin strace"

install_test_packages() {
  wanted=''
  for p in $test_packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || wanted="$wanted $p"
  done
  [ -n "$wanted" ] || return 0
  # Some are servers; none of them is to run because of us.
  guard=/usr/sbin/policy-rc.d
  if [ -e $guard ]; then guard=''; else
    printf '#!/bin/sh\nexit 101\n' >$guard
    chmod 0755 $guard
    unfinished=$guard
  fi
  # shellcheck disable=SC2086 # a list of words
  if ! packages $wanted; then
    for p in $wanted; do packages "$p" || say "without $p some tests skip"; done
  fi
  if [ -n "$guard" ]; then rm -f $guard; unfinished=''; fi
}

test_all() {
  if [ "$(manager)" = apt-get ] && [ -n "$root" ]; then
    install_test_packages
  else
    say "not root on a machine with apt: tests whose tools are missing skip, and say which"
  fi
  need_deno
  if [ -z "${DENORT_BIN:-}" ] && [ -x "$here/../shared/runtime/denort" ]; then
    DENORT_BIN=$(CDPATH='' cd -- "$here/../shared/runtime" && pwd)/denort
    export DENORT_BIN
  fi
  libraries ''
  if ! fresh; then compile || say "no executable here: the tests that want one skip or run from source"; fi
  if fresh && ! bundle_fresh; then build_bundle; fi
  # What deno task ok does; here one failure does not hide another.
  cd "$here"
  failed=''
  for t in look test test:waits test:counts; do
    say "running deno task $t"
    "$deno" task $t </dev/null || failed="$failed $t"
  done
  [ -z "$failed" ] || die "failed:$failed"
}

case $action in
install) install_all ;;
uninstall) uninstall ;;
print_service) write_service "$kind" /dev/stdout ;;
compile | build)
  need_deno
  libraries ''
  compile || { status=3; die "dist/ftwall was not built"; }
  if [ "$action" = build ]; then build_bundle; fi
  ;;
test_all) test_all ;;
esac
