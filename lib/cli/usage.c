/*
 * usage: how near a word is to an option is the number of characters to insert,
 * remove, replace or exchange with their neighbour.
 */
#include "lib/cli/usage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define HINT " (see --help)"
#define NAME_MAX_LEN 32
#define FAR 1000

int usage_error(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	err_set(ST_USAGE, "%s" HINT, text ? text : "the command line is wrong");
	free(text);
	return -1;
}

int usage_check_image(const struct location *loc)
{
	if (loc->is_stdio || *loc->path)
		return 0;
	usage_error("names a host, not an image");
	return err_wrap("%s", loc->text);
}

int usage_hint(void)
{
	if (err_status() == ST_USAGE && !strstr(err_text(), "(see "))
		err_set(ST_USAGE, "%s" HINT, err_text());
	return -1;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* The distance of two names.  A name that the other begins with is very near. */
static unsigned distance_of(const char *a, const char *b)
{
	unsigned d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
	size_t m = strlen(a), n = strlen(b), i, j;

	if (m > NAME_MAX_LEN || n > NAME_MAX_LEN)
		return FAR;
	if (m > 1 && strncmp(a, b, m) == 0)
		return 0;
	for (i = 0; i <= m; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= m; i++)
		for (j = 1; j <= n; j++) {
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
				d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[m][n];
}

/* The option whose long name is nearest to name; NULL: they are all farther than *distance. */
static const struct poptOption *find_nearest(
	const struct poptOption *o, const char *name, unsigned *distance)
{
	const struct poptOption *nearest = NULL, *found;
	unsigned d;

	for (; o->longName || o->shortName || o->arg; o++) {
		found = NULL;
		if ((o->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE) {
			if (o->arg)
				found = find_nearest(o->arg, name, distance);
		} else if (o->longName) {
			d = distance_of(name, o->longName);
			if (d < *distance) {
				*distance = d;
				found = o;
			}
		}
		nearest = found ? found : nearest;
	}
	return nearest;
}

/* The option that word names exactly, or NULL. */
static const struct poptOption *find_option(const struct poptOption *o, const char *word)
{
	const struct poptOption *found = NULL;
	size_t len = strcspn(word, "=");

	for (; !found && (o->longName || o->shortName || o->arg); o++) {
		if ((o->argInfo & POPT_ARG_MASK) == POPT_ARG_INCLUDE_TABLE)
			found = o->arg ? find_option(o->arg, word) : NULL;
		else if (word[1] != '-')
			found = o->shortName && o->shortName == word[1] ? o : NULL;
		else if (o->longName && strlen(o->longName) == len - 2 &&
			 strncmp(o->longName, word + 2, len - 2) == 0)
			found = o;
	}
	return found;
}

/*
 * The option that word was probably meant to be; NULL: none is near.  A typo is at most
 * a third of the word; of "-overwrite" it is the one dash.
 */
static const struct poptOption *find_meant(const struct poptOption *options, const char *word)
{
	const char *begin = word + strspn(word, "-");
	size_t len = strcspn(begin, "=");
	char name[NAME_MAX_LEN + 1];
	unsigned distance = (unsigned)len / 3 + 1;

	snprintf(name, sizeof(name), "%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN), begin);
	return len > 1 ? find_nearest(options, name, &distance) : NULL;
}

static int unknown_option(const struct poptOption *options, const char *word)
{
	const struct poptOption *meant = find_meant(options, word);

	if (meant)
		return usage_error(
			"unknown option '%s'; did you mean '--%s'?", word, meant->longName);
	return usage_error("unknown option '%s'", word);
}

int usage_ssh_option(const struct poptOption *options, const char *value)
{
	char word[NAME_MAX_LEN];

	if (value[strcspn(value, "= \t")])
		return 0;
	snprintf(word, sizeof(word), "-o%s", value);
	if (find_meant(options, word))
		return unknown_option(options, word);
	return usage_error("--ssh-option: '%s' has no value; use KEYWORD=VALUE", value);
}

int usage_option(const struct poptOption *options, const char *word, int error)
{
	const struct poptOption *o = find_option(options, word);

	if (error == POPT_ERROR_BADOPT)
		return unknown_option(options, word);
	if (error == POPT_ERROR_NOARG && o && o->argDescrip)
		return usage_error("option '%s' needs a value: %s", word, o->argDescrip);
	return usage_error("option '%s': %s", word, poptStrerror(error));
}

/* The next word of the synopsis that is not in brackets; NULL: none.  *more: any number of it. */
static char *next_operand(const char **synopsis, bool *more)
{
	const char *s = *synopsis;
	size_t len;

	for (;; s += len) {
		s += strspn(s, " ");
		len = strcspn(s, " \n");
		if (!len)
			return NULL;
		if (*s != '[')
			break;
	}
	*synopsis = s + len;
	*more = len > 3 && strncmp(s + len - 3, "...", 3) == 0;
	return strndup(s, *more ? len - 3 : len);
}

int usage_operands(const char *synopsis, const char *const *operands, int max)
{
	int count = 0, needed = 0, r = 0;
	char *name;
	bool more;

	while (operands && operands[count])
		count++;
	for (; r == 0 && (name = next_operand(&synopsis, &more)); needed++) {
		if (needed == count)
			r = count ? usage_error("missing operand %s after '%s'", name,
					    operands[count - 1])
				  : usage_error("missing operand %s", name);
		free(name);
	}
	if (r == 0 && max >= 0 && count > max)
		return usage_error("unexpected operand '%s'", operands[max]);
	return r;
}

int usage_word(const char *option, const char *value, const char *const *words)
{
	struct buf list = BUF_INIT;
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	for (i = 0; words[i]; i++)
		buf_addf(&list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	usage_error("--%s: invalid value '%s'; use %s", option, value, buf_str(&list));
	buf_fini(&list);
	return -1;
}

int usage_number(const char *option, const char *value, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || *end || end == value || *out < min || *out > max)
		return usage_error(
			"--%s: '%s' is not a number from %ld to %ld", option, value, min, max);
	return 0;
}
