#!/bin/bash
# run.sh: img-copy and img-resize beside what they stand in for, on this machine (make bench).
#
#   tests/bench/run.sh BUILD
#
#   T='remote local'  some parts: remote archive local reflink sparse memory slow-link
#                     wide-link long-link far-link start resize chain watch
#   ROUNDS=3          timed runs of each; 0: the checking ones only
#   SIZE=4G           of the image
#
# Writes BUILD/bench/table.txt, data.tsv and plots.  Fails if a result is wrong,
# never for its speed.  README.md has the method.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
rounds=${ROUNDS:-3}
all='remote archive local reflink sparse memory slow-link wide-link long-link far-link start resize chain watch'
parts=${T:-$all}
bytes=$(numfmt --from=iec "${SIZE:-4G}")
tests/deps.sh bench

# In memory, if there is twice the size and something more; else on the disk.
place() {
	local free available

	free=$(df --output=avail -B1 /dev/shm | tail -n 1)
	available=$(awk '$1 == "MemAvailable:" { printf "%.0f", $2 * 1024 }' /proc/meminfo)
	if ((free > bytes * 9 / 4 && available > bytes * 11 / 4)); then
		echo /dev/shm
	else
		mkdir -p "$build/bench"
		echo "$build/bench"
	fi
}
dir=$(mktemp -d "$(place)/img-bench.XXXXXX")
SOCKETS=$(mktemp -d /tmp/img-bench.XXXXXX)
BIN=$build/bin
BATS_FILE_TMPDIR=$dir # where sshd.bash puts its folder
data=$dir/data.tsv
out=$dir/out
export SOCKETS BIN HOST=
# shellcheck source=tests/bats/sshd.bash
. tests/bats/sshd.bash
# shellcheck source=tests/bench/images.sh
. tests/bench/images.sh
# shellcheck source=tests/bench/parts.sh
. tests/bench/parts.sh
# shellcheck source=tests/bats/standin.bash
. tests/bats/standin.bash
# shellcheck source=tests/bench/watch.sh
. tests/bench/watch.sh

relays=()
compared=0
leave() {
	[ ${#relays[@]} = 0 ] || kill "${relays[@]}" 2>/dev/null || true
	sshd_stop
	unmount_reflink
	watch_end
	rm -rf "$dir" "$SOCKETS"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "run.sh: $*" >&2
	exit 1
}

# A relay to the sshd, with these options, known to ssh as host NAME.
link() {
	local name=$1 port
	shift

	exec {port}< <(exec "$build/bench/relay" "$@" "$dir/counts.$name" "$(sshd_port a)")
	relays+=($!)
	read -ru "$port" port || fail "no relay"
	sed "s/^\[127.0.0.1\]:[0-9]*/[127.0.0.1]:$port/" "$SSHD_DIR/known_hosts" >"$dir/known"
	head -n 1 "$dir/known" >>"$SSHD_DIR/known_hosts"
	sed "s/^Host a$/Host $name/; s/Port .*/Port $port/" "$dir/ssh_config" >>"$SSH_CONFIG"
	HOST=$name
}

# Prints the bytes that have passed a relay, when no connection is open any more.
passed() {
	local open up down

	for _ in {1..200}; do
		read -r open up down <"$dir/counts.$1"
		[ "$open" != 0 ] || break
		sleep 0.05
	done
	echo $((up + down))
}

# A filesystem that was grown fills the image, has no errors, and contains the same files.
check_fs() {
	local files=$dir/files blocks status=0

	blocks=$(dumpe2fs -h "$out" 2>/dev/null | awk '/^Block count:/ { print $3 }')
	[ "$(stat -c %s "$out")" = "$GROWN" ] && ((blocks == GROWN / 4096)) || return
	e2fsck -fn "$out" >/dev/null 2>&1 || return
	mkdir -p "$files/before" "$files/after"
	debugfs -R "rdump / $files/before" "$1" 2>/dev/null
	debugfs -R "rdump / $files/after" "$out" 2>/dev/null
	[ -e "$files/after/linux" ] &&
		diff -r --no-dereference "$files/before" "$files/after" >&2 || status=1
	rm -rf "$files"
	return $status
}

# Compares a run's result with its source.
check() {
	local work=$1 from=$dir/$2

	case $work:$2 in
	pack*) { [ "$3" = zstd ] && zstd -qdc "$out" || lzop -dc <"$out"; } | cmp - "$from" ;;
	grow:*) cmp "$out" <(head -c "$GROWN" <(cat "$from" /dev/zero)) ;;
	grow-fs:*) check_fs "$from" ;;
	layers*) [ "$3" != img-info ] || [ "$(jq '.layers | length' "$out")" = 20 ] ;;
	list-at:*) [ "$3" = ssh ] || [ "$(jq '.entries | length' "$out")" = "$(find "$from" -type f | wc -l)" ] ;;
	info-*) [ "$3" = ssh ] || [ "$(jq -r .format "$out")" = qcow2 ] ;;
	flatten*) qemu-img compare -q -f qcow2 -F raw "$from" "$out" ;;
	*:huge) # which takes cmp an hour
		qemu-img compare -q -f raw -F raw "$from" "$out" &&
			[ "$(stat -c %s "$from")" = "$(stat -c %s "$out")" ]
		;;
	*) cmp "$from" "$out" ;;
	esac || fail "$work by $3: the result is wrong"
}

