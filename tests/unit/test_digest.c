/* digest: compared with a simple implementation and a known result; the spill file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xxhash.h>

#include "lib/base/err.h"
#include "lib/block/block.h"
#include "lib/block/digest.h"
#include "tests/unit/tap.h"

#define MANY (3 * (DIGEST_KEEP_MAX / 24) + 5) /* pairs: too many for memory */

/* A simple implementation of what the header describes, for an image in memory. */
static void reference(const uint8_t *image, uint64_t len, struct hash *out)
{
	static uint8_t block[BLOCK_SIZE];
	uint64_t i, blocks = (len + BLOCK_SIZE - 1) / BLOCK_SIZE;
	uint8_t *msg = malloc(8 + 24 * blocks), *p = msg;
	XXH128_canonical_t c;
	uint64_t n, j;

	for (j = 0; j < 8; j++)
		*p++ = len >> 8 * j & 255;
	for (i = 0; i < blocks; i++) {
		n = len - i * BLOCK_SIZE < BLOCK_SIZE ? len - i * BLOCK_SIZE : BLOCK_SIZE;
		memset(block, 0, sizeof(block));
		memcpy(block, image + i * BLOCK_SIZE, n);
		for (j = 0; j < BLOCK_SIZE && block[j] == 0;)
			j++;
		if (j == BLOCK_SIZE)
			continue;
		for (j = 0; j < 8; j++)
			*p++ = i >> 8 * j & 255;
		XXH128_canonicalFromHash(&c, XXH3_128bits(block, BLOCK_SIZE));
		memcpy(p, c.digest, 16);
		p += 16;
	}
	XXH128_canonicalFromHash(&c, XXH3_128bits(msg, (size_t)(p - msg)));
	memcpy(out->byte, c.digest, 16);
	free(msg);
}

/* The same with block and digest. */
static int modular(const uint8_t *image, uint64_t len, uint64_t told, struct hash *out)
{
	struct digest *d = digest_new(told);
	struct block *b = block_new();
	uint64_t off, n;
	int r = d && b ? 0 : -1;

	for (off = 0; off < len && r == 0; off += n) {
		n = len - off < BLOCK_SIZE ? len - off : BLOCK_SIZE;
		if (block_all_zero(image + off, n))
			continue;
		block_set_data(b, off, n);
		memcpy(b->raw, image + off, n);
		b->has_raw = true;
		block_hash(b);
		r = digest_add(d, off / BLOCK_SIZE, &b->hash);
	}
	if (r == 0)
		r = digest_final(d, len, out);
	digest_free(d);
	block_free(b);
	return r;
}

static void test_reference(void)
{
	static uint8_t image[5 * BLOCK_SIZE];
	static const uint64_t lens[] = { 0, 1, 100, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE,
		4 * BLOCK_SIZE + 777, 5 * BLOCK_SIZE };
	struct hash want, got;
	char hex[HASH_HEX];
	int i, bad = 0;
	size_t j;

	/* Block 1 is all zeros; of block 3, only the last byte is not zero. */
	for (j = 0; j < BLOCK_SIZE; j++) {
		image[j] = (uint8_t)(j * 7 + j / 256);
		image[2 * BLOCK_SIZE + j] = (uint8_t)(j ^ j >> 5);
		image[4 * BLOCK_SIZE + j] = (uint8_t)(j % 251);
	}
	image[4 * BLOCK_SIZE - 1] = 9;
	for (i = 0; i < 8; i++) {
		reference(image, lens[i], &want);
		bad += modular(image, lens[i], lens[i], &got) != 0 || !hash_equal(&want, &got);
		bad += modular(image, lens[i], DIGEST_LEN_UNKNOWN, &got) != 0 ||
		       !hash_equal(&want, &got);
	}
	is_int(bad, 0, "digest: equals the simple implementation, length known or not");
	modular(image, 4 * BLOCK_SIZE + 777, 4 * BLOCK_SIZE + 777, &got);
	is_str(hash_hex(&got, hex), "42080f58f0fcef949ee80719f1daa832", "digest: a known result");
	modular(image, 0, 0, &got);
	is_str(hash_hex(&got, hex), "2c0a8a99dc147d5445c3b49d035665b2",
		"digest: a known result for an empty image");
	modular(image + BLOCK_SIZE, BLOCK_SIZE, BLOCK_SIZE, &got);
	modular(image + BLOCK_SIZE, BLOCK_SIZE - 1, BLOCK_SIZE - 1, &want);
	ok(!hash_equal(&got, &want), "digest: zeros of another length have another digest");
}

static void test_hash(void)
{
	struct hash h, g;
	char hex[HASH_HEX];

	hash_bytes(&h, "", 0);
	is_str(hash_hex(&h, hex), "99aa06d3014798d86001c324468d497f",
		"hash: of no bytes, in canonical form");
	is_int(hash_from_hex(&g, hex), 0, "from_hex: 32 digits");
	ok(hash_equal(&h, &g), "from_hex: gives the same hash");
	is_int(hash_from_hex(&g, "99AA06D3014798D86001C324468D497F"), 0, "from_hex: upper case");
	ok(hash_equal(&h, &g), "from_hex: upper case gives the same hash");
	g.byte[15] ^= 1;
	ok(!hash_equal(&h, &g), "equal: the last bit differs");
	err_clear();
	is_int(hash_from_hex(&g, ""), -1, "from_hex: an empty string");
	is_int(hash_from_hex(&g, "99aa06d3014798d86001c324468d497"), -1, "from_hex: 31 digits");
	is_int(hash_from_hex(&g, "99aa06d3014798d86001c324468d497ff"), -1, "from_hex: 33 digits");
	is_int(hash_from_hex(&g, "99aa06d3014798d86001c324468d49 f"), -1, "from_hex: a blank");
	is_int(err_status(), ST_OK, "from_hex: records nothing");
}

