/*
 * flood COUNT BYTES KEYS REPLY [...]: a helper for --rsh that answers any request with
 * COUNT records.  Each has the pairs of KEYS ("name=x,kind=file", a %d in them is
 * the number of the record), and, if BYTES is larger, its last value is that much
 * longer.  REPLY is the pairs of the OK.  Further words are ignored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/wire/wire.h"

static void send_frame(enum wire_type type, const char *payload, size_t len)
{
	uint8_t head[WIRE_HEADER];

	wire_header_put(head, type, (uint32_t)len);
	if (fwrite(head, 1, sizeof(head), stdout) != sizeof(head) ||
		fwrite(payload, 1, len, stdout) != len)
		exit(0); /* the client is gone */
}

/* Replaces commas by NULs, and %d by n.  Returns the length, the last NUL included. */
static size_t make_pairs(char *out, size_t size, const char *text, long n)
{
	size_t len = 0;

	for (; *text && len + 24 < size; text++) {
		if (strncmp(text, "%d", 2) == 0) {
			len += (size_t)sprintf(out + len, "%07ld", n);
			text++;
		} else {
			out[len++] = *text;
			if (*text == ',')
				out[len - 1] = '\0';
		}
	}
	out[len++] = '\0';
	return *text || len == 1 ? 0 : len;
}

int main(int argc, char **argv)
{
	static char pairs[WIRE_KV_MAX], head[WIRE_HEADER];
	long i, count = argc > 4 ? atol(argv[1]) : 0;
	size_t len, bytes = argc > 4 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc < 5 || bytes > sizeof(pairs))
		return 2;
	printf("\n%s\n", WIRE_READY);
	len = make_pairs(pairs, sizeof(pairs), "protocol=3,version=0", 0);
	send_frame(WIRE_GREETING, pairs, len);
	fflush(stdout);
	/* A BEAT may come first, and is shorter than a request. */
	do
		if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
			return 0;
	while (head[0] != WIRE_REQUEST);
	for (i = 0; i < count; i++) {
		len = make_pairs(pairs, sizeof(pairs), argv[3], i);
		if (len && len < bytes) {
			memset(pairs + len - 1, '\377', bytes - len);
			pairs[bytes - 1] = '\0';
			len = bytes;
		}
		send_frame(WIRE_RECORD, pairs, len);
	}
	send_frame(WIRE_OK, pairs, make_pairs(pairs, sizeof(pairs), argv[4], 0));
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
