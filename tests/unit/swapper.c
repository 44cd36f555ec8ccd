/*
 * swapper A B [A B...]: exchanges each A with its B (RENAME_EXCHANGE), again and again,
 * until it is killed or its parent ends.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int i;

	if (argc < 3 || argc % 2 == 0) {
		fprintf(stderr, "usage: swapper A B [A B...]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 1;; i = i + 2 < argc ? i + 2 : 1) {
		if (syscall(SYS_renameat2, AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1],
			    RENAME_EXCHANGE) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
}
