/* chooser: finds the faster way on links of all kinds, and follows a change. */
#include "lib/flow/chooser.h"
#include "tests/unit/tap.h"

#define BLOCK 262144

struct link {
	double raw_rate, lzo_rate; /* raw bytes a millisecond */
	double ms;
};

/* Runs bytes over the link; the fraction of them that was compressed. */
static double run(struct chooser *c, struct link *l, uint64_t bytes)
{
	uint64_t done, compressed = 0;

	for (done = 0; done < bytes; done += BLOCK) {
		if (chooser_compresses(c))
			compressed += BLOCK;
		l->ms += BLOCK / (chooser_compresses(c) ? l->lzo_rate : l->raw_rate);
		chooser_passed(c, BLOCK, (int64_t)l->ms);
	}
	return (double)compressed / (double)bytes;
}

int main(void)
{
	struct link fast = { 600e3, 250e3, 0 }, slow = { 1e3, 2.2e3, 0 },
		    even = { 100e3, 101e3, 0 };
	struct chooser c;
	double part;

	chooser_init(&c, 0);
	ok(chooser_compresses(&c), "begins compressing");
	part = run(&c, &fast, 4ull << 30);
	ok(part < 0.10, "a fast link: hardly anything is compressed");
	ok(part > 0, "but it was tried");

	fast.raw_rate = 20e3;
	fast.lzo_rate = 45e3;
	run(&c, &fast, 2ull << 30);
	part = run(&c, &fast, 4ull << 30);
	ok(part > 0.90, "a link that became slow: nearly everything is");

	chooser_init(&c, 0);
	part = run(&c, &slow, 256u << 20);
	ok(part > 0.85, "a slow link: nearly everything is, soon");
	ok(part < 1, "and the other way was tried");

	chooser_init(&c, 0);
	part = run(&c, &even, 1u << 30);
	ok(part > 0.05 && part < 1, "no difference: any way is right, and it ends");
	return tap_done();
}
