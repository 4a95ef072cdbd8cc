#!/usr/bin/env bash
# Runs live tests on Debian's own kernel, in a virtual machine: the kernel of a test machine may lack what most routers
# have, above all nft's queue statement. Not part of the gate, since emulation takes half an hour.
#
#     tests/live/debian_kernel.sh [TEST FILE…]        (default: all tests of rules and kernel sets)
#
# Needs root, Deno in PATH and Debian's qemu-system-x86, debootstrap, e2fsprogs and cpio.
# Environment: SUITE (bookworm), MIRROR, LIMIT (seconds, 3000), ACCEL (tcg; kvm where nested virtualisation works),
# PATIENCE (5: how many times longer than on a machine of its own a thing may take).
set -euo pipefail
unset RUST_BACKTRACE

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite=${SUITE:-bookworm} mirror=${MIRROR:-http://deb.debian.org/debian}
dir=$(mktemp -d -p /var/tmp ftwall-vm.XXXXXX)
trap 'rm -rf "$dir"' EXIT
packages=linux-image-cloud-amd64,iproute2,nftables,iptables,ipset,conntrack,libnetfilter-queue1,libnetfilter-queue-dev
packages=$packages,gcc,libc6-dev,kmod,procps,util-linux,iputils-ping,netcat-openbsd,curl,iperf3,python3-minimal
packages=$packages,libnftables1,busybox-static
if [ $# -eq 0 ]; then
  set -- tests/live/rules_test.ts tests/live/rules_tools_test.ts tests/live/kernel_sets_test.ts \
    tests/live/kernel_settle_test.ts tests/live/kernel_reload_test.ts tests/live/kernel_lan_test.ts \
    tests/live/conntrack_test.ts tests/live/flowtable_test.ts
fi

echo "making a system of $suite"
root=$dir/root
debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >"$dir/log" 2>&1 ||
  { tail -20 "$dir/log" >&2; exit 1; }
kernel=$(basename "$(echo "$root"/boot/vmlinuz-*)")
version=${kernel#vmlinuz-}

git clone -q "$repository" "$root/work/ftwall"
# The executable, where there is one as new as the source; else the tests run from source.
if [ -x "$repository/dist/ftwall" ]; then
  install -D "$repository/dist/ftwall" "$root/work/ftwall/dist/ftwall"
  touch -d '1 minute' "$root/work/ftwall/dist/ftwall"
fi
install -D "$(command -v deno)" "$root/usr/local/bin/deno"
DENO_DIR=$root/root/.cache/deno deno cache --quiet --config "$repository/deno.json" \
  "$repository"/main.ts "$repository"/mod.ts "$repository"/tests/live/*_test.ts "$repository"/tests/live/talk.ts
cat >"$root/sbin/job" <<JOB
#!/bin/bash
export PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/root NO_COLOR=1 FTWALL_OWN_KERNEL=1 FTWALL_PATIENCE=${PATIENCE:-5} DENO_NO_UPDATE_CHECK=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
ip link set lo up
uname -srv
modprobe -a nf_tables nf_flow_table nf_flow_table_inet nft_flow_offload nft_queue nfnetlink_queue nf_conntrack nft_ct veth bridge
cd /work/ftwall && deno test -A --no-check --cached-only $*
echo "status: \$?"
echo o >/proc/sysrq-trigger
sleep 60
JOB
chmod +x "$root/sbin/job"

# A minbase system makes no initrd of its own: this one loads the disk's driver and goes on from there.
mkdir -p "$dir/initrd/bin" "$dir/initrd/root"
cp "$root/bin/busybox" "$dir/initrd/bin/"
{
  echo '#!/bin/busybox sh'
  echo '/bin/busybox mkdir -p /dev && /bin/busybox mount -t devtmpfs dev /dev'
  for module in virtio_pci virtio_blk ext4; do
    chroot "$root" modprobe -S "$version" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
    cp "$root$path" "$dir/initrd/"
    echo "/bin/busybox insmod /$(basename "$path")"
  done
  echo 'until /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox sleep 1; done'
  echo '/bin/busybox mount --move /dev /root/dev && exec /bin/busybox switch_root /root /sbin/job'
} >"$dir/initrd/init"
chmod +x "$dir/initrd/init"
(cd "$dir/initrd" && find . | cpio --quiet -o -H newc) >"$dir/initrd.img"
truncate -s 3G "$dir/disk" && mke2fs -q -t ext4 -d "$root" "$dir/disk"

echo "booting Linux $version"
timeout "${LIMIT:-3000}" qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi}" -cpu max -m 2048 -smp 2 -nographic \
  -no-reboot -kernel "$root/boot/$kernel" -initrd "$dir/initrd.img" -append "console=ttyS0 quiet panic=1 no_timer_check" \
  -drive "file=$dir/disk,if=virtio,format=raw" </dev/null | tee "$dir/console"
grep -q '^status: 0' "$dir/console"
