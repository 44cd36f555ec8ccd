/*
 * ptable_last: where the last partition can end.
 */
#include "lib/base/size.h"
#include "lib/format/ptable.h"

#define ALIGN (UINT64_C(1) << 20)

/* As fdisk, it does not use the last sector that 32 bits can express. */
static uint64_t get_dos_limit(const struct ptable *t, uint64_t new_len)
{
	uint64_t sectors = new_len / t->sector, most = t->last_end / t->sector;

	if (most < UINT32_MAX)
		most = UINT32_MAX;
	return (sectors < most ? sectors : most) * t->sector;
}

uint64_t ptable_last_limit(const struct ptable *t, uint64_t new_len)
{
	uint64_t usable;

	if (t->kind == PTABLE_DOS)
		return get_dos_limit(t, new_len);
	usable = gpt_last_usable(&t->gpt, new_len);
	return usable ? (usable + 1) * t->sector : 0;
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
