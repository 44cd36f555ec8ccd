/*
 * ptable_last: where the last partition can end.
 */
#include "lib/base/size.h"
#include "lib/format/ptable.h"

#define ALIGN (UINT64_C(1) << 20)

uint64_t ptable_last_limit(const struct ptable *t, uint64_t new_len)
{
	uint64_t usable, sectors = new_len / t->sector;

	if (t->kind == PTABLE_GPT) {
		usable = gpt_last_usable(&t->gpt, new_len);
		return usable ? (usable + 1) * t->sector : 0;
	}
	/* As fdisk: the last sector that 32 bits can express is not used. */
	if (sectors > UINT32_MAX && t->last_end < (uint64_t)UINT32_MAX * t->sector)
		sectors = UINT32_MAX;
	else if (sectors > t->last_end / t->sector && sectors > UINT32_MAX)
		sectors = t->last_end / t->sector;
	return sectors * t->sector;
}

uint64_t ptable_last_end_max(const struct ptable *t, uint64_t new_len)
{
	uint64_t limit = ptable_last_limit(t, new_len), end = limit - limit % ALIGN;

	if (end < t->last_end && t->last_end <= limit)
		end = t->last_end;
	return end > t->last_start ? end : 0;
}

uint64_t ptable_last_end_for(const struct ptable *t, uint64_t bytes)
{
	uint64_t end;

	if (bytes > SIZE_LIMIT - ALIGN || t->last_start > SIZE_LIMIT - ALIGN - bytes)
		return 0;
	end = t->last_start + (bytes ? bytes : 1);
	end += (ALIGN - end % ALIGN) % ALIGN;
	return end > t->last_end && bytes <= t->last_end - t->last_start ? t->last_end : end;
}

uint64_t ptable_last_min_len(const struct ptable *t, uint64_t end)
{
	return t->kind == PTABLE_GPT ? gpt_min_len(&t->gpt, end) : end;
}
