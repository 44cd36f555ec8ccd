/*
 * err: the one recorded error of a thread.
 *
 * The function that detects an error records it and returns -1; its callers
 * pass the -1 on, adding context only where that tells the user more.  Only
 * main() and the helper's server loop print or send it, once.  The record
 * belongs to the calling thread; err_take() and err_put() move it to another.
 * Nothing here blocks or allocates.
 */
#ifndef IMG_ERR_H
#define IMG_ERR_H

/* The exit statuses of every command, and the status field on the wire. */
enum status {
	ST_OK = 0,
	ST_FAILED = 1,	/* for another reason */
	ST_USAGE = 2,	/* command line or configuration; nothing was touched */
	ST_ABSENT = 3,	/* no such image, container or directory */
	ST_REFUSED = 4, /* permission, configuration, or a rule */
	ST_BUSY = 5,	/* mounted, open, locked */
	ST_EXISTS = 6,	/* the target exists */
	ST_PEER = 7,	/* not reached, not let in, or lost */
	ST_CORRUPT = 8, /* integrity */
	ST_NOROOM = 9,	/* target too small, or its storage full */
	ST_NEAR = 10,	/* near a threshold */
	ST_MAX = ST_NEAR
};

#define ERR_TEXT_MAX 1024 /* bytes with the NUL; longer texts are cut */

struct err {
	enum status status; /* ST_OK: nothing is recorded */
	int sys;	    /* the errno behind it, or 0 */
	char text[ERR_TEXT_MAX];
};

/* Records status and text, replacing what was recorded.  Returns -1. */
int err_set(enum status status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Records "text: strerror(errno)" with the status that errno stands for
 * (ENOENT is ST_ABSENT, ENOSPC is ST_NOROOM, ...).  Returns -1.
 */
int err_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Puts "text: " before what is recorded; status and errno stay.  Returns -1. */
int err_wrap(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The status that an errno stands for; never ST_OK. */
enum status err_status_of(int sys);

/* What is recorded: ST_OK, 0 and "" after err_clear(). */
enum status err_status(void);
int err_errno(void);
const char *err_text(void);

void err_clear(void);

/* Copies the record out of this thread and clears it; puts one in. */
void err_take(struct err *out);
void err_put(const struct err *in);

#endif
