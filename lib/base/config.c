/*
 * Each line is copied and then split in place.  The functions that parse a part
 * of a line record what is wrong with it; config_parse() puts "FILE:LINE: " in
 * front.  Either all entries of a text are appended or none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/config.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"

#define BLANKS " \t"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define GROUP_CHARS LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-"
#define GROUP_MAX 127 /* LVM's limit */
#define SECTION_MAX 32
#define KEY_MAX (2 * SECTION_MAX)

static int check_path(const char *value)
{
	if (value[0] != '/')
		return err_set(ST_USAGE, "not an absolute path: '%s'", value);
	return 0;
}

static int check_group(const char *value)
{
	size_t len = strlen(value);

	if (len > GROUP_MAX || value[0] == '-' || strspn(value, GROUP_CHARS) != len ||
		strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return err_set(ST_USAGE, "invalid volume group name '%s'", value);
	return 0;
}

static int check_amount(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t bytes;
	long percent;

	if (strcmp(value + digits, "%") != 0)
		return size_parse(value, &bytes);
	percent = digits && digits <= 3 ? atol(value) : 0;
	if (percent < 1 || percent > 100)
		return err_set(ST_USAGE, "invalid percentage '%s'; use 1%% to 100%%", value);
	return 0;
}

static int check_bool(const char *value)
{
	static const char *const word[] = { "yes", "no", "true", "false", "on", "off", "1", "0" };
	size_t i;

	for (i = 0; i < sizeof(word) / sizeof(*word); i++)
		if (strcmp(value, word[i]) == 0)
			return 0;
	return err_set(ST_USAGE, "invalid value '%s'; use yes or no", value);
}

int config_bool(const char *value)
{
	if (!value)
		return -1;
	return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 ||
	       strcmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

static int check_seconds(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	long seconds = digits && digits <= 5 && !value[digits] ? atol(value) : 0;

	if (seconds < 1 || seconds > CONFIG_SECONDS_MAX)
		return err_set(ST_USAGE, "invalid number of seconds '%s'; use 1 to %d", value,
			CONFIG_SECONDS_MAX);
	return 0;
}

static int check_client(const char *value)
{
	if (strcmp(value, "auto") == 0 || strcmp(value, "builtin") == 0 ||
		strcmp(value, "openssh") == 0)
		return 0;
	return err_set(ST_USAGE, "invalid value '%s'; use auto, builtin or openssh", value);
}

static int check_any(const char *value)
{
	(void)value;
	return 0;
}

static const struct known {
	const char *key;
	int (*check)(const char *value);
} known[] = {
	{ "storage.directory", check_path },
	{ "storage.group", check_group },
	{ "storage.device", check_path },
	{ "snapshot.size", check_amount },
	{ "snapshot.autoextend", check_bool },
	{ "snapshot.hook-timeout", check_seconds },
	{ "resize.mount", check_bool },
	{ "ssh.config", check_any },
	{ "ssh.client", check_client },
};

#define KNOWN (sizeof(known) / sizeof(*known))

static void to_lower_case(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s | 0x20);
}

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

static char *skip_blanks(char *p)
{
	return p + strspn(p, BLANKS);
}

static bool is_section(const char *name)
{
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < KNOWN; i++)
		if (strncmp(known[i].key, name, len) == 0 && known[i].key[len] == '.')
			return true;
	return false;
}

/* p points behind the '['.  section takes SECTION_MAX bytes. */
static int parse_section(char *p, char *section)
{
	char *end = strchr(p, ']');
	char *rest;

	if (!end)
		return err_set(ST_USAGE, "'[' without ']'");
	*end = '\0';
	rest = skip_blanks(end + 1);
	if (*rest && !is_comment(*rest))
		return err_set(ST_USAGE, "unexpected text after ']'");
	to_lower_case(p);
	if (strlen(p) >= SECTION_MAX || !is_section(p))
		return err_set(ST_USAGE, "unknown section '%s'", p);
	strcpy(section, p);
	return 0;
}

/* p points behind the opening quote.  The value is written to out, which may overlap p. */
static int parse_quoted(char *p, char *out)
{
	char *rest;

	for (; *p != '"'; p++) {
		if (!*p)
			return err_set(ST_USAGE, "unterminated quote");
		if (*p != '\\') {
			*out++ = *p;
			continue;
		}
		p++;
		if (*p == '"' || *p == '\\')
			*out++ = *p;
		else if (*p == 'n' || *p == 't')
			*out++ = *p == 'n' ? '\n' : '\t';
		else
			return err_set(ST_USAGE, "unknown escape sequence in quotes");
	}
	rest = skip_blanks(++p);
	*out = '\0';
	if (*rest && !(rest > p && is_comment(*rest)))
		return err_set(ST_USAGE, "unexpected text after the closing quote");
	return 0;
}

/* Removes the comment and the blanks before it.  after_blank: a blank precedes p. */
static int parse_bare(char *p, bool after_blank)
{
	char *end = p;

	for (; *p && !(after_blank && is_comment(*p)); p++) {
		after_blank = strchr(BLANKS, *p) != NULL;
		if (!after_blank)
			end = p + 1;
		if (*p == '"' || *p == '\\')
			return err_set(ST_USAGE,
				"a value with quotes or backslashes must be in double quotes");
	}
	*end = '\0';
	return 0;
}

