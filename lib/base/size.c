/*
 * The arithmetic is exact.  A fraction is an integer over a power of ten, and the
 * result is rounded down to a byte.  Digits after the 18th cannot change the
 * result, since the largest unit is 2^50.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/base/size.h"

#define FRACTION_DIGITS 18

static int refuse_size(const char *s, const char *why)
{
	return err_set(ST_USAGE, "invalid size '%s': %s", s, why);
}

/* The factor of a suffix; 0 if the suffix is unknown. */
static uint64_t unit_of(const char *suffix)
{
	static const char letter[] = "kmgtp";
	const char *at;
	uint64_t base = 1024, unit = 1;
	int power;

	if (!*suffix)
		return 1;
	at = strchr(letter, *suffix | 0x20);
	if (!at || !*at)
		return 0;
	if (strcmp(suffix + 1, "B") == 0)
		base = 1000;
	else if (suffix[1] && strcmp(suffix + 1, "iB") != 0)
		return 0;
	for (power = (int)(at - letter) + 1; power > 0; power--)
		unit *= base;
	return unit;
}

int size_parse(const char *s, uint64_t *out)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit;
	const char *p = s;
	unsigned __int128 bytes;
	int fraction_len = 0;

	if (*p < '0' || *p > '9')
		return refuse_size(s, "not a number");
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (whole > (SIZE_LIMIT - digit) / 10)
			return refuse_size(s, "too large");
		whole = whole * 10 + digit;
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, fraction_len++) {
			if (fraction_len >= FRACTION_DIGITS)
				continue;
			fraction = fraction * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
		if (fraction_len == 0 || !*p)
			return refuse_size(s, "a fraction needs digits and a suffix");
	}
	unit = unit_of(p);
	if (!unit)
		return refuse_size(s, "unknown suffix");
	bytes = (unsigned __int128)whole * unit + (unsigned __int128)fraction * unit / scale;
	if (bytes == 0)
		return refuse_size(s, "it must be greater than zero");
	if (bytes > SIZE_LIMIT)
		return refuse_size(s, "too large");
	*out = (uint64_t)bytes;
	return 0;
}

char *size_human(uint64_t bytes, char out[SIZE_HUMAN])
{
	static const char *const name[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned tenths;
	int power = 0;

	/* The unit is chosen after rounding, so that 1023.99 KiB is 1 MiB and not 1024 KiB. */
	for (;; power++) {
		unsigned __int128 unit = (unsigned __int128)1 << (10 * power);
		unsigned __int128 value = ((unsigned __int128)bytes * 10 + unit / 2) / unit;

		if (value >= 10000)
			value = ((unsigned __int128)bytes + unit / 2) / unit * 10;
		if (value < 10240 || power == 6) {
			tenths = (unsigned)value;
			break;
		}
	}
	if (tenths % 10)
		snprintf(out, SIZE_HUMAN, "%u.%u %s", tenths / 10, tenths % 10, name[power]);
	else
		snprintf(out, SIZE_HUMAN, "%u %s", tenths / 10, name[power]);
	return out;
}
