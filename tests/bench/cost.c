/*
 * cost: runs a command and measures what it used, here and under a private sshd.
 *
 *   cost FILE SSHD COMMAND [ARGUMENT...]
 *
 * SSHD is the pid of the sshd, or 0.  Appends a line to FILE, with these fields
 * separated by tabs:
 *
 *	seconds from the start to the end of the command
 *	processor seconds of the command and all processes that it started
 *	processor seconds of the children of SSHD
 *	KiB: the largest sum of the peak resident sizes of the processes that ran at
 *	the same time, on both sides
 *	KiB: the largest peak resident size of one process
 *	processor seconds of the whole machine
 *
 * Exits with the command's status.
 *
 * Processor time is what the kernel counts: here for the children of this process
 * (it adopts orphans), there for the children of sshd that have ended; so it waits
 * until sshd has no more children.  Memory is sampled every SAMPLE_MS.
 */
#include <dirent.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_MS 100
#define PROCESSES 16384
#define END_MS 10000 /* how long processes may outlive the command */

struct process {
	int pid, parent;
	bool ours;
};

struct memory {
	long sum, largest; /* KiB */
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads a process's parent and the CPU time of it and its ended children.  0; -1: it ended. */
static int read_stat(int pid, int *parent, double *cpu)
{
	char path[64], text[1024], *after;
	unsigned long t[4];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	after = strrchr(text, ')'); /* the name may contain any characters */
	if (!after || sscanf(after, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
			      parent, &t[0], &t[1], &t[2], &t[3]) != 5)
		return -1;
	*cpu = (double)(t[0] + t[1] + t[2] + t[3]) / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

static long read_peak(int pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* A child may be in the list before its parent, so this repeats until nothing changes. */
static void mark_ours(struct process *all, int count)
{
	bool more = true;
	int i, k;

	while (more) {
		more = false;
		for (i = 0; i < count; i++)
			for (k = 0; k < count && all[i].ours; k++)
				if (all[k].parent == all[i].pid && !all[k].ours)
					more = all[k].ours = true;
	}
}

/* Samples the memory of all processes on both sides.  Returns whether sshd has no children. */
static bool sample_memory(int sshd, struct memory *m)
{
	static struct process all[PROCESSES];
	bool none_there = true;
	int count = 0, i;
	struct dirent *e;
	long sum = 0;
	double cpu;
	DIR *proc = opendir("/proc");

	if (!proc)
		err(125, "/proc");
	while ((e = readdir(proc)) && count < PROCESSES) {
		struct process *p = &all[count];

		p->pid = atoi(e->d_name);
		if (p->pid > 0 && read_stat(p->pid, &p->parent, &cpu) == 0) {
			p->ours = p->parent == getpid() || (sshd && p->parent == sshd);
			count++;
		}
	}
	closedir(proc);
	mark_ours(all, count);
	for (i = 0; i < count; i++) {
		long peak = all[i].ours ? read_peak(all[i].pid) : 0;

		none_there = none_there && !(sshd && all[i].parent == sshd);
		sum += peak;
		if (peak > m->largest)
			m->largest = peak;
	}
	if (sum > m->sum)
		m->sum = sum;
	return none_there;
}

static double sshd_cpu(int sshd)
{
	double cpu = 0;
	int parent;

	if (sshd && read_stat(sshd, &parent, &cpu) < 0)
		errx(125, "there is no sshd %d", sshd);
	return cpu;
}

static double machine_cpu(void)
{
	unsigned long long user, nice, sys, irq, softirq;
	FILE *f = fopen("/proc/stat", "re");

	if (!f || fscanf(f, "cpu %llu %llu %llu %*u %*u %llu %llu", &user, &nice, &sys, &irq,
			  &softirq) != 5)
		errx(125, "cannot parse /proc/stat");
	fclose(f);
	return (double)(user + nice + sys + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
}

static pid_t start_command(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		err(125, "fork");
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	return pid;
}

/* Waits for the command and then for all other processes.  Returns the command's status. */
static int wait_and_sample(pid_t command, int sshd, struct memory *m, double *end)
{
	const struct timespec interval = { .tv_nsec = SAMPLE_MS * 1000000L };
	int status = 0;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		bool none_here, none_there;
		pid_t pid;
		int s;

		while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
			if (pid == command) {
				status = s;
				*end = seconds_now();
			}
		none_here = pid < 0;
		none_there = sample_memory(sshd, m);
		if (none_here && none_there)
			return status;
		if (*end > 0 && seconds_now() > *end + END_MS / 1e3)
			errx(125, "the command has left processes that do not end");
		sigtimedwait(&child, NULL, &interval);
	}
}

int main(int argc, char **argv)
{
	double began, end = 0, far, machine;
	struct memory m = { 0, 0 };
	struct rusage here;
	int sshd, status;
	sigset_t child;
	FILE *f;

	if (argc < 4)
		errx(125, "usage: cost FILE SSHD COMMAND [ARGUMENT...]");
	sshd = atoi(argv[2]);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	far = sshd_cpu(sshd);
	machine = machine_cpu();
	began = seconds_now();
	status = wait_and_sample(start_command(argv + 3), sshd, &m, &end);
	getrusage(RUSAGE_CHILDREN, &here);
	f = fopen(argv[1], "ae");
	if (!f ||
		fprintf(f, "%.3f\t%.3f\t%.3f\t%ld\t%ld\t%.2f\n", end - began,
			(double)(here.ru_utime.tv_sec + here.ru_stime.tv_sec) +
				(double)(here.ru_utime.tv_usec + here.ru_stime.tv_usec) / 1e6,
			sshd_cpu(sshd) - far, m.sum, m.largest, machine_cpu() - machine) < 0 ||
		fclose(f) != 0)
		err(125, "%s", argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
