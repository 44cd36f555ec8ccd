/*
 * libssh parses a line and matches its names.  It does not support markers, which
 * are parsed here, nor negated patterns, which are matched here as positive ones.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/ssh/ssh_hash.h"
#include "lib/ssh/ssh_known.h"

#define DEFAULT_PORT 22
#define NAME_LEN_MAX 300 /* bytes with the NUL */
#define REVOKED "@revoked "
#define AUTHORITY "@cert-authority "

/* What to look for, and the best match so far. */
struct search {
	char name[NAME_LEN_MAX];
	ssh_key key;	  /* or NULL: any key of type */
	const char *type; /* the type to look for if key is NULL, such as "ssh-rsa" */
	struct ssh_known found;
};

/* Sets out to the name to look up. */
static void known_name(const struct ssh_config *c, char out[NAME_LEN_MAX])
{
	char *p;

	if (c->host_key_alias)
		snprintf(out, NAME_LEN_MAX, "%s", c->host_key_alias);
	else if (c->port == DEFAULT_PORT)
		snprintf(out, NAME_LEN_MAX, "%s", c->hostname);
	else
		snprintf(out, NAME_LEN_MAX, "[%s]:%u", c->hostname, c->port);
	for (p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* Whether a negated pattern ("!...") of the line matches name. */
static bool is_excluded(const char *name, const char *line)
{
	size_t len = strcspn(line, " "), at = 0;
	bool excluded = false;

	while (at < len && !excluded) {
		size_t word = strcspn(line + at, ", ");
		struct ssh_knownhosts_entry *entry = NULL;
		char *positive = NULL;

		if (line[at] == '!' && asprintf(&positive, "%.*s%s", (int)word - 1, line + at + 1,
					       line + len) > 0) {
			excluded = ssh_known_hosts_parse_line(name, positive, &entry) == SSH_OK;
			ssh_knownhosts_entry_free(entry);
			free(positive);
		}
		at += word + 1;
	}
	return excluded;
}

/* The key of the line, if the line is for name; else NULL. */
static struct ssh_knownhosts_entry *match_line(const char *name, const char *line)
{
	struct ssh_knownhosts_entry *entry = NULL;

	if (ssh_known_hosts_parse_line(name, line, &entry) != SSH_OK)
		return NULL;
	if (!is_excluded(name, line))
		return entry;
	ssh_knownhosts_entry_free(entry);
	return NULL;
}

/* The verdict of one line that is for the host and has this key. */
static enum ssh_known_verdict judge_key(const struct search *s, ssh_key key, bool revoked)
{
	const char *type = ssh_key_type_to_char(ssh_key_type(key));
	bool same;

	if (!s->key)
		return !revoked && strcmp(type, s->type) == 0 ? SSH_KNOWN_SAME : SSH_KNOWN_NOT;
	same = ssh_key_cmp(key, s->key, SSH_KEY_CMP_PUBLIC) == 0;
	if (revoked)
		return same ? SSH_KNOWN_REVOKED : SSH_KNOWN_NOT;
	/* Also if it has another type: who does not have the key that is known offers another. */
	return same ? SSH_KNOWN_SAME : SSH_KNOWN_CHANGED;
}

/* Whether the line begins with this marker; moves it behind that. */
static bool skip_marker(char **line, const char *marker)
{
	if (strncmp(*line, marker, strlen(marker)) != 0)
		return false;
	*line += strlen(marker);
	*line += strspn(*line, " ");
	return true;
}

/* Parses one line, and keeps its verdict if that is better. */
static void search_line(struct search *s, char *line, const char *file, size_t number)
{
	struct ssh_knownhosts_entry *entry;
	enum ssh_known_verdict verdict;
	bool revoked, authority;
	char *p;

	for (p = line; *p; p++)
		if (*p == '\t' || *p == '\r' || *p == '\n')
			*p = ' ';
	line += strspn(line, " ");
	revoked = skip_marker(&line, REVOKED);
	authority = !revoked && skip_marker(&line, AUTHORITY);
	if (!*line || *line == '#' || *line == '@')
		return;
	entry = match_line(s->name, line);
	if (!entry)
		return;
	if (authority) {
		s->found.authority_file = file;
		s->found.authority_line = number;
	} else {
		verdict = judge_key(s, entry->publickey, revoked);
		if (verdict > s->found.verdict) {
			s->found.verdict = verdict;
			s->found.file = file;
			s->found.line = number;
		}
	}
	ssh_knownhosts_entry_free(entry);
}

static void search_files(struct search *s, char *const *files)
{
	char *line = NULL;
	size_t i, number, size = 0;
	FILE *f;

	for (i = 0; files && files[i]; i++) {
		f = fopen(files[i], "re");
		if (!f)
			continue;
		for (number = 1; getline(&line, &size, f) >= 0; number++)
			search_line(s, line, files[i], number);
		fclose(f);
	}
	free(line);
}

/*
 * As in OpenSSH, a key that is listed without a port is accepted for any port.  A
 * different key that is listed without a port does not count as a changed key.
 */
static void search_all(struct search *s, const struct ssh_config *c)
{
	struct ssh_config plain = *c;
	struct search again = *s;

	known_name(c, s->name);
	search_files(s, c->user_known_hosts);
	search_files(s, c->global_known_hosts);
	if (s->found.verdict != SSH_KNOWN_NOT || c->host_key_alias || c->port == DEFAULT_PORT)
		return;
	plain.port = DEFAULT_PORT;
	known_name(&plain, again.name);
	search_files(&again, c->user_known_hosts);
	search_files(&again, c->global_known_hosts);
	if (again.found.verdict >= SSH_KNOWN_SAME || again.found.authority_file)
		s->found = again.found;
}

void ssh_known_find(const struct ssh_config *c, ssh_key key, struct ssh_known *out)
{
	struct search s = { .key = key, .found = { .verdict = SSH_KNOWN_NOT } };

	search_all(&s, c);
	*out = s.found;
}

bool ssh_known_has_type(const struct ssh_config *c, const char *algorithm)
{
	struct search s = { .found = { .verdict = SSH_KNOWN_NOT } };

	s.type = strncmp(algorithm, "rsa-", 4) == 0 ? "ssh-rsa" : algorithm;
	search_all(&s, c);
	return s.found.verdict == SSH_KNOWN_SAME;
}

/* Creates the directory of path, if it is missing. */
static void make_directory(const char *path)
{
	char *dir = pathname_parent(path);

	if (dir)
		mkdir(dir, 0700);
	free(dir);
}

/*
 * Appends line, which begins and ends with a newline.  The newline at its beginning
 * is left out, unless the last line of the file has no newline.
 */
static int append_line(const char *path, const char *line)
{
	int rc = -1, sys, fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct stat st;
	char last = '\n';

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0 ||
					   io_pread(fd, &last, 1, (uint64_t)st.st_size - 1) == 1))
		rc = io_write(
			fd, last == '\n' ? line + 1 : line, strlen(line) - (last == '\n' ? 1 : 0));
	sys = errno;
	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = sys;
	return rc;
}

int ssh_known_add(const struct ssh_config *c, ssh_key key)
{
	char name[NAME_LEN_MAX], hashed[SSH_HASH_MAX], *base64 = NULL, *line = NULL;
	int rc = -1;

	if (!c->user_known_hosts || !c->user_known_hosts[0]) {
		errno = ENOENT;
		return -1;
	}
	known_name(c, name);
	if (c->hash_known_hosts && ssh_hash_name(name, hashed) < 0)
		return -1;
	if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK ||
		asprintf(&line, "\n%s %s %s\n", c->hash_known_hosts ? hashed : name,
			ssh_key_type_to_char(ssh_key_type(key)), base64) < 0) {
		line = NULL;
		errno = ENOMEM;
	} else {
		make_directory(c->user_known_hosts[0]);
		rc = append_line(c->user_known_hosts[0], line);
	}
	ssh_string_free_char(base64);
	free(line);
	return rc;
}
