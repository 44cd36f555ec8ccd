#!/bin/bash
# run.sh: img-copy beside the pipeline that it replaces, on this machine.
#
#   tests/bench/run.sh          all parts
#   T=ssh tests/bench/run.sh    one: ssh, sparse, memory
#   ROUNDS=5 SIZE=4G            rounds of each (default 3), size of the image
#
# The two sides of a part run in turn, so that a slow minute of the machine
# hits both; figures are medians, and what counts is their ratio.  Everything
# lies in a tmpfs, with a private sshd on loopback as the other host.
set -eu -o pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${IMG_BUILD:-$top/build}/bin
rounds=${ROUNDS:-3}
size=${SIZE:-4G}
part=${T:-all}
dir=$(mktemp -d /dev/shm/img-bench.XXXXXX)
BATS_FILE_TMPDIR=$dir
# shellcheck source=tests/bats/sshd.bash
. "$top/tests/bats/sshd.bash"
trap 'sshd_stop; rm -rf "$dir"' EXIT

# A filesystem with programs, libraries, text and headers, and holes between.
make_image() {
	echo "making an image of $size in $dir"
	mkdir "$dir/tree"
	for from in /usr/bin /usr/lib/x86_64-linux-gnu /usr/include /usr/share /usr/lib/gcc; do
		[ -d "$from" ] || continue
		have=$(du -sm "$dir/tree" | cut -f1)
		want=$(du -sm "$from" | cut -f1)
		[ $((have + want)) -lt $(($(numfmt --from=iec "$size") / 1048576 * 7 / 10)) ] || continue
		cp -a "$from" "$dir/tree/" 2>/dev/null || true
	done
	truncate -s "$size" "$dir/img"
	mke2fs -q -F -d "$dir/tree" "$dir/img"
	fallocate -d "$dir/img"
	rm -rf "$dir/tree"
	echo "$(du -m "$dir/img" | cut -f1) MiB of it are data"
}

# Seconds that a command takes, appended to the list $dir/times.NAME.
timed() {
	local name=$1 from to
	shift

	rm -f "$dir/out" "$dir/out.lzo"
	from=$(date +%s%N)
	"$@"
	to=$(date +%s%N)
	echo "$(((to - from) / 1000000))" >>"$dir/times.$name"
}

median() {
	sort -n "$dir/times.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1000 }'
}

spread() {
	sort -n "$dir/times.$1" | awk 'NR == 1 { a = $1 } { b = $1 } END { print a / 1000 "-" b / 1000 }'
}

row() {
	printf '%-44s %8s s   (%s)\n' "$2" "$(median "$1")" "$(spread "$1")"
}

ratio() {
	printf '%-44s %8.2f times as long\n' "  so $1 takes" \
		"$(echo "$(median "$2") $(median "$3")" | awk '{ print $1 / $2 }')"
}

same() {
	cmp "$1" "$2" || { echo "run.sh: the copy differs" >&2; exit 1; }
}

ours_ssh() { "$bin/img-copy" -q -F "$SSH_CONFIG" --sparse --no-fsync "$dir/img" "a:$dir/out"; }
pipeline() {
	dd if="$dir/img" bs=1M status=none | lzop -1 | ssh -F "$SSH_CONFIG" a \
		"lzop -d | dd of=$dir/out bs=1M conv=sparse iflag=fullblock status=none"
}
ours_archive() { "$bin/img-copy" -q -F "$SSH_CONFIG" --archive --no-fsync "$dir/img" "a:$dir/out.lzo"; }
pipeline_archive() { lzop -1 -c "$dir/img" | ssh -F "$SSH_CONFIG" a "cat >$dir/out.lzo"; }

part_ssh() {
	local i

	for ((i = 0; i < rounds; i++)); do
		timed ours ours_ssh
		[ $i != 0 ] || same "$dir/img" "$dir/out"
		timed pipe pipeline
		timed ours-a ours_archive
		[ $i != 0 ] || lzop -dc "$dir/out.lzo" | same - "$dir/img"
		timed pipe-a pipeline_archive
	done
	row ours 'img-copy IMG HOST:'
	row pipe "dd | lzop | ssh 'lzop -d | dd'"
	ratio 'the pipeline' pipe ours
	row ours-a 'img-copy --archive IMG HOST:'
	row pipe-a "lzop -c | ssh 'cat >'"
	ratio 'the pipeline' pipe-a ours-a
}

# 1 GiB of data in 1 TiB of holes, beside the same 1 GiB alone.
part_sparse() {
	local i

	truncate -s 1T "$dir/huge"
	for ((i = 0; i < 16; i++)); do
		dd if="$dir/img" of="$dir/huge" bs=1M count=64 skip=$((i * 64)) seek=$((i * 65536)) \
			conv=notrunc status=none
	done
	dd if="$dir/img" of="$dir/plain" bs=1M count=1024 status=none
	for ((i = 0; i < rounds; i++)); do
		timed huge "$bin/img-copy" -q --sparse --no-fsync "$dir/huge" "$dir/out"
		timed plain "$bin/img-copy" -q --sparse --no-fsync "$dir/plain" "$dir/out"
	done
	row huge '1 GiB of data in 1 TiB, here'
	row plain '1 GiB of data in 1 GiB, here'
	ratio '1 TiB' huge plain
}

# The largest resident size of the command and of each helper.
part_memory() {
	local far=$dir/far

	[ -e "$dir/huge" ] || truncate -s 1T "$dir/huge"
	cat >"$dir/rsh" <<-END
		#!/bin/sh
		shift
		exec /usr/bin/time -f '%M' -o $far sh -c "\$*"
	END
	chmod +x "$dir/rsh"
	rm -f "$dir/out"
	/usr/bin/time -f '%M' -o "$dir/near" "$bin/img-copy" -q --rsh "$dir/rsh" --sparse --no-fsync \
		"$dir/huge" "there:$dir/out"
	printf '%-44s %8d KiB\n' 'resident, 1 TiB: command or its helper' "$(cat "$dir/near")" \
		'resident, 1 TiB: helper at the far end' "$(cat "$far")"
}

for program in lzop ssh mke2fs numfmt cmp /usr/bin/time; do
	command -v "$program" >/dev/null || { echo "run.sh: $program is missing" >&2; exit 1; }
done
sshd_start a
make_image
case $part in
all) part_ssh && part_sparse && part_memory ;;
ssh | sparse | memory) "part_$part" ;;
*) echo "run.sh: no part '$part'" >&2 && exit 2 ;;
esac