static void test_misuse(void)
{
	struct digest *d = digest_new(10 * BLOCK_SIZE);
	struct hash h;

	hash_bytes(&h, "x", 1);
	is_int(digest_add(d, 3, &h), 0, "add: a block");
	is_int(digest_add(d, 3, &h), -1, "add: the same block again");
	is_int(err_status(), ST_CORRUPT, "add: that is ST_CORRUPT");
	is_int(digest_add(d, 2, &h), -1, "add: an earlier block");
	is_int(digest_add(d, 4, &h), 0, "add: the next block");
	err_clear();
	is_int(digest_final(d, 9 * BLOCK_SIZE, &h), -1, "final: another length than announced");
	is_int(err_status(), ST_CORRUPT, "final: is ST_CORRUPT");
	digest_free(d);
	digest_free(NULL);
}

/* Adds MANY pairs.  0, or -1.  Sets *seen if a file below dir is open then. */
static int many(uint64_t told, struct hash *out, const char *dir, bool *seen)
{
	struct digest *d = digest_new(told);
	struct hash h = { { 0 } };
	char link[64], to[512];
	int r = d ? 0 : -1, fd;
	uint64_t i;
	ssize_t n;

	for (i = 0; i < MANY && r == 0; i++) {
		memcpy(h.byte, &i, sizeof(i));
		r = digest_add(d, 2 * i, &h);
	}
	for (fd = 3; seen && fd < 64; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		if (n > 0 && strncmp(to, dir, strlen(dir)) == 0)
			*seen = true;
	}
	if (r == 0)
		r = digest_final(d, 2 * (uint64_t)MANY * BLOCK_SIZE, out);
	digest_free(d);
	return r;
}

static int entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* From now on opening a file with a flag in mask fails with error. */
static void deny_open(uint32_t mask, uint32_t error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 2 * 8),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		_exit(99);
}

/* Runs test in a child process and returns its exit status. */
static int in_child(int (*test)(const char *dir, const struct hash *want), const char *dir,
	const struct hash *want)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(test(dir, want));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int without_tmpfile(const char *dir, const struct hash *want)
{
	bool seen = false;
	struct hash got;

	deny_open(O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
	if (many(DIGEST_LEN_UNKNOWN, &got, dir, &seen) != 0)
		return 1;
	if (entries(dir) != 0)
		return 2;
	return !hash_equal(&got, want) ? 3 : !seen ? 4 : 0;
}

static int nothing_writable(const char *dir, const struct hash *want)
{
	struct hash got;

	(void)dir;
	(void)want;
	deny_open((O_TMPFILE & ~O_DIRECTORY) | O_CREAT, EROFS);
	if (many(DIGEST_LEN_UNKNOWN, &got, NULL, NULL) == 0)
		return 1;
	return strstr(err_text(), "temporary file") && err_status() == ST_FAILED ? 0 : 2;
}

static int full(const char *dir, const struct hash *want)
{
	struct rlimit limit = { DIGEST_KEEP_MAX + 1000, DIGEST_KEEP_MAX + 1000 };
	struct hash got;

	(void)dir;
	(void)want;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (many(DIGEST_LEN_UNKNOWN, &got, NULL, NULL) == 0)
		return 1;
	return strstr(err_text(), "temporary file") && err_status() != ST_OK ? 0 : 2;
}

static void test_spill(void)
{
	char dir[] = "/tmp/test_digest.XXXXXX";
	struct hash want, got;
	bool seen = false;

	if (!ok(mkdtemp(dir), "spill: a directory"))
		return;
	is_int(many(2 * (uint64_t)MANY * BLOCK_SIZE, &want, NULL, NULL), 0, "spill: length known");
	setenv("TMPDIR", dir, 1);
	is_int(many(DIGEST_LEN_UNKNOWN, &got, dir, &seen), 0, "spill: length not known");
	ok(hash_equal(&want, &got), "spill: the same digest");
	ok(seen, "spill: the file is in $TMPDIR");
	is_int(entries(dir), 0, "spill: leaves no file");
	is_int(in_child(without_tmpfile, dir, &want), 0, "spill: without support for O_TMPFILE");
	is_int(entries(dir), 0, "spill: leaves no file without O_TMPFILE either");
	is_int(in_child(nothing_writable, dir, &want), 0,
		"spill: no writable directory is an error");
	is_int(in_child(full, dir, &want), 0, "spill: no free space is an error");
	setenv("TMPDIR", "/nonexistent", 1);
	is_int(many(DIGEST_LEN_UNKNOWN, &got, NULL, NULL), 0, "spill: $TMPDIR does not exist");
	ok(hash_equal(&want, &got), "spill: the same digest in another directory");
	unsetenv("TMPDIR");
	is_int(many(DIGEST_LEN_UNKNOWN, &got, NULL, NULL), 0, "spill: no $TMPDIR");
	rmdir(dir);
}

int main(void)
{
	test_hash();
	test_reference();
	test_misuse();
	test_spill();
	return tap_done();
}
