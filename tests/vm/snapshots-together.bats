#!/usr/bin/env bats
#
# Snapshots of several volumes that are taken together: they are of one moment, or none is left.

load guest
load clean
load together

# Writes a counter to disk and then to data, again and again, until `stop` exists.  It is stopped
# while there is a file /srv/freeze, which it answers by /srv/frozen.  `rounds` has the time at which
# each round begins, in microseconds.
write_counter() {
	local n=0 volume srv=$IMG_VM/a/srv

	while [ ! -e stop ]; do
		if [ -e "$srv/freeze" ]; then
			touch "$srv/frozen"
			while [ -e "$srv/freeze" ]; do sleep 0.02; done
		fi
		echo "$((++n)) ${EPOCHREALTIME/./}" >>rounds
		for volume in disk data; do
			printf '%-512d' $n | dd of=/dev/vga/$volume bs=512 iflag=fullblock oflag=direct \
				conv=notrunc status=none
		done
	done
}

# counter_of VOLUME
counter_of() {
	dd if="/dev/vga/$1" bs=512 count=1 iflag=direct status=none | tr -d ' '
}

time_of() {
	awk -v n="$1" '$1 == n { print $2 }' rounds
}

# snap_counters OPTION...: takes snapshots of both volumes while they are written to; sets $first
# and $second to what they hold.
snap_counters() {
	local made writer

	rm -f stop rounds
	write_counter 3>&- &
	writer=$!
	wait_until 60 grep -q '^5 ' rounds
	try on a img-snap --json "$@" /dev/vga/disk /dev/vga/data
	touch stop
	wait $writer
	[ "$status" = 0 ]
	mapfile -t made < <(jq -r '.[].path' "$OUT")
	first=$(counter_of "${made[0]#/dev/vga/}")
	second=$(counter_of "${made[1]#/dev/vga/}")
	echo "the first has $first, the second $second" >&2
	on a lvremove -qqy "${made[@]}"
	untouched
}

@test "img-snap: the snapshots are as far apart as it says, and of one moment between commands" {
	local first second apart

	snap_counters
	apart=$(jq '.[0].apart * 1000000 | ceil' "$OUT")
	grep -Eq '^img-snap: the snapshots are at most [0-9.]+ m?s apart$' "$ERR"
	# The second never lacks what was complete when the first was taken.
	[ "$second" -ge $((first - 1)) ]
	# What only the second has was written in that time, but for the half round at each end.
	[ "$second" -le "$first" ] ||
		[ $(($(time_of "$second") - $(time_of $((first + 1))))) -le $((apart + 1000000)) ]
	snap_counters --pre-snapshot 'touch /srv/freeze; until [ -e /srv/frozen ]; do sleep 0.02; done' \
		--post-snapshot 'rm /srv/freeze /srv/frozen'
	[ "$first" = "$second" ]
}

@test "img-snap: of several volumes all are taken, or none" {
	succeeds on a img-snap -n "${hooks[@]}" /dev/vga/disk /dev/vga/data
	[ "$(wc -l <"$OUT")" = 2 ]
	# Each would fit.
	refuses 9 /dev/vga/data on a img-snap --size 80M "${hooks[@]}" /dev/vga/disk /dev/vga/data
	says "the snapshots need 160 MiB together, and 'vga' has "
	refuses 9 /dev/vga/data on a img-snap -n --size 80M /dev/vga/disk /dev/vga/data
	refuses 4 /dev/mapper/vga-disk on a img-snap "${hooks[@]}" /dev/vga/disk /dev/mapper/vga-disk
	says 'is the same image as'
	on a test ! -e /srv/log
	untouched
	second_lvcreate fails
	refuses 1 /dev/vga/data on a img-snap "${hooks[@]}" /dev/vga/disk /dev/vga/data
	says 'it does not work'
	lvm_back a
	ran 'pre post '
	untouched
	second_lvcreate fails
	try img-copy -s "${hooks[@]}" a:/dev/vga/disk a:/dev/vga/data .
	[ "$status" = 1 ]
	says "img-copy: a:/dev/vga/disk: is not copied, as no snapshot of 'a:/dev/vga/data' could be taken"
	says 'img-copy: a:/dev/vga/data: '
	lvm_back a
	ran 'pre post '
	untouched
	[ ! -e disk ]
}

@test "the helper is killed at the second lvcreate: img-clean removes both; LVM is: none is left" {
	local when

	for when in before during after; do
		second_lvcreate $when
		refuses 7 '' on a img-snap /dev/vga/disk /dev/vga/data
		lvm_back a
		wait_until 30 no_process
		mended a
		second_lvcreate $when
		try img-copy -s a:/dev/vga/disk a:/dev/vga/data .
		[ "$status" = 7 ]
		lvm_back a
		wait_until 30 no_process
		mended a
	done
	for when in 3 8 13 18; do
		second_lvcreate $when
		refuses 1 /dev/vga/data on a img-snap "${hooks[@]}" /dev/vga/disk /dev/vga/data
		lvm_back a
		ran 'pre post '
		untouched
		[ -z "$(suspended)" ]
	done
}

both_tagged() {
	[ "$(tagged a | wc -l)" = 2 ]
}

@test "img-copy --snapshot: of several volumes, each snapshot is removed, however the copies end" {
	local signal client

	cp /dev/vga/data was
	# What is written after the snapshots is in no copy.
	try img-copy -s "${hooks[@]:0:2}" --post-snapshot 'echo post >>/srv/log
		echo changed | dd of=/dev/vga/data oflag=direct conv=sync,notrunc status=none' \
		a:/dev/vga/disk a:/dev/vga/data .
	[ "$status" = 0 ]
	grep -Eq "^img-copy: the snapshots on 'a' are at most [0-9.]+ m?s apart$" "$ERR"
	same disk "$IMAGE"
	same data was
	ran 'pre post '
	rm disk data
	untouched
	for signal in INT cut; do
		env --default-signal img-copy -F "$SSH_CONFIG" --timeout 5 -s --bwlimit 100k \
			a:/dev/vga/disk a:/dev/vga/data . 2>/dev/null 3>&- &
		client=$! # wait_until starts processes, too
		wait_until 90 both_tagged
		wait_until 60 test -s .disk.img-tools
		if [ $signal = cut ]; then link_cut a; else kill -$signal $client; fi
		wait $client || true
		wait_until 120 none_tagged
		wait_until 20 no_process
		[ ! -e disk ]
	done
	link_heal a
	untouched
}

@test "img-copy --snapshot: a snapshot that overflows while it waits is reported" {
	local client

	printf '[snapshot]\nsize = 4m\nautoextend = no\n' | on a tee /etc/img-tools/config >/dev/null
	on a lvextend -qq -L 8M vga/data
	state a >state-a
	img-copy -F "$SSH_CONFIG" -s --bwlimit 300k a:/dev/vga/disk a:/dev/vga/data . 2>"$ERR" 3>&- &
	client=$!
	wait_until 90 both_tagged
	wait_until 60 test -s .disk.img-tools
	yes changed | dd of=/dev/vga/data bs=1M count=8 iflag=fullblock oflag=direct status=none
	status=0
	wait $client || status=$?
	[ "$status" = 8 ]
	says 'img-copy: a:/dev/vga/data: the snapshot is invalid: it overflowed'
	same disk "$IMAGE"
	[ ! -e data ]
	untouched
}
