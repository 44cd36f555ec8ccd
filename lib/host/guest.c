/*
 * guest: see guest.h.
 *
 * A monitor answers:
 *
 *	query-status	{"running": false, "status": "paused", ...}
 *
 * virsh prints one line:
 *
 *	virsh domstate --reason web	paused (user)
 */
#include "lib/host/guest.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/host/virsh.h"

#define STATE_MAX 100 /* bytes of a state in a message */

/* The states of QEMU in which a guest is on its way from or to another place. */
static const char *const qmp_moving[] = { "inmigrate", "postmigrate", "finish-migrate", "save-vm",
	"restore-vm", "colo", NULL };

/* The same of libvirt, which gives them as reasons of "paused". */
static const char *const virsh_moving[] = { "migrating", "saving", "dumping", "creating snapshot",
	"starting up", "post-copy", "post-copy failed", NULL };

static bool guest_is_one_of(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static int guest_is_moving(const char *state)
{
	char safe[STATE_MAX];

	return err_set(ST_BUSY, "is being migrated, saved or restored: '%s'",
		text_safe(state, safe, sizeof(safe)));
}

static int guest_qmp_state(struct qmp *q, enum guest_state *out)
{
	const char *status;
	json_t *reply, *running;
	int r = 0;

	if (qmp_call(q, "query-status", NULL, &reply) < 0)
		return -1;
	status = json_string_value(json_object_get(reply, "status"));
	running = json_object_get(reply, "running");
	if (!status || !json_is_boolean(running))
		r = err_set(ST_FAILED, "cannot parse what QEMU says of its state");
	else if (json_is_true(running))
		*out = GUEST_RUNNING;
	else if (guest_is_one_of(qmp_moving, status))
		r = guest_is_moving(status);
	else
		*out = strcmp(status, "paused") == 0 ? GUEST_PAUSED : GUEST_STOPPED;
	json_decref(reply);
	return r;
}

/* Takes the first line of virsh, "STATE (REASON)", apart.  *reason is "" if there is none. */
static void guest_split(char *line, const char **reason)
{
	char *end = strchr(line, '\n'), *open;

	if (end)
		*end = '\0';
	open = strstr(line, " (");
	*reason = "";
	if (!open)
		return;
	*open = '\0';
	*reason = open + 2;
	end = strrchr(open + 2, ')');
	if (end)
		*end = '\0';
}

int guest_state_parse(const char *text, enum guest_state *out)
{
	char line[STATE_MAX];
	const char *reason;

	strncpy(line, text, sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	guest_split(line, &reason);
	if (strcmp(line, "running") == 0 || strcmp(line, "idle") == 0 ||
		strcmp(line, "in shutdown") == 0)
		*out = GUEST_RUNNING;
	else if (strcmp(line, "paused") == 0 && guest_is_one_of(virsh_moving, reason))
		return guest_is_moving(reason);
	else if (strcmp(line, "paused") == 0)
		*out = strcmp(reason, "user") == 0 ? GUEST_PAUSED : GUEST_STOPPED;
	else if (strcmp(line, "shut off") == 0 || strcmp(line, "crashed") == 0 ||
		 strcmp(line, "pmsuspended") == 0)
		*out = GUEST_STOPPED;
	else
		return err_set(ST_FAILED, "cannot parse the output of virsh");
	return 0;
}

static int guest_virsh_state(const char *domain, enum guest_state *out)
{
	const char *const argv[] = { "virsh", "--quiet", "--readonly", "domstate", "--reason",
		"--domain", domain, NULL };
	struct buf text = BUF_INIT;
	int r = virsh_run(argv, domain, &text);

	if (r == 0)
		r = guest_state_parse(buf_str(&text), out);
	buf_fini(&text);
	return r;
}

int guest_state(struct guest *g, enum guest_state *out)
{
	return g->qmp ? guest_qmp_state(g->qmp, out) : guest_virsh_state(g->domain, out);
}

static int guest_virsh_do(const char *what, const char *domain)
{
	const char *const argv[] = { "virsh", "--quiet", what, "--domain", domain, NULL };

	return virsh_run(argv, domain, NULL);
}

int guest_stop(struct guest *g)
{
	return g->qmp ? qmp_call(g->qmp, "stop", NULL, NULL) : guest_virsh_do("suspend", g->domain);
}

int guest_continue(struct guest *g)
{
	return g->qmp ? qmp_call(g->qmp, "cont", NULL, NULL) : guest_virsh_do("resume", g->domain);
}

bool guest_has_resumed(struct guest *g)
{
	json_t *event;
	bool has = false;
	int i;

	for (i = 0; g->qmp && i < QMP_EVENTS_MAX && qmp_event(g->qmp, "RESUME", 0, &event) == 1;
		i++) {
		json_decref(event);
		has = true;
	}
	return has || (g->qmp && qmp_lost_events(g->qmp));
}

bool guest_is_lost(const struct guest *g)
{
	return g->qmp && qmp_is_lost(g->qmp);
}

int guest_open(struct guest *g, int fd)
{
	g->qmp = qmp_begin(fd);
	if (!g->qmp)
		return -1;
	qmp_set_limit(g->qmp, GUEST_ANSWER_MS);
	return 0;
}

void guest_close(struct guest *g)
{
	qmp_close(g->qmp);
	g->qmp = NULL;
}
