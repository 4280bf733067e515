/*
 * Bodies of one client's requests, for a time.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "common/capture.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/keys.h"

#define MINUTES_MOST 1440
#define MINUTES	     15

struct search {
	const char *name;
	bool found;
};

static int compare(void *context, const struct key *key)
{
	struct search *s = context;

	s->found |= strcmp(key->name, s->name) == 0;
	return 0;
}

static int check_key(struct ctl *c, const char *name, struct error *e)
{
	struct search s = { name, false };

	if (ctl_config(c, e))
		return -1;
	if (strcmp(name, "client_token") == 0 && secret_present(&c->config->client_token))
		return 0;
	if (ctl_keys(c, e) || keys_each(&c->keys, compare, &s, e))
		return -1;
	return s.found ? 0
		       : error_set(e, ERR_NOT_FOUND,
				   "there is no key of the name %s; see kiroctl key list", name);
}

static void print(const struct ctl *c, const struct capture *k, bool ordered)
{
	bool on = ordered && k->until > clock_wall();
	char date[CLOCK_TEXT_SIZE], path[PATH_MAX];
	struct stat st = { .st_size = 0 };
	struct jsonw w;
	struct buf out;

	snprintf(path, sizeof(path), "%s/" CAPTURE_LOG, c->config->state_dir);
	(void)!stat(path, &st);
	if (!c->json) {
		printf("%s%s%s%s; %s: %jd bytes\n", on ? "on for the key " : "off",
		       on ? k->key : "", on ? " until " : "",
		       on ? clock_format(k->until, date) : "", path, (intmax_t)st.st_size);
		return;
	}
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_bool_member(&w, "on", on);
	jsonw_text_member(&w, "key", ordered ? k->key : NULL);
	jsonw_date_member(&w, "until", ordered ? k->until : 0);
	jsonw_text_member(&w, "file", path);
	jsonw_int_member(&w, "bytes", (int64_t)st.st_size);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

int ctl_capture_start(struct ctl *c, struct error *e)
{
	const char *wanted = ctl_value(c, "minutes");
	struct capture k = { .since = clock_wall() };
	char *end = NULL;
	long minutes = wanted ? strtol(wanted, &end, 10) : MINUTES;

	if (minutes < 1 || minutes > MINUTES_MOST || (end && (*end || end == wanted)))
		return ctl_usage(c, "--minutes: 1 to %d", MINUTES_MOST);
	if (check_key(c, c->operands[0], e))
		return -1;
	snprintf(k.key, sizeof(k.key), "%s", c->operands[0]);
	k.until = k.since + minutes * 60;
	if (capture_start(c->config->state_dir, &k, e))
		return -1;
	print(c, &k, true);
	return 0;
}

int ctl_capture_stop(struct ctl *c, struct error *e)
{
	int rc = ctl_config(c, e) ? -1 : capture_stop(c->config->state_dir, e);

	if (rc >= 0)
		ctl_print_result(c, "capture",
				 rc ? "there was none" : "ended, what it wrote removed");
	return rc < 0 ? -1 : 0;
}

int ctl_capture_status(struct ctl *c, struct error *e)
{
	struct capture k;
	int ordered = ctl_config(c, e) ? -1 : capture_read(c->config->state_dir, &k, e);

	if (ordered < 0)
		return -1;
	print(c, &k, ordered == 1);
	return 0;
}
