/*
 * Logging in from the panel: what common/login.h does, with the login kept between two requests as
 * the record "l/<id>" in tokens.gdbm, until it is over or its time is.
 *
 *   {"v":1,"account":"acc_...","label":"...","expires_at":1790000000,"asked_ms":1790000000000,
 *    "login":{login_write()}}
 *
 * However often a page asks, the service is asked once an interval: who may is settled in the
 * store, for all processes.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/enroll.h"
#include "common/facts.h"
#include "common/ids.h"
#include "common/import_entry.h"
#include "common/json.h"
#include "common/log.h"
#include "common/login.h"
#include "common/secret.h"
#include "common/usage_store.h"
#include "fcgi/admin.h"

#define PREFIX	 "l/"
#define ID_CHARS 24
#define MOST	 32 /* logins under way at once */

struct flow {
	char id[40];
	char account[64], label[321]; /* "": none; label: 80 characters */
	int64_t asked_ms;	      /* when the service was asked last; 0: never */
	struct login login;
};

/* A browser that goes away does not end an exchange: its answer may be the tokens. */
static struct login_service service_of(struct request *r)
{
	return (struct login_service){ r->site->config, r->site->http, -1 };
}

static void flow_key(const char *id, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, PREFIX "%.40s", id);
}

static void flow_print(const struct flow *f, struct buf *json, bool *failed)
{
	struct buf login;
	struct jsonw w;

	buf_init(&login, LIMIT_RECORD);
	login_write(&f->login, &login);
	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_text_member(&w, "account", f->account);
	jsonw_text_member(&w, "label", f->label);
	jsonw_int_member(&w, "expires_at", f->login.expires_at);
	jsonw_int_member(&w, "asked_ms", f->asked_ms);
	jsonw_key(&w, "login");
	jsonw_raw(&w, buf_span(&login));
	jsonw_end(&w);
	*failed = json->failed || login.failed;
	buf_wipe(&login);
}

static int flow_write(struct request *r, const struct flow *f)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	bool failed;
	int rc;

	buf_init(&json, LIMIT_RECORD);
	flow_print(f, &json, &failed);
	flow_key(f->id, key);
	rc = failed ? error_set(&r->error, ERR_INTERNAL, "this login is too large to be kept")
		    : store_put(&r->site->tokens, key, buf_span(&json), &r->error);
	buf_wipe(&json);
	return rc;
}

static void flow_forget(struct request *r, const char *id)
{
	struct error ignored = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];

	flow_key(id, key);
	store_remove(&r->site->tokens, key, &ignored);
}

static int flow_parse(struct flow *f, struct span json, struct error *e)
{
	cJSON *tree = json_parse(json, e);
	const cJSON *login = json_member(tree, "login");
	char *text = login ? cJSON_PrintUnformatted(login) : NULL;
	int rc = text ? login_read(&f->login, span_of(text), e)
		      : error_set(e, ERR_STORE, "the record of this login cannot be read");

	snprintf(f->account, sizeof(f->account), "%s", json_text_or(tree, "account", ""));
	snprintf(f->label, sizeof(f->label), "%s", json_text_or(tree, "label", ""));
	f->asked_ms = (int64_t)json_number_or(tree, "asked_ms", 0);
	secret_free(text);
	cJSON_Delete(tree);
	return rc;
}

/* The login that the path names. */
static int flow_load(struct request *r, struct flow *f)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	*f = (struct flow){ .id = "" };
	login_init(&f->login);
	if (admin_stores(r))
		return -1;
	snprintf(f->id, sizeof(f->id), "%s", request_segment(r));
	flow_key(f->id, key);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(&r->site->tokens, key, &json, &r->error);
	if (!rc)
		rc = error_set(&r->error, ERR_NOT_FOUND,
			       "this login is over, or never began: start again");
	else if (rc == 1)
		rc = flow_parse(f, buf_span(&json), &r->error);
	buf_wipe(&json);
	return rc;
}

/* ---- those that are over ---- */

struct over {
	char ids[MOST][40];
	size_t count, all;
};

static int note_over(void *context, const char *key, struct span json)
{
	struct error ignored = { .kind = ERR_NONE };
	struct over *o = context;
	cJSON *tree = json_parse(json, &ignored);
	bool over = json_number_or(tree, "expires_at", 0) < (double)clock_wall();

	cJSON_Delete(tree);
	o->all++;
	if (over && o->count < MOST)
		snprintf(o->ids[o->count++], sizeof(o->ids[0]), "%s", key + strlen(PREFIX));
	return 0;
}

static int forget_over(struct request *r)
{
	struct over o = { .count = 0 };

	if (store_each(&r->site->tokens, PREFIX, note_over, &o, NULL, &r->error))
		return -1;
	for (size_t i = 0; i < o.count; i++)
		flow_forget(r, o.ids[i]);
	if (o.all - o.count >= MOST)
		return error_set(&r->error, ERR_BUSY, "%d logins are under way already", MOST);
	return 0;
}

/* ---- answers ---- */

