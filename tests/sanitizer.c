/*
 * The sanitizers' options, linked into every program of a sanitized build.
 * Reports go to files SAN_LOG.PID, which tests/run.sh looks for, so that one
 * from a helper behind sshd, or from a program whose output a test throws
 * away, fails the run too.
 */
#ifndef SAN_LOG
#define SAN_LOG "stderr"
#endif

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "log_path=" SAN_LOG ":detect_stack_use_after_return=1";
}

const char *__ubsan_default_options(void)
{
	return "log_path=" SAN_LOG ":print_stacktrace=1";
}

const char *__tsan_default_options(void)
{
	return "log_path=" SAN_LOG ":halt_on_error=1:second_deadlock_stack=1";
}
