#!/bin/bash
# One copy or resize by one program, each at its best settings, as a user would type it.
#
#   peers.sh WORK_TOOL SOURCE TARGET
#
# WORK: up, down (raw, to and from the host), pack-up (to an archive there),
# pack, unpack, local; grow and grow-fs change TARGET alone, to $GROWN bytes; layers and layers-at
# (at the host) describe SOURCE; flatten and flatten-sync make TARGET of it.  run.sh sets BIN (ours), HOST, SSH_CONFIG and SOCKETS, a
# folder with a short name.  HOST has the same files.  Ours neither syncs a copy, as
# no peer does, nor is told anything else; it compares digests, as no peer does.
set -eu -o pipefail
tool=$1
from=$2
to=$3
ssh=(ssh -F "$SSH_CONFIG" -c aes128-gcm@openssh.com)
ours=("$BIN/img-copy" -q -F "$SSH_CONFIG" --no-fsync)
in="dd if=$from bs=1M status=none"
out="dd of=$to bs=1M conv=sparse iflag=fullblock status=none"

up_img-copy() { exec "${ours[@]}" --sparse "$from" "$HOST:$to"; }
up_dd() { $in | "${ssh[@]}" "$HOST" "$out"; }
up_lzop() { $in | lzop -1 | "${ssh[@]}" "$HOST" "lzop -d | $out"; }
up_zstd() { zstd -q -T0 -1 -c "$from" | "${ssh[@]}" "$HOST" "zstd -q -d --sparse -o $to"; }
up_scp() { exec scp -q -F "$SSH_CONFIG" -c aes128-gcm@openssh.com "$from" "$HOST:$to"; }
up_rsync() { exec rsync -S --inplace -e "${ssh[*]}" "$from" "$HOST:$to"; }
up_rsync-z() { exec rsync -S --inplace --zc=zstd --zl=1 -e "${ssh[*]}" "$from" "$HOST:$to"; }
up_tar() {
	tar -cSf - -C "${from%/*}" --transform="s,.*,${to##*/}," "${from##*/}" |
		"${ssh[@]}" "$HOST" "tar -xf - -C ${to%/*}"
}

# An NBD server there, which ends with its client, behind a socket here.
with_nbdkit() {
	local before=$1 file=$2

	rm -f "$SOCKETS"/*
	exec 3< <(exec "${ssh[@]}" -o ExitOnForwardFailure=yes -L "$SOCKETS/near:$SOCKETS/far" "$HOST" "
		$before
		nbdkit -f -U $SOCKETS/far -P $SOCKETS/pid --filter=exitlast file $file &
		until [ -s $SOCKETS/pid ]; do sleep 0.01; done
		echo up
		wait")
	read -r _ <&3
}
up_nbdcopy() {
	with_nbdkit "truncate -s $(stat -c %s "$from") $to" "$to"
	nbdcopy --connections=4 --destination-is-zero "$from" "nbd+unix:///?socket=$SOCKETS/near"
	cat <&3
}
down_nbdcopy() {
	with_nbdkit : "$from"
	nbdcopy --connections=4 "nbd+unix:///?socket=$SOCKETS/near" "$to"
	cat <&3
}

down_img-copy() { exec "${ours[@]}" --sparse "$HOST:$from" "$to"; }
down_dd() { "${ssh[@]}" "$HOST" "$in" | $out; }
down_lzop() { "${ssh[@]}" "$HOST" "$in | lzop -1" | lzop -d | $out; }
down_zstd() { "${ssh[@]}" "$HOST" "zstd -q -T0 -1 -c $from" | zstd -q -d --sparse -o "$to"; }
down_scp() { exec scp -q -F "$SSH_CONFIG" -c aes128-gcm@openssh.com "$HOST:$from" "$to"; }
down_rsync() { exec rsync -S --inplace -e "${ssh[*]}" "$HOST:$from" "$to"; }
down_tar() {
	"${ssh[@]}" "$HOST" "tar -cSf - -C ${from%/*} --transform=s,.*,${to##*/}, ${from##*/}" |
		tar -xf - -C "${to%/*}"
}

across_img-copy() { exec "${ours[@]}" --sparse "$HOST:$from" "$OTHER:$to"; }
across_dd() { "${ssh[@]}" "$HOST" "$in" | "${ssh[@]}" "$OTHER" "$out"; }