static int send_flow(struct request *r, int status, const struct flow *f, const char *step)
{
	const struct login *l = &f->login;
	struct admin_answer a;

	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "id", f->id);
	jsonw_text_member(&a.w, "status", step);
	jsonw_text_member(&a.w, "method", login_method_names[l->method]);
	jsonw_bool_member(&a.w, "by_callback", l->by_callback);
	jsonw_text_member(&a.w, "url", l->url);
	jsonw_text_member(&a.w, "page", l->page);
	jsonw_text_member(&a.w, "code", l->code);
	jsonw_date_member(&a.w, "expires_at", l->expires_at);
	jsonw_int_member(&a.w, "interval", l->interval);
	jsonw_end(&a.w);
	return admin_send(r, status, &a);
}

static int send_done(struct request *r, const struct account *a, bool added,
		     const struct enroll_doubts *doubts)
{
	struct admin_answer answer;

	admin_begin(&answer);
	jsonw_begin_object(&answer.w);
	jsonw_text_member(&answer.w, "status", "done");
	jsonw_text_member(&answer.w, "result", added ? "added" : "updated");
	jsonw_text_member(&answer.w, "doubt", doubts->usage.kind ? doubts->usage.message : NULL);
	jsonw_key(&answer.w, "account");
	facts_write_account(&answer.w, a, NULL);
	jsonw_end(&answer.w);
	return admin_send(r, 200, &answer);
}

/* ---- steps ---- */

static int check_names(const cJSON *body, struct error *e)
{
	static const char *const known[] = { "method",	   "account",	 "label",     "region",
					     "start_url",  "issuer_url", "client_id", "scopes",
					     "login_hint", "audience",	 "proxy" };

	return admin_check_members(body, known, ARRAY_SIZE(known), "unknown", e);
}

static int read_request(struct request *r, struct login_request *ask, struct flow *f)
{
	const struct {
		const char *name, **at;
	} texts[] = {
		{ "region", &ask->region },	    { "start_url", &ask->start_url },
		{ "issuer_url", &ask->issuer_url }, { "client_id", &ask->client_id },
		{ "scopes", &ask->scopes },	    { "login_hint", &ask->login_hint },
		{ "audience", &ask->audience },	    { "proxy", &ask->proxy },
	};
	const char *method = NULL, *label = "";

	*ask = (struct login_request){ .method = LOGIN_METHODS };
	if (check_names(r->json, &r->error) ||
	    json_need_text(r->json, "method", NULL, &method, &r->error) ||
	    json_text(r->json, "label", NULL, &label, &r->error) < 0)
		return -1;
	if (strlen(label) >= sizeof(f->label))
		return error_field(&r->error, "label", "is longer than %zu bytes",
				   sizeof(f->label) - 1);
	if (!import_label_good(label))
		return error_field(&r->error, "label", "has control characters");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (json_text(r->json, texts[i].name, NULL, texts[i].at, &r->error) < 0)
			return -1;
		if (*texts[i].at && !**texts[i].at)
			*texts[i].at = NULL;
	}
	for (int i = 0; i < LOGIN_METHODS; i++) {
		if (strcmp(login_method_names[i], method) == 0)
			ask->method = (enum login_method)i;
	}
	if (ask->method == LOGIN_METHODS)
		return error_field(&r->error, "method", "unknown");
	snprintf(f->label, sizeof(f->label), "%s", label);
	return 0;
}

/* Which account is to log in again is found out before the person has done anything. */
static int find_account(struct request *r, struct flow *f)
{
	struct error damage = { .kind = ERR_NONE };
	const char *name = NULL;
	const struct account *a;
	struct roster roster;

	if (json_text(r->json, "account", NULL, &name, &r->error) < 0)
		return -1;
	if (!name || !*name)
		return 0;
	roster_init(&roster);
	roster_load(&roster, &r->site->tokens, &damage); /* the others are there */
	a = roster_find(&roster, name, &r->error);
	if (a)
		snprintf(f->account, sizeof(f->account), "%s", a->id);
	else
		snprintf(r->error.field, sizeof(r->error.field), "account");
	roster_release(&roster);
	return a ? 0 : -1;
}

int api_admin_login_start(struct request *r)
{
	struct login_service service = service_of(r);
	struct flow f = { .id = "" };
	struct login_request ask;
	int rc;

	login_init(&f.login);
	rc = request_json(r) || read_request(r, &ask, &f) || admin_stores(r) ||
			     find_account(r, &f) || forget_over(r)
		     ? -1
		     : login_start(&service, &ask, &f.login, &r->error);
	if (!rc) {
		ids_make(f.id, sizeof(f.id), "login_", ID_CHARS);
		rc = flow_write(r, &f);
	}
	if (!rc) {
		admin_note(r, "login %s begun", login_method_names[f.login.method]);
		rc = send_flow(r, 201, &f, "pending");
	}
	login_release(&f.login);
	return rc;
}

