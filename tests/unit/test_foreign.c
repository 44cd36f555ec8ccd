/* foreign: compared with qemu-img, which creates the images.  Fails without qemu-img. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/base/err.h"
#include "lib/format/foreign.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static struct foreign f;

/* foreign_read() of a file, as if it had len bytes (0: all that it has). */
static int read_as(const char *name, uint64_t len)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), r;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	memset(&f, 0x55, sizeof(f));
	err_clear();
	r = foreign_read(&f, fd, len ? len : (uint64_t)st.st_size);
	close(fd);
	return r;
}

/* What the first n bytes tell is what the whole file tells, or less. */
static void compare_head(const char *what, size_t n)
{
	static struct foreign head;
	uint8_t *bytes = calloc(1, n);
	int fd = open("x", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 || !bytes ? -1 : read(fd, bytes, n);

	if (got < 0)
		abort();
	close(fd);
	is_int(foreign_parse(&head, bytes, (size_t)got), 0, what);
	is_str(head.format ? head.format : "none", f.format, "... by its beginning");
	ok(head.capacity == f.capacity || (strcmp(f.format, "vhdx") == 0 && head.capacity == 0),
		"... its capacity, or none");
	ok(head.extents == f.extents && memcmp(head.names, f.names, sizeof(f.names)) == 0 &&
			strcmp(head.backing, f.backing) == 0,
		"... its names");
	free(bytes);
}

static void compare(const char *what, const char *format)
{
	json_t *info;
	int status;

	is_int(read_as("x", 0), 0, what);
	is_str(f.format ? f.format : "none", format, "... its format");
	info = json_loads(
		scratch_get(&status, "qemu-img info -f %s --output=json x 2>>log", format), 0,
		NULL);
	ok(status == 0 && info, "... as qemu-img has it");
	is_int(f.capacity, json_integer_value(json_object_get(info, "virtual-size")),
		"... with its capacity");
	json_decref(info);
	compare_head(what, 65536);
}

static void test_formats(void)
{
	static const char *const kinds[][2] = { { "vmdk", "subformat=monolithicSparse" },
		{ "vmdk", "subformat=streamOptimized" }, { "vmdk", "subformat=monolithicFlat" },
		{ "vmdk", "subformat=twoGbMaxExtentSparse" },
		{ "vmdk", "subformat=twoGbMaxExtentFlat" }, { "vdi", "static=off" },
		{ "vpc", "subformat=dynamic" }, { "vpc", "subformat=dynamic,force_size=on" },
		{ "vhdx", "subformat=dynamic" }, { "vhdx", "log_size=16M,block_size=2M" },
		{ "qed", "cluster_size=64k" }, { "qcow", "encryption=off" },
		{ "parallels", "cluster_size=1M" } };
	static const char *const sizes[] = { "1M", "5M", "2500M", "100G" };
	char what[100];
	size_t i, k;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			snprintf(what, sizeof(what), "%s, %s, %s", kinds[i][0], kinds[i][1],
				sizes[k]);
			if (scratch_run("rm -f x*; qemu-img create -q -f %s -o %s x %s",
				    kinds[i][0], kinds[i][1], sizes[k]) == 0)
				compare(what, kinds[i][0]);
			else
				ok(k == 3, what); /* some cannot be so large */
		}
}

static void test_extents(void)
{
	const char *name;
	size_t at = 0;

	scratch_run("rm -f x*; qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse "
		    "x.vmdk 5G");
	is_int(read_as("x.vmdk", 0), 0, "extents: read");
	is_int(f.extents, 3, "extents: their number");
	scratch_run("cp x.vmdk x");
	compare_head("extents: by the beginning", 65536);
	is_str(foreign_next_name(&f, &at), "x-s001.vmdk", "extents: the first");
	is_int(f.bytes[0], 1LL << 31, "extents: its size");
	is_str(foreign_next_name(&f, &at), "x-s002.vmdk", "extents: the second");
	is_str(foreign_next_name(&f, &at), "x-s003.vmdk", "extents: the last");
	is_int(f.bytes[2], 1LL << 30, "extents: its size");
	ok(!foreign_next_name(&f, &at), "extents: no more");
	scratch_run("{ echo '# a'; echo; echo version=1; for i in $(seq 2000); do "
		    "echo \"RW 2 FLAT \\\"file $i\\\" 0\"; done; echo 'RW 8 ZERO'; } >x");
	is_int(read_as("x", 0), 0, "extents: many");
	is_int(f.capacity, 2000 * 1024 + 4096, "extents: all count");
	ok(f.extents == FOREIGN_EXTENTS_MAX, "extents: as many as fit");
	for (at = 0; (name = foreign_next_name(&f, &at));)
		ok(strncmp(name, "file ", 5) == 0, name);
	scratch_run(
		"qemu-img create -q -f qcow2 x 1M && "
		"printf '\\177\\020\\332\\276' | dd of=x bs=1 seek=64 conv=notrunc status=none");
	ok(read_as("x", 0) == 0 && !f.format, "qcow2 with the magic of VDI is qcow2");
	scratch_run("{ echo version=1; echo 'RW 9223372036854775807 FLAT \"x\" 0'; } >x");
	ok(read_as("x", 0) == 0 && !f.format, "extents: an impossible size");
	scratch_run("{ echo '# a script'; echo version=4; } >x");
	ok(read_as("x", 0) == 0 && !f.format, "extents: not a descriptor");
}

/* None of these reads beyond what there is, or fails. */
static void test_cut(void)
{
	static const char *const formats[] = { "vmdk", "vdi", "vpc", "vhdx", "qed", "qcow",
		"parallels" };
	size_t i, n, wrong;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		scratch_run("rm -f x*; qemu-img create -q -f %s x 5M", formats[i]);
		for (n = 1, wrong = 0; n < 600; n++)
			wrong += read_as("x", n) != 0;
		is_int(wrong, 0, formats[i]);
		ok(read_as("x", 8) == 0 && !f.format, "... not by eight bytes");
	}
	scratch_run("rm -f x*; qemu-img create -q -f vhdx x 5M");
	ok(read_as("x", 200000) == 0 && !f.format, "vhdx without its tables");
	scratch_run("truncate -s 1M x && printf 'QED\\0' | dd of=x conv=notrunc && "
		    "printf '\\377\\377\\377\\377\\377\\377\\377\\377' | "
		    "dd of=x bs=1 seek=48 conv=notrunc");
	ok(read_as("x", 0) == 0 && !f.format, "an impossible size is no such image");
	scratch_run("qemu-img create -q -f vpc -o subformat=fixed x 5M");
	ok(read_as("x", 0) == 0 && !f.format, "the end of a fixed VHD is not looked at");
	scratch_run("qemu-img create -q -f qcow2 x 5M");
	ok(read_as("x", 0) == 0 && !f.format, "qcow2 is not foreign");
	ok(foreign_read(&f, -1, 100) == -1 && err_status() != ST_OK, "a descriptor that is none");
}

int main(void)
{
	scratch_open();
	test_formats();
	test_extents();
	test_cut();
	scratch_close(tap_failed);
	return tap_done();
}
