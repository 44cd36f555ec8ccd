/*
 * qcow2_unpack: several threads read compressed clusters of several layers at once.
 */
#include <pthread.h>

#include "tests/unit/qcow2_layers.h"

#define THREADS 8
#define READS 3000
#define DISK (1u << 20)

static struct opened layer[2];
static uint8_t expected[DISK];

struct reader {
	pthread_t thread;
	struct qcow2_unpack *unpack;
	unsigned seed;
	unsigned wrong, damaged;
};

/* Finds what layer i has at off.  A map serves one thread at a time. */
static void find_run(unsigned i, uint64_t off, struct qcow2_run *run)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (qcow2_map_at(&layer[i].layer.map, off, 5000, run) < 0)
		exit(99);
	pthread_mutex_unlock(&lock);
}

static void *read_anywhere(void *arg)
{
	struct reader *r = arg;
	struct qcow2_run run;
	uint8_t bytes[5000];
	unsigned i, k;
	uint64_t off;

	for (i = 0; i < READS; i++) {
		r->seed = r->seed * 1664525 + 1013904223;
		k = r->seed >> 31;
		off = (r->seed >> 8) % DISK;
		find_run(k, off, &run);
		if (run.kind != QCOW2_COMPRESSED)
			continue;
		err_clear();
		if (qcow2_unpack_read(
			    r->unpack, &layer[k].layer.map, &run, off, bytes, (size_t)run.len) < 0)
			r->damaged += err_status() == ST_CORRUPT && k == 1 ? 1 : 1000000;
		else if (memcmp(bytes, expected + off, (size_t)run.len) != 0)
			r->wrong++;
	}
	return NULL;
}

/* How many reads of all threads were refused as damaged. */
static unsigned read_by_threads(const char *what)
{
	struct qcow2_unpack unpack;
	struct reader r[THREADS];
	unsigned i, damaged = 0, wrong = 0;

	qcow2_unpack_init(&unpack);
	for (i = 0; i < THREADS; i++) {
		r[i] = (struct reader){ .unpack = &unpack, .seed = i };
		if (pthread_create(&r[i].thread, NULL, read_anywhere, &r[i]) != 0)
			exit(99);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(r[i].thread, NULL);
		damaged += r[i].damaged;
		wrong += r[i].wrong;
	}
	qcow2_unpack_fini(&unpack);
	is_int(wrong, 0, what);
	return damaged;
}

/* Overwrites all compressed bytes of x: each cluster of it is damaged. */
static void damage_clusters(const char *name)
{
	struct qcow2_run run;
	int fd = open(name, O_RDWR | O_CLOEXEC);
	uint8_t bytes[16];
	uint64_t off;

	memset(bytes, 0xff, sizeof(bytes));
	for (off = 0; off < DISK; off += run.len) {
		find_run(1, off, &run);
		if (run.kind == QCOW2_COMPRESSED &&
			io_pwrite(fd, bytes, sizeof(bytes), run.host) < 0)
			exit(99);
	}
	close(fd);
}

int main(void)
{
	int fd;

	scratch_open();
	scratch_run("seq 200000 | head -c %u >raw", DISK);
	scratch_run("qemu-img convert -c -O qcow2 -f raw raw x");
	scratch_run("qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=4k -f raw "
		    "raw y");
	fd = open("raw", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || io_pread(fd, expected, DISK, 0) != (ssize_t)DISK)
		exit(99);
	close(fd);
	opened_open(&layer[0], "x");
	opened_open(&layer[1], "y");
	is_int(read_by_threads("two layers, eight threads"), 0, "none is damaged");
	damage_clusters("y");
	ok(read_by_threads("one of them is damaged") > READS, "each read of it is refused");
	opened_close(&layer[0]);
	opened_close(&layer[1]);
	scratch_close(tap_failed);
	return tap_done();
}
