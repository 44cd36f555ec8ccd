/* chooser: finds the faster way on all kinds of links, and notices a change. */
#include "lib/flow/chooser.h"
#include "tests/unit/tap.h"

#define BLOCK 262144
#define HELD 64 /* half blocks that the buffers can hold */

struct link {
	double raw_rate, lzo_rate; /* raw bytes per millisecond */
	double there_rate[2];	   /* of the far end, without and with compression; 0: no limit */
	double ms, there_ms;
	double ends[HELD]; /* when the far end has processed the blocks in the buffers */
	unsigned next;
};

/* Sends a block.  Compressed, it is half as long, so the buffers hold twice as many. */
static void pass(struct link *l, bool compressed)
{
	unsigned places = compressed ? 1 : 2;

	l->ms += BLOCK / (compressed ? l->lzo_rate : l->raw_rate);
	if (l->there_rate[compressed] == 0)
		return;
	l->there_ms = l->there_ms > l->ms ? l->there_ms : l->ms;
	l->there_ms += BLOCK / l->there_rate[compressed];
	while (places-- > 0) {
		if (l->ms < l->ends[l->next])
			l->ms = l->ends[l->next]; /* the buffers are full */
		l->ends[l->next] = l->there_ms;
		l->next = (l->next + 1) % HELD;
	}
}

/* Sends bytes over the link; returns the fraction of them that was compressed. */
static double run(struct chooser *c, struct link *l, uint64_t bytes)
{
	uint64_t done, compressed = 0;

	for (done = 0; done < bytes; done += BLOCK) {
		bool compresses = chooser_compresses(c);

		if (compresses)
			compressed += BLOCK;
		pass(l, compresses);
		chooser_passed(c, BLOCK, compresses ? BLOCK / 2 : BLOCK, (int64_t)l->ms);
	}
	return (double)compressed / (double)bytes;
}

int main(void)
{
	struct link fast = { .raw_rate = 600e3, .lzo_rate = 250e3 };
	struct link slow = { .raw_rate = 1e3, .lzo_rate = 2.2e3 };
	struct link even = { .raw_rate = 100e3, .lzo_rate = 101e3 };
	struct link weak_end = {
		.raw_rate = 2000e3, .lzo_rate = 350e3, .there_rate = { 300e3, 200e3 }
	};
	struct chooser c;
	double part;

	chooser_init(&c, 0);
	ok(chooser_compresses(&c), "begins compressing");
	part = run(&c, &fast, 4ull << 30);
	ok(part < 0.02, "a fast link: hardly anything is compressed");
	ok(part > 0, "but compression was tried");

	fast.raw_rate = 20e3;
	fast.lzo_rate = 45e3;
	part = run(&c, &fast, 512u << 20);
	ok(part > 0.80, "a link becomes slow: that is noticed soon");
	part = run(&c, &fast, 4ull << 30);
	ok(part > 0.90, "and nearly everything is compressed");

	chooser_init(&c, 0);
	part = run(&c, &slow, 256u << 20);
	ok(part == 1, "a slow link: everything is compressed");

	slow.raw_rate = 80e3;
	slow.lzo_rate = 90e3;
	part = run(&c, &slow, 1u << 30);
	ok(part > 0.80 && part < 1, "it becomes faster: the other way is tried as well");

	slow.lzo_rate = 85e3;
	slow.raw_rate = 160e3;
	part = run(&c, &slow, 1u << 30);
	ok(part < 0.20, "and used when it is the faster one");

	chooser_init(&c, 0);
	part = run(&c, &even, 1u << 30);
	ok(part > 0.05 && part < 1, "no difference: either way is right");

	chooser_init(&c, 0);
	part = run(&c, &weak_end, 4ull << 30);
	ok(part < 0.50, "buffers before a slow end do not make compression look fast");
	return tap_done();
}
