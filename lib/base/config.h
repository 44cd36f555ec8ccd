/*
 * config: the configuration files, which hold the access policy and defaults.
 *
 * The syntax is that of git's configuration: "[section]" and "key = value" lines,
 * and comments that begin with '#' or ';' at the start of a line or after a blank.
 * A value may be in double quotes, with \" \\ \n \t inside.  Section and key names
 * are case-insensitive; a key may repeat.  The keys:
 *
 *	storage.directory	an absolute path
 *	storage.group		the name of a volume group, without /dev/
 *	storage.device		an absolute path
 *	snapshot.size		a SIZE, or a percentage from 1% to 100%
 *	snapshot.autoextend	yes/no, true/false, on/off or 1/0
 *	snapshot.hook-timeout	seconds, at most CONFIG_SECONDS_MAX
 *	resize.mount		yes/no, true/false, on/off or 1/0
 *	ssh.config		a path
 *	ssh.client		auto, builtin or openssh
 *
 * Any other key, an invalid value, a line longer than CONFIG_LINE_MAX bytes, a NUL
 * byte or an unreadable file is an error, ST_USAGE, that names file and line.
 * Nothing is skipped silently.
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
		char *value; /* without quotes and escapes */
	} *entry;
	size_t count;
};

#define CONFIG_INIT { NULL, 0 }

/*
 * Appends the entries of one text; errors are reported as "NAME:LINE: ".  0, or -1
 * with ST_USAGE recorded; then nothing is appended.
 */
int config_parse(struct config *c, const char *name, const char *text, size_t len);

/*
 * Appends the entries of a file.  A missing file is an error only if must_exist.
 * 0, or -1 with ST_USAGE recorded; then nothing is appended.  Blocks on the file.
 */
int config_read(struct config *c, const char *path, bool must_exist);

void config_fini(struct config *c);

/* The last value of key, or NULL. */
const char *config_get(const struct config *c, const char *key);

/* The truth of a boolean value that config_parse() accepted: 1 or 0; -1 if value is NULL. */
int config_bool(const char *value);

/*
 * Iterates over the values of key: the first one at index *at or later, or NULL.
 * *at begins at 0 and is moved past the entry returned.
 */
const char *config_each(const struct config *c, const char *key, size_t *at);

#endif