# What grows is a copy of the source, which shares its blocks, to the length $GROWN.  A
# helper that is to be sent is removed from the host.
prepare() {
	case $1 in
	info-first) rm -f "$SSHD_DIR"/a/home/.cache/img-tools/* /{var/tmp,tmp,dev/shm}/img-tools-"$(id -u)"/img-helper-* ;;
	grow*)
		GROWN=$(($(stat -c %s "$2") * 11 / 10 / 4096 * 4096))
		export GROWN
		cp --reflink=always "$2" "$out"
		sync -f "$out"
		;;
	esac
}

# Takes as much memory as the result will need, and gives it back.  A virtual machine may have
# returned memory that was free for some seconds to its host, and gets it again slowly.
warm() {
	local held

	held=$(du -B1 "$1" | cut -f1)
	head -c "$held" /dev/zero >"$dir/warm"
	rm "$dir/warm"
}

# One run of a tool over HOST: a line of the data, with the bytes on the wire or "-".
measure() {
	local work=$1 from=$2 tool=$3 round=$4 before='' wire=- status=0

	rm -f "$out" "$dir/cost"
	prepare "$work" "$dir/$from"
	((round == 0)) || warm "$dir/$from"
	[ ! -e "$dir/counts.$HOST" ] || before=$(passed "$HOST")
	"$build/bench/cost" "$dir/cost" "$(cat "$SSHD_DIR/a/pid")" \
		tests/bench/peers.sh "${work}_$tool" "$dir/$from" "$out" || status=$?
	[ "$status" = 0 ] || fail "$work by $tool: status $status"
	[ -z "$before" ] || wire=$(($(passed "$HOST") - before))
	printf '%s\t%s\t%s\t%s\t%s\n' "$part-$work-$from" "$tool" "$round" "$(cat "$dir/cost")" "$wire" >>"$data"
}

# Runs the tools in turn: the machine's slow minutes are shared.  Over the bare
# host, a round that is not timed goes first, through the relay that counts.
compare() {
	local title=$1 work=$2 from=$3 round first=1 via=$HOST tool
	shift 3

	echo "$title: $*" >&2
	compared=$((compared + $#))
	printf '#\t%s\t%s\n' "$part-$work-$from" "$title" >>"$data"
	case $via:$work in a:*up | a:down) first=0 ;; esac
	((rounds > 0)) || first=0
	for ((round = first; round <= rounds; round++)); do
		HOST=$via
		[ "$round$via" != 0a ] || HOST=counted
		for tool; do
			measure "$work" "$from" "$tool" "$round"
			[ $round != $first ] || check "$work" "$from" "$tool"
		done
	done
	HOST=$via
}

for part in $parts; do
	declare -F "part_$part" >/dev/null || fail "there is no part '$part'"
done
sshd_start a "Subsystem sftp internal-sftp"
export SSH_CONFIG
cp "$SSH_CONFIG" "$dir/ssh_config"
link counted
sed 's/^Host a$/Host b/' "$dir/ssh_config" >>"$SSH_CONFIG"
export OTHER=b
"$BIN/img-info" -F "$SSH_CONFIG" "a:/etc/passwd" >"$dir/first" # brings the helper there
for part in $parts; do
	HOST=a
	"part_$part"
done
if ((rounds == 0)); then
	echo "$compared results: each is what it should be"
	exit 0
fi
if [ -s "$data" ]; then
	tests/bench/report.sh "$data" "$build/bench"
	cat "$build/bench/table.txt"
fi
if [ -e "$dir/watch.txt" ]; then
	cp "$dir/watch.txt" "$build/bench"
	cat "$dir/watch.txt"
fi