/* The tokens are here and nowhere else: they are stored whatever the service says of them. */
static int finish(struct request *r, struct flow *f, struct account *a)
{
	struct error damage = { .kind = ERR_NONE }; /* of other records: no reason to lose this */
	struct enroll_doubts doubts;
	const struct account *stored = NULL;
	struct usage usage = { .plan = "" };
	struct error unkept = { .kind = ERR_NONE };
	struct roster roster;
	bool added = false;
	int rc;

	a->machine_id = roster_machine_id();
	roster_init(&roster);
	rc = enroll_identify(r->site->http, r->site->config, a, &usage, &doubts, &r->error);
	account_scrub(a, doubts.usage.message);
	if (!rc)
		roster_load(&roster, &r->site->tokens, &damage);
	if (!rc)
		rc = enroll_store(&r->site->tokens, &roster, a, *f->account ? f->account : NULL,
				  *f->label ? f->label : NULL, &stored, &added, &r->error);
	if (!rc && usage.read_at && usage_keep(&r->site->tokens, stored->id, &usage, &unkept))
		log_line(LOG_WARN, "account %s: its usage is not kept: %s", stored->id,
			 unkept.message);
	if (!rc) {
		flow_forget(r, f->id);
		admin_touched(r, stored->id);
		admin_note(r, "login: account %s %s", stored->id, added ? "added" : "updated");
		rc = send_done(r, stored, added, &doubts);
	}
	roster_release(&roster);
	return rc;
}

/* called_back: the address was taken, and with it the login may have become another kind. */
static int go_on(struct request *r, struct flow *f, struct account *a, int step, bool called_back)
{
	static const char *const names[] = { [LOGIN_PENDING] = "pending",
					     [LOGIN_SLOW_DOWN] = "pending",
					     [LOGIN_DENIED] = "denied",
					     [LOGIN_EXPIRED] = "expired" };

	if (step == LOGIN_DONE)
		return admin_announce(r, "account.login", f->id) ? -1 : finish(r, f, a);
	if (step < 0) {
		if (!login_may_go_on(&r->error) && r->error.kind != ERR_REQUEST)
			flow_forget(r, f->id);
		return -1;
	}
	if (step == LOGIN_DENIED || step == LOGIN_EXPIRED)
		flow_forget(r, f->id);
	else if ((step == LOGIN_SLOW_DOWN || called_back) && flow_write(r, f))
		return -1;
	return send_flow(r, 200, f, names[step]);
}

/* ---- asking the service ---- */

#define TOO_EARLY 1

/* For store_update(): the record as it is now, and the moment in it. */
static int take_turn(void *context, struct buf *json, struct error *e)
{
	struct flow now = { .id = "" }, *f = context;
	const int64_t ms = clock_wall_ms();
	const int interval = f->login.interval > 0 ? f->login.interval : 1;
	bool failed = false;
	int rc;

	if (!json->len)
		return error_set(e, ERR_NOT_FOUND, "this login is over: start again");
	login_init(&now.login);
	rc = flow_parse(&now, buf_span(json), e);
	if (!rc && ms < now.asked_ms + (int64_t)interval * 1000 && ms >= now.asked_ms)
		rc = TOO_EARLY;
	if (!rc) {
		f->asked_ms = now.asked_ms = ms;
		buf_reset(json);
		flow_print(&now, json, &failed);
	}
	login_release(&now.login);
	return rc ? rc : failed ? error_set(e, ERR_INTERNAL, "this login is too large") : 0;
}

static int poll_service(struct request *r, struct flow *f, struct account *a)
{
	struct login_service service = service_of(r);
	char key[STORE_KEY_SIZE];
	int rc;

	flow_key(f->id, key);
	rc = store_update(&r->site->tokens, key, take_turn, f, &r->error);
	if (rc == TOO_EARLY)
		return send_flow(r, 200, f, "pending");
	return rc ? -1 : go_on(r, f, a, login_poll(&service, &f->login, a, &r->error), false);
}

int api_admin_login_poll(struct request *r)
{
	struct account a;
	struct flow f;
	int rc = flow_load(r, &f);

	account_init(&a);
	if (!rc && f.login.by_callback)
		rc = f.login.expires_at < clock_wall() ? go_on(r, &f, &a, LOGIN_EXPIRED, false)
						       : send_flow(r, 200, &f, "pending");
	else if (!rc)
		rc = poll_service(r, &f, &a);
	account_release(&a);
	login_release(&f.login);
	return rc;
}

int api_admin_login_callback(struct request *r)
{
	struct login_service service = service_of(r);
	const char *url = NULL;
	struct account a;
	struct flow f;
	int rc = flow_load(r, &f);

	account_init(&a);
	if (!rc && (request_json(r) || json_need_text(r->json, "url", NULL, &url, &r->error)))
		rc = -1;
	if (!rc && !f.login.by_callback)
		rc = error_set(&r->error, ERR_REQUEST, "this login is asked for, not called back");
	if (!rc)
		rc = go_on(r, &f, &a, login_callback(&service, &f.login, url, &a, &r->error), true);
	account_release(&a);
	login_release(&f.login);
	return rc;
}

int api_admin_login_cancel(struct request *r)
{
	if (admin_stores(r))
		return -1;
	flow_forget(r, request_segment(r));
	return admin_send_text(r, 200, "result", "cancelled");
}
