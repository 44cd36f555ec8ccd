/*
 * Arbitrary bytes as the output of virsh blockjob.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/host/virsh_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virsh_job job;
	int r;

	err_clear();
	r = virsh_job_parse((const char *)data, size, &job);
	if (r < 0 && err_status() != ST_FAILED)
		abort();
	if (job.done > job.total || (job.is_ready && (!job.is_commit || job.done < job.total)))
		abort();
	return 0;
}
