/*
 * config: what may be touched on this host, and defaults.
 *
 * Files in the style of git's configuration: "[section]", "key = value",
 * comments from '#' or ';' (at a line's start or after a blank), a value may
 * stand in double quotes with \" \\ \n \t inside; keys are case-insensitive and
 * may repeat.  Known: storage.directory, storage.group, storage.device
 * (absolute paths; group a bare name), snapshot.size (a SIZE or a percentage
 * from 1% to 100%), snapshot.autoextend (yes/no, true/false, on/off, 1/0),
 * snapshot.hook-timeout (seconds, up to CONFIG_SECONDS_MAX), ssh.config.  Anything else, a line
 * over CONFIG_LINE_MAX, a NUL byte or a file that cannot be read is ST_USAGE naming file and line,
 * never skipped.
 */
#ifndef IMG_CONFIG_H
#define IMG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_SYSTEM "/etc/img-tools/config"
#define CONFIG_SECONDS_MAX 86400
#define CONFIG_LINE_MAX 4096
#define CONFIG_FILE_MAX (1u << 20)

struct config {
	struct config_entry {
		char *key;   /* "storage.directory" */
		char *value; /* unquoted */
	} * entry;
	size_t count;
};

#define CONFIG_INIT                                                                                \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/* Appends the entries of one text; name and line numbers are for messages. */
int config_parse(struct config *c, const char *name, const char *text, size_t len);

/*
 * Appends a file's entries.  A missing file is an error only if must_exist.
 * 0, or -1 with ST_USAGE recorded.
 */
int config_read(struct config *c, const char *path, bool must_exist);

void config_fini(struct config *c);

/* The last value of key, or NULL. */
const char *config_get(const struct config *c, const char *key);

/* 1 or 0 of a value that the file was found good with; -1: NULL. */
int config_bool(const char *value);

/* The value of the entry at *at or after it with that key, or NULL; moves *at past it. */
const char *config_each(const struct config *c, const char *key, size_t *at);

#endif
