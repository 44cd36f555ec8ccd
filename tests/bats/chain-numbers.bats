#!/usr/bin/env bats
#
# img-info --chain: every number, for chains over the creation options of qemu-img, judged by
# qemu-img info --backing-chain and qemu-img check.

load common

setup_file() { img_setup_file; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# layer NAME BELOW OPTIONS [COMMAND...]: a layer over BELOW (a raw file, if its name begins with
# "raw"; '': nothing), to which qemu-io then does the commands.
layer() {
	local below=() format=qcow2 command commands=()

	[[ $2 != raw* ]] || format=raw
	[ -z "$2" ] || below=(-b "$2" -F "$format")
	for command in "${@:4}"; do
		commands+=(-c "$command")
	done
	qemu-img create -q -f qcow2 ${3:+-o "$3"} "${below[@]}" "$1" 6M || return
	[ ${#commands[@]} = 0 ] || qemu-io -f qcow2 "${commands[@]}" "$1" >/dev/null
}

# What the layers of the chains of TOP... are by qemu-img: for each the name, and then its numbers.
by_qemu() {
	local top

	for top; do
		qemu-img info --backing-chain --output=json "$top"
	done | jq -c '.[] | .filename as $name | (."format-specific".data // {}) as $q | {
		name: ($name | split("/") | last), format, capacity: ."virtual-size",
		cluster_size: ."cluster-size", compat: $q.compat, allocation: ."actual-size",
		features: ([if ."dirty-flag" then "dirty" else empty end,
			if $q.corrupt then "corrupt" else empty end,
			if $q."data-file" then "data_file" else empty end,
			if ($q."compression-type" // "zlib") != "zlib" then "compression_type" else empty end,
			if $q."extended-l2" then "extended_l2" else empty end,
			if $q."lazy-refcounts" then "lazy_refcounts" else empty end]),
		backing: ."backing-filename", backing_format: ."backing-filename-format",
		data_file: $q."data-file"}'
}

# The same by img-info.
by_img_info() {
	succeeds img-info --json --chain "$@"
	jq -c '(if type == "array" then . else [.] end) | .[].layers[] | {
		name, format, capacity, cluster_size, compat, allocation,
		features: (.features // []),
		backing: .backing.recorded, backing_format: .backing.format,
		data_file: .data_file.recorded}' "$OUT"
}

# The name, length and end of each layer that is a qcow2 image.
ends_by_qemu() {
	local name

	for name; do
		# Its status tells of the clusters that a killed writer has left.
		qemu-img check --output=json "$name" 2>>log >check || [ $? -le 3 ] || return
		echo "$name $(stat -c %s "$name") $(jq '."image-end-offset"' check)"
	done | sort
}

ends_by_img_info() {
	jq -r '(if type == "array" then . else [.] end) | .[].layers[] | select(.format == "qcow2") |
		"\(.name) \(.physical) \(.watermark)"' "$OUT" | sort
}

# agree COUNT TOP...: img-info and qemu-img agree on all layers of these chains, COUNT in all.
agree() {
	local count=$1 names
	shift

	by_qemu "$@" >expected
	by_img_info "$@" >found
	diff <(jq -S . expected) <(jq -S . found) >&2
	[ "$(grep -c '' found)" = "$count" ]
	mapfile -t names < <(jq -r 'select(.format == "qcow2").name' expected | sort)
	ends_by_qemu "${names[@]}" >expected
	diff expected <(ends_by_img_info) >&2
	# Each layer is where the one above it says.
	jq -e '(if type == "array" then . else [.] end) | all(.[].layers;
		[.[1:][].path] == [.[:-1][].backing.path])' "$OUT" >/dev/null
}

@test "numbers: cluster sizes from 512 bytes to 2 MiB, with reference counts of every width" {
	local size bits n=0 tops=() lower=''

	for size in 512 1k 2k 4k 8k 16k 32k 64k 128k 256k 512k 1M 2M; do
		for bits in 1 2 4 8 16 32 64; do
			# Chains of three: at the bottom one without anything below.
			layer "$n" "$lower" "cluster_size=$size,refcount_bits=$bits" \
				"write $((n % 5))M 100k" "write -z 3M 200k" "discard 4M 1M"
			lower=$n
			n=$((n + 1))
			if [ $((n % 3)) = 0 ]; then
				tops+=("$lower")
				lower=''
			fi
		done
	done
	tops+=("$lower")
	agree 91 "${tops[@]}"
}

@test "numbers: compat 0.10, lazy counts, subclusters, compression, preallocation, data files" {
	local compat size mode raw n=0 tops=()

	truncate -s 5M raw0
	printf x | put raw0 1000000
	# Only a layer with nothing below it can be allocated in advance, or one with subclusters.
	for mode in off metadata falloc full; do
		for size in 512 64k; do
			for compat in 0.10 1.1 1.1,lazy_refcounts=on; do
				layer b$n '' "compat=$compat,cluster_size=$size,preallocation=$mode" \
					'write 1M 70k'
				layer t$n b$n "compat=$compat,cluster_size=$size" 'write 0 1k' 'discard 1M 1M'
				tops+=("t$n")
				n=$((n + 1))
			done
		done
		for size in 16k 2M; do
			layer b$n raw0 "cluster_size=$size,extended_l2=on,preallocation=$mode" \
				'write 1M 3k' 'write -z 1030k 2k'
			layer t$n b$n "cluster_size=$size,extended_l2=on,compression_type=zstd" \
				'write 5k 1k' 'write -c 2M 2M'
			tops+=("t$n")
			n=$((n + 1))
		done
		for raw in on off; do
			layer b$n '' "data_file=d$n,data_file_raw=$raw,preallocation=$mode" 'write 1M 70k'
			layer t$n b$n 'compression_type=zstd' 'write -c 0 64k' 'write -c 4M 2M'
			tops+=("t$n")
			n=$((n + 1))
		done
	done
	layer d raw0 data_file=e 'write 2M 1M' 'discard 2M 100k'
	agree $((4 * (6 * 2 + 2 * 3 + 2 * 2) + 2)) "${tops[@]}" d
}

@test "numbers: internal snapshots, bitmaps, converted and compressed images" {
	local type tops=() size

	truncate -s 4M raw0
	head -c 1M /dev/urandom | put raw0 65536
	seq 200000 | put raw0 2097152
	for size in 512 64k 1M; do
		for type in zlib zstd; do
			qemu-img convert -c -f raw -O qcow2 -o cluster_size=$size,compression_type=$type \
				raw0 c$size$type
			layer s$size$type c$size$type cluster_size=$size 'write 1M 1M'
			qemu-img snapshot -c one s$size$type
			qemu-io -f qcow2 -c 'write 1M 2M' -c 'discard 0 64k' s$size$type >/dev/null
			qemu-img snapshot -c two s$size$type
			qemu-img snapshot -d one s$size$type
			layer b$size$type s$size$type compression_type=$type
			qemu-img bitmap --add b$size$type map
			qemu-io -f qcow2 -c 'write 3M 1M' b$size$type >/dev/null
			qemu-img bitmap --add --disable b$size$type other
			tops+=("b$size$type")
		done
	done
	agree 18 "${tops[@]}"
}

@test "numbers: images whose writer was killed" {
	local n=0 tops=() options

	truncate -s 5M raw0
	for options in cluster_size={512,4k,64k,1M},refcount_bits={1,16,64} \
		cluster_size={16k,2M},extended_l2=on data_file=f compression_type=zstd; do
		layer b$n raw0 "lazy_refcounts=on,$options" 'write 1M 1M'
		layer t$n b$n "lazy_refcounts=on,${options/=f/=g}" 'write 1M 300k'
		kill_writer b$n 'write 3M 500k' 'write 0 1k' 'discard 1M 200k'
		kill_writer t$n 'write 4M 500k' 'write -z 0 1k'
		tops+=("t$n")
		n=$((n + 1))
	done
	kill_writer b13 'write -c 2M 1M' 'write 5M 100k'
	agree $((n * 3)) "${tops[@]}"
	json '[.[].layers[:2][].features | index("dirty") != null] | all'
}

# kill_writer IMAGE COMMAND...: it is dirty after these commands of qemu-io.
kill_writer() {
	local image=$1 command commands=()
	shift

	for command; do
		commands+=(-c "$command")
	done
	(
		qemu-io -f qcow2 "${commands[@]}" -c 'sigraise 9' "$image" >/dev/null || [ $? = 137 ]
	) 2>>log
}

@test "numbers: the header of an encrypted image" {
	truncate -s 5M raw0
	encrypted x 6M -b raw0 -F raw
	layer top '' '' # which QEMU cannot make over an encrypted one without its key
	qemu-img rebase -u -f qcow2 -b x -F qcow2 top
	by_qemu top >expected
	by_img_info top >found
	diff <(jq -S . expected) <(jq -S . found) >&2
	qemu-img check --output=json --object secret,id=s,data=x --image-opts \
		driver=qcow2,encrypt.format=luks,encrypt.key-secret=s,file.driver=file,file.filename=x \
		>check || true
	json --argjson mark "$(jq '."image-end-offset"' check)" '.layers[1].watermark == $mark'
}
