# shellcheck shell=bash disable=SC2034,SC2154
#
# What is compared: each part calls compare() of run.sh with a title, the work,
# the source and the tools.

part_remote() {
	image_programs
	compare "an image, to a raw file at the host" up img \
		img-copy lzop zstd scp rsync nbdcopy tar
	compare "an image, from the host" down img img-copy lzop zstd nbdcopy tar
	image_random
	compare "random bytes, to the host" up random img-copy dd lzop zstd scp nbdcopy
	compare "random bytes, from the host" down random img-copy dd nbdcopy
	compare "random bytes, from host to host" across random img-copy dd
	rm "$dir/random"
	image_zeros
	compare "zeros, to the host" up zeros img-copy lzop zstd scp nbdcopy
	rm "$dir/zeros"
}

part_archive() {
	image_programs
	compare "an image, to an archive at the host" pack-up img img-copy lzop zstd
	compare "an image, to an archive here" pack img img-copy lzop zstd
	"$BIN/img-copy" -q --archive --no-fsync "$dir/img" "$dir/img.lzo"
	zstd -q -T0 -1 "$dir/img" -o "$dir/img.zst"
	compare "an archive, unpacked here" unpack img img-copy lzop zstd
	rm "$dir/img.lzo" "$dir/img.zst"
}

part_local() {
	image_programs
	compare "an image, to a raw file here" local img img-copy nbdcopy qemu-img cp cp-sparse
}

# Where files can share blocks: a copy is a reflink.
part_reflink() {
	image_part $((bytes / 4))
	mount_reflink
	mv "$dir/part" "$dir/reflink/part"
	out=$dir/reflink/out
	compare "an image here, with reflinks" local reflink/part img-copy cp nbdcopy
	out=$dir/out
	unmount_reflink
}

huge_size() {
	numfmt --to=iec-i --suffix=B $((bytes * 256)) | sed -E 's/[0-9.]+/& /'
}

part_sparse() {
	image_huge
	compare "$(huge_size) with little in it, here" local huge img-copy nbdcopy qemu-img cp cp-sparse
	compare "what is in it, alone" local plain img-copy nbdcopy qemu-img cp
}

# Each process of ours stays below 64 MiB, whatever the image's size.
part_memory() {
	image_huge
	compare "$(huge_size) with little in it, to the host" up huge img-copy nbdcopy tar
	compare "$(huge_size) with little in it, from the host" down huge img-copy nbdcopy tar
	compare "what is in it, alone, to the host" up plain img-copy nbdcopy tar
	compare "what is in it, alone, from the host" down plain img-copy nbdcopy tar
	awk -F '\t' '$1 ~ /huge$/ && $2 == "img-copy" && $8 > 65536 {
		print "run.sh: a process of img-copy had " $8 " KiB" > "/dev/stderr"
		exit 1
	}' "$data"
}

part_slow-link() {
	image_part $((bytes / 32))
	link slow -t 20 -r 12500000
	compare "12.5 MB/s and 20 ms, to the host" up part img-copy lzop zstd scp rsync-z nbdcopy
	rm "$dir/part"
}

part_wide-link() {
	image_part $((bytes / 8))
	link wide -r 125000000
	compare "125 MB/s, to the host" up part img-copy lzop zstd scp nbdcopy
	compare "125 MB/s, from the host" down part img-copy lzop zstd nbdcopy
	rm "$dir/part"
}

part_long-link() {
	image_part $((bytes / 32))
	link long -t 50 -r 125000000
	compare "125 MB/s and 50 ms, to the host" up part img-copy lzop zstd scp nbdcopy tar
	compare "125 MB/s and 50 ms, from the host" down part img-copy lzop zstd scp nbdcopy tar
	rm "$dir/part"
}

# Programs that have little to do but to start.
part_start() {
	image_names
	compare "1,000 images, listed at the host" list-at names img-list ssh
	compare "one image, listed at the host" list-at name img-list ssh
	compare "one image, described at the host" info-at name/0 img-info ssh
	link start -t 50 -r 12000000
	compare "12 MB/s and 50 ms, one image" info-at far-name/0 img-info ssh
	compare "the same, where the helper has to be sent" info-first far-name/0 img-info
}

# Random bytes, and one byte, whose time is that for connecting.  Each link has names of its own, by
# which the rows are told apart.
part_far-link() {
	local ms

	image_random
	for ms in 50 150; do
		mv "$dir/random" "$dir/random-$ms"
		head -c 1 "$dir/random-$ms" >"$dir/byte-$ms"
		link "far$ms" -t $ms -r 125000000
		compare "125 MB/s and $ms ms, random bytes, to the host" up "random-$ms" img-copy scp nbdcopy
		compare "the same, from the host" down "random-$ms" img-copy scp nbdcopy
		compare "one byte, to the host" up "byte-$ms" img-copy scp nbdcopy
		compare "one byte, from the host" down "byte-$ms" img-copy scp nbdcopy
		mv "$dir/random-$ms" "$dir/random"
	done
	rm "$dir/random"
}

# What is read of 20 layers is little, and so the programs' start is most of it.
part_chain() {
	image_layers
	compare "20 layers of 1 TiB, described here" layers layers/19 img-info img-list qemu-img
	compare "20 layers of 1 TiB, described at the host" layers-at layers/19 img-info img-list ssh
	image_chain
	compare "a chain of three layers, flattened here" flatten chain/top img-copy qemu-img
	compare "the same, synced to disk" flatten-sync chain/top img-copy qemu-img
}

# Each run is synced to disk, as img-resize does.
part_resize() {
	mount_reflink
	out=$dir/reflink/out
	image_ext
	compare "$(huge_size) with an ext4 filesystem, grown by 10 %" grow-fs reflink/ext \
		img-resize by-copy in-place
	rm "$dir/reflink/ext"
	image_random
	mv "$dir/random" "$dir/reflink/raw"
	compare "a raw image with all its space, grown by 10 %" grow reflink/raw \
		img-resize fallocate truncate qemu-img
	out=$dir/out
	unmount_reflink
}
