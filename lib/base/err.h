/*
 * err: the one recorded error of a thread.
 *
 * The function that detects an error records it and returns -1.  Its callers
 * return -1 as well, and add context only if that tells the user more.  Only
 * main() and the helper's server loop print or send the error, once.  The record
 * belongs to the calling thread; err_take() and err_put() move it to another one.
 * Nothing here blocks or allocates memory.
 */
#ifndef IMG_ERR_H
#define IMG_ERR_H

/* The exit status of every command, and the status field of the protocol. */
enum status {
	ST_OK = 0,
	ST_FAILED = 1,	/* any other reason */
	ST_USAGE = 2,	/* command line or configuration; nothing was touched */
	ST_ABSENT = 3,	/* no such image, container or directory */
	ST_REFUSED = 4, /* by permissions, the access policy or a rule */
	ST_BUSY = 5,	/* in use: mounted, open or locked */
	ST_EXISTS = 6,	/* the target exists */
	ST_PEER = 7,	/* cannot connect or log in, or connection lost */
	ST_CORRUPT = 8, /* corrupt, unfinished, or contents differ */
	ST_NOROOM = 9,	/* target too small, or no free space */
	ST_NEAR = 10,	/* near the threshold (img-watch) */
	ST_MAX = ST_NEAR
};

#define ERR_TEXT_MAX 1024 /* bytes with the NUL; longer texts are truncated */

struct err {
	enum status status; /* ST_OK: nothing is recorded */
	int sys;	    /* the errno that caused it, or 0 */
	char text[ERR_TEXT_MAX];
};

/* Records status and text, replacing any earlier error.  Returns -1. */
int err_set(enum status status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Records "text: strerror(errno)" with the status that belongs to errno
 * (ENOENT is ST_ABSENT, ENOSPC is ST_NOROOM, ...).  Returns -1.
 */
int err_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Puts "text: " before the recorded text and keeps status and errno.  Returns -1. */
int err_wrap(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The status that belongs to an errno; never ST_OK. */
enum status err_status_of(int sys);

/* The record; ST_OK, 0 and "" after err_clear(). */
enum status err_status(void);
int err_errno(void);
const char *err_text(void);

void err_clear(void);

/* err_take() moves this thread's record to out; err_put() replaces it by in. */
void err_take(struct err *out);
void err_put(const struct err *in);

#endif