pack-up_img-copy() { exec "${ours[@]}" --archive "$from" "$HOST:$to"; }
pack-up_lzop() { lzop -1 -c "$from" | "${ssh[@]}" "$HOST" "cat >$to"; }
pack-up_zstd() { zstd -q -T0 -1 -c "$from" | "${ssh[@]}" "$HOST" "cat >$to"; }

pack_img-copy() { exec "${ours[@]}" --archive "$from" "$to"; }
pack_lzop() { exec lzop -1 -o "$to" "$from"; }
pack_zstd() { exec zstd -q -T0 -1 -o "$to" "$from"; }
unpack_img-copy() { exec "${ours[@]}" --sparse "$from.lzo" "$to"; }
unpack_lzop() { exec lzop -d -o "$to" "$from.lzo"; }
unpack_zstd() { exec zstd -q -d --sparse -o "$to" "$from.zst"; }

# $from is $dir/layers/19.
empty=${from%/*}/../empty
layers_img-info() { exec "$BIN/img-info" --json --chain "$from" >"$to"; }
layers_img-list() { exec "$BIN/img-list" --json "$empty" >"$to"; }
layers_qemu-img() { exec qemu-img info --output=json --backing-chain "$from" >"$to"; }
layers-at_img-info() { exec "$BIN/img-info" -F "$SSH_CONFIG" --json --chain "$HOST:$from" >"$to"; }
layers-at_img-list() { exec "$BIN/img-list" -F "$SSH_CONFIG" --json "$HOST:$empty" >"$to"; }
layers-at_ssh() { exec "${ssh[@]}" "$HOST" true >"$to"; }

list-at_img-list() { exec "$BIN/img-list" -F "$SSH_CONFIG" --json "$HOST:$from" >"$to"; }
list-at_ssh() { layers-at_ssh; }
info-at_img-info() { exec "$BIN/img-info" -F "$SSH_CONFIG" --json "$HOST:$from" >"$to"; }
info-at_ssh() { layers-at_ssh; }
info-first_img-info() { info-at_img-info; }

flatten_img-copy() { exec "${ours[@]}" --flatten --sparse "$from" "$to"; }
flatten_qemu-img() { exec qemu-img convert -f qcow2 -O raw -W -m 16 "$from" "$to"; }
flatten-sync_img-copy() { exec "$BIN/img-copy" -q --flatten --sparse "$from" "$to"; }
flatten-sync_qemu-img() { qemu-img convert -f qcow2 -O raw -W -m 16 "$from" "$to" && sync "$to"; }

local_img-copy() { exec "${ours[@]}" --sparse "$from" "$to"; }
local_nbdcopy() { exec nbdcopy --destination-is-zero "$from" "$to"; }
local_qemu-img() { exec qemu-img convert -f raw -O raw -W -m 16 "$from" "$to"; }
local_cp() { exec cp "$from" "$to"; }
local_cp-sparse() { exec cp --sparse=always "$from" "$to"; }

grow_img-resize() { exec "$BIN/img-resize" -q "$to" "$GROWN"; }
grow_fallocate() { fallocate -l "$GROWN" "$to" && exec sync "$to"; }
grow_truncate() { truncate -s "$GROWN" "$to" && exec sync "$to"; }
grow_qemu-img() {
	qemu-img resize -q -f raw --preallocation=falloc "$to" "$GROWN"
	exec sync "$to"
}

# The file is complete at each moment, as with ours: a copy of it is changed, and checked at the end.
grow-fs_img-resize() { exec "$BIN/img-resize" -q --fs "$to" "$GROWN"; }
grow-fs_by-copy() {
	cp --reflink=always "$to" "$to.new"
	e2fsck -fp "$to.new"
	truncate -s "$GROWN" "$to.new"
	resize2fs "$to.new"
	e2fsck -fn "$to.new"
	sync "$to.new"
	mv "$to.new" "$to"
	sync "${to%/*}"
} >/dev/null 2>&1
grow-fs_in-place() {
	e2fsck -fp "$to"
	truncate -s "$GROWN" "$to"
	resize2fs "$to"
	sync "$to"
} >/dev/null 2>&1

"$tool"
