/*
 * peak FILE COMMAND [WORD...]: runs it, writes the most memory that it had at a time, in
 * KiB, to FILE, and exits with its status.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;
	FILE *f;

	if (argc < 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	f = fopen(argv[1], "w");
	if (pid < 0 || !f || wait4(pid, &status, 0, &usage) != pid)
		return 125;
	fprintf(f, "%ld\n", usage.ru_maxrss);
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