static int append_entry(struct config *c, const char *key, const char *value)
{
	struct config_entry *entry, new;

	entry = realloc(c->entry, (c->count + 1) * sizeof(*entry));
	if (entry)
		c->entry = entry;
	new.key = strdup(key);
	new.value = strdup(value);
	if (!entry || !new.key || !new.value) {
		free(new.key);
		free(new.value);
		return err_set(ST_FAILED, "out of memory");
	}
	c->entry[c->count++] = new;
	return 0;
}

static int parse_value(struct config *c, const char *section, char *name, char *p)
{
	char key[KEY_MAX];
	char *value = skip_blanks(p);
	size_t i;
	int rc;

	to_lower_case(name);
	if (!*section)
		return err_set(ST_USAGE, "'%s' before the first section", name);
	if (snprintf(key, sizeof(key), "%s.%s", section, name) >= (int)sizeof(key))
		return err_set(ST_USAGE, "unknown key '%s'", name);
	for (i = 0; i < KNOWN && strcmp(known[i].key, key) != 0; i++)
		;
	if (i == KNOWN)
		return err_set(ST_USAGE, "unknown key '%s'", key);
	rc = *value == '"' ? parse_quoted(value + 1, value) : parse_bare(value, value > p);
	if (rc < 0)
		return -1;
	if (!*value)
		return err_set(ST_USAGE, "'%s' has no value", key);
	if (known[i].check(value) < 0)
		return -1;
	return append_entry(c, key, value);
}

static int parse_line(struct config *c, char *line, char *section)
{
	char *name = skip_blanks(line);
	char *end, *p;

	if (!*name || is_comment(*name))
		return 0;
	if (*name == '[')
		return parse_section(name + 1, section);
	end = name + strcspn(name, BLANKS "=");
	p = skip_blanks(end);
	if (*p != '=')
		return err_set(ST_USAGE, "no '=' after '%.*s'", (int)(end - name), name);
	*end = '\0';
	return parse_value(c, section, name, p + 1);
}

/* Copies one line without its end into line, which takes CONFIG_LINE_MAX + 1 bytes. */
static int copy_line(char *line, const char *text, size_t len)
{
	if (len && text[len - 1] == '\r')
		len--;
	if (len > CONFIG_LINE_MAX)
		return err_set(ST_USAGE, "line longer than %d bytes", CONFIG_LINE_MAX);
	if (memchr(text, '\0', len))
		return err_set(ST_USAGE, "line with a NUL byte");
	memcpy(line, text, len);
	line[len] = '\0';
	return 0;
}

static void truncate_entries(struct config *c, size_t count)
{
	while (c->count > count) {
		c->count--;
		free(c->entry[c->count].key);
		free(c->entry[c->count].value);
	}
}

int config_parse(struct config *c, const char *name, const char *text, size_t len)
{
	char line[CONFIG_LINE_MAX + 1], section[SECTION_MAX] = "";
	size_t had = c->count, number = 0, off = 0;

	while (off < len) {
		const char *end = memchr(text + off, '\n', len - off);
		size_t line_len = end ? (size_t)(end - text) - off : len - off;

		number++;
		if (copy_line(line, text + off, line_len) < 0 || parse_line(c, line, section) < 0) {
			truncate_entries(c, had);
			return err_wrap("%s:%zu", name, number);
		}
		off += line_len + 1;
	}
	return 0;
}

int config_read(struct config *c, const char *path, bool must_exist)
{
	char *text = NULL;
	int fd, rc = -1;
	ssize_t len;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !must_exist)
		return 0;
	if (fd < 0) {
		err_set(ST_USAGE, "cannot open the configuration file '%s': %s", path,
			strerror(errno));
		goto out;
	}
	text = malloc(CONFIG_FILE_MAX + 1);
	if (!text) {
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	len = io_read(fd, text, CONFIG_FILE_MAX + 1);
	if (len < 0)
		err_set(ST_USAGE, "cannot read the configuration file '%s': %s", path,
			strerror(errno));
	else if (len > (ssize_t)CONFIG_FILE_MAX)
		err_set(ST_USAGE,
			"cannot read the configuration file '%s': it is longer than %u MiB", path,
			CONFIG_FILE_MAX >> 20);
	else
		rc = config_parse(c, path, text, (size_t)len);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return rc;
}

void config_fini(struct config *c)
{
	truncate_entries(c, 0);
	free(c->entry);
	*c = (struct config)CONFIG_INIT;
}

const char *config_each(const struct config *c, const char *key, size_t *at)
{
	while (*at < c->count) {
		const struct config_entry *entry = &c->entry[(*at)++];

		if (strcmp(entry->key, key) == 0)
			return entry->value;
	}
	return NULL;
}

const char *config_get(const struct config *c, const char *key)
{
	const char *value, *last = NULL;
	size_t at = 0;

	while ((value = config_each(c, key, &at)))
		last = value;
	return last;
}
