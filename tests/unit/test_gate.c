/*
 * Every door of routes[] against every kind of key: what the status has to be, and in whose words.
 */
#include "common/base.h"
#include "common/audit.h"
#include "common/bearer.h"
#include "common/clock.h"
#include "common/hold.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/limits.h"
#include "common/mapfile.h"
#include "common/quota.h"
#include "fcgi/app.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"
#include "tests/unit/jwt.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <signal.h>

#define NOW INT64_C(1795255200) /* 2026-11-21T10:00:00Z */

#define JWT_SECRET "0123456789abcdef0123456789abcdef"

#define TO_MIDNIGHT (14 * 3600)
#define TO_MONTH    (TO_MIDNIGHT + 9 * 86400)

static char dir[SCRATCH_SIZE], jwt_key_file[SCRATCH_SIZE + 16];
static char empty[] = "", staff[] = "template";
static struct store tokens, keys;
static struct config config;
static struct quota *quota;
static struct error e;

enum holder {
	NOBODY,
	WRONG,
	USER_KEY,
	VIEWER_KEY,
	OPERATOR_KEY,
	ADMIN_KEY,
	EXPIRED,
	REVOKED,
	ROTATED,
	CODE,
	CODE_ELSEWHERE,
	CODE_EXPIRED,
	OVER_REQUESTS, /* and two more: minute, day, month, as enum key_window has them */
	OVER_TOKENS = OVER_REQUESTS + KEY_WINDOWS,
	OVER_CREDITS = OVER_TOKENS + KEY_WINDOWS,
	OVER_STREAMS = OVER_CREDITS + KEY_WINDOWS,
	JWT_USER, /* a token (bearer.h), no record of a key */
	JWT_VIEWER,
	JWT_OPERATOR,
	JWT_ADMIN,
	JWT_EXPIRED,
	JWT_FORGED,
	JWT_OVER,
	HOLDERS
};

/* What is particular to each, and what the client is told at a chat's door. */
static const struct {
	const char *name;
	int chat;			/* status; 0: let in */
	const char *anthropic, *openai; /* error.type */
	const char *code, *words;
	int retry_after; /* seconds; 0: no such header */
} holders[HOLDERS] = {
	[NOBODY] = { "nobody", 401, "authentication_error", "invalid_request_error",
		     "invalid_api_key", "no API key", 0 },
	[WRONG] = { "wrong", 401, "authentication_error", "invalid_request_error",
		    "invalid_api_key", "invalid x-api-key", 0 },
	[USER_KEY] = { "user", 0, NULL, NULL, NULL, NULL, 0 },
	[VIEWER_KEY] = { "viewer", 403, "permission_error", "invalid_request_error",
			 "permission_denied", "the role viewer", 0 },
	[OPERATOR_KEY] = { "operator", 403, "permission_error", "invalid_request_error",
			   "permission_denied", "the role operator", 0 },
	[ADMIN_KEY] = { "admin", 0, NULL, NULL, NULL, NULL, 0 },
	[EXPIRED] = { "expired", 401, "authentication_error", "invalid_request_error",
		      "invalid_api_key", "expired at 2026-11-21T09:00:00Z", 0 },
	[REVOKED] = { "revoked", 401, "authentication_error", "invalid_request_error",
		      "invalid_api_key", "revoked at 2026-11-21T09:00:00Z", 0 },
	[ROTATED] = { "rotated", 401, "authentication_error", "invalid_request_error",
		      "invalid_api_key", "replaced by a new one", 0 },
	[CODE] = { "code", 0, NULL, NULL, NULL, NULL, 0 },
	[CODE_ELSEWHERE] = { "code-elsewhere", 403, "permission_error", "invalid_request_error",
			     "permission_denied", "device mismatch", 0 },
	[CODE_EXPIRED] = { "code-expired", 403, "permission_error", "invalid_request_error",
			   "permission_denied", "activation code expired at 2026-11-21T09:00:00Z",
			   0 },
	[OVER_REQUESTS + WINDOW_MINUTE] = { "over-requests-minute", 429, "rate_limit_error",
					    "rate_limit_error", "rate_limit_exceeded",
					    "1 requests per minute", 60 },
	[OVER_REQUESTS + WINDOW_DAY] = { "over-requests-day", 429, "rate_limit_error",
					 "rate_limit_error", "rate_limit_exceeded",
					 "1 requests per day", TO_MIDNIGHT },
	[OVER_REQUESTS + WINDOW_MONTH] = { "over-requests-month", 429, "rate_limit_error",
					   "rate_limit_error", "rate_limit_exceeded",
					   "1 requests per month", TO_MONTH },
	[OVER_TOKENS + WINDOW_MINUTE] = { "over-tokens-minute", 429, "rate_limit_error",
					  "rate_limit_error", "rate_limit_exceeded",
					  "10 tokens per minute", 60 },
	[OVER_TOKENS + WINDOW_DAY] = { "over-tokens-day", 429, "rate_limit_error",
				       "rate_limit_error", "rate_limit_exceeded",
				       "10 tokens per day", TO_MIDNIGHT },
	[OVER_TOKENS + WINDOW_MONTH] = { "over-tokens-month", 402, "billing_error",
					 "insufficient_quota", "insufficient_quota",
					 "10 tokens per month", TO_MONTH },
	[OVER_CREDITS + WINDOW_MINUTE] = { "over-credits-minute", 429, "rate_limit_error",
					   "rate_limit_error", "rate_limit_exceeded",
					   "0.5 credits per minute", 60 },
	[OVER_CREDITS + WINDOW_DAY] = { "over-credits-day", 429, "rate_limit_error",
					"rate_limit_error", "rate_limit_exceeded",
					"0.5 credits per day", TO_MIDNIGHT },
	[OVER_CREDITS + WINDOW_MONTH] = { "over-credits-month", 402, "billing_error",
					  "insufficient_quota", "insufficient_quota",
					  "0.5 credits per month", TO_MONTH },
	[OVER_STREAMS] = { "over-streams", 429, "rate_limit_error", "rate_limit_error",
			   "rate_limit_exceeded", "as many as it may have at once", 5 },
	[JWT_USER] = { "jwt-user", 0, NULL, NULL, NULL, NULL, 0 },
	[JWT_VIEWER] = { "jwt-viewer", 403, "permission_error", "invalid_request_error",
			 "permission_denied", "the role viewer", 0 },
	[JWT_OPERATOR] = { "jwt-operator", 403, "permission_error", "invalid_request_error",
			   "permission_denied", "the role operator", 0 },
	[JWT_ADMIN] = { "jwt-admin", 0, NULL, NULL, NULL, NULL, 0 },
	[JWT_EXPIRED] = { "jwt-expired", 401, "authentication_error", "invalid_request_error",
			  "invalid_api_key", "this JSON Web Token is refused: it has expired", 0 },
	[JWT_FORGED] = { "jwt-forged", 401, "authentication_error", "invalid_request_error",
			 "invalid_api_key", "invalid x-api-key", 0 },
	[JWT_OVER] = { "jwt-over", 429, "rate_limit_error", "rate_limit_error",
		       "rate_limit_exceeded", "10 tokens per day", TO_MIDNIGHT },
};

static const enum key_role roles[HOLDERS] = {
	[VIEWER_KEY] = KEY_VIEWER, [OPERATOR_KEY] = KEY_OPERATOR, [ADMIN_KEY] = KEY_ADMIN,
	[JWT_VIEWER] = KEY_VIEWER, [JWT_OPERATOR] = KEY_OPERATOR, [JWT_ADMIN] = KEY_ADMIN,
};

static bool has_code(enum holder who)
{
	return who >= CODE && who <= CODE_EXPIRED;
}

static void token_of(enum holder who, char out[static KEY_TEXT_SIZE])
{
	char claims[128];
	struct buf token;

	snprintf(claims, sizeof(claims), "{\"sub\":\"%s\",\"exp\":%" PRId64 ",\"role\":\"%s\"}",
		 holders[who].name, who == JWT_EXPIRED ? NOW - 3600 : NOW + 600,
		 key_role_names[roles[who]]);
	buf_init(&token, KEY_TEXT_SIZE);
	jwt_begin(&token, JWT_HS256, claims);
	jwt_sign(&token, who == JWT_FORGED ? "another secret of 32 bytes, and more" : JWT_SECRET);
	CU_ASSERT_FALSE_FATAL(token.failed);
	snprintf(out, KEY_TEXT_SIZE, "%s", token.at);
	buf_release(&token);
}

/* "gate-test-key-of-NAME", or a token. */
static void text_of(enum holder who, char out[static KEY_TEXT_SIZE])
{
	if (who >= JWT_USER) {
		token_of(who, out);
		return;
	}
	snprintf(out, KEY_TEXT_SIZE, "%sgate-test-key-of-%s", has_code(who) ? "act-" : "",
		 holders[who].name);
}

/* One measure in one window. */
static bool is_over(enum holder who)
{
	return who >= OVER_REQUESTS && who < OVER_STREAMS;
}

static void settings_of(enum holder who, struct key *key)
{
	static const int64_t limits[KEY_MEASURES] = {
		[MEASURE_REQUESTS] = 1, [MEASURE_TOKENS] = 10, [MEASURE_CREDITS] = KEY_CREDIT / 2
	};

	*key = (struct key){ .role = roles[who] };
	key->code.is = has_code(who);
	if (who == CODE_ELSEWHERE)
		code_bind(&key->code, "the machine of its user");
	key->expires_at = who == EXPIRED || who == CODE_EXPIRED ? NOW - 3600 : 0;
	key->revoked_at = who == REVOKED ? NOW - 3600 : 0;
	if (is_over(who))
		key->limits[(who - OVER_REQUESTS) / KEY_WINDOWS]
			   [(who - OVER_REQUESTS) % KEY_WINDOWS] =
			limits[(who - OVER_REQUESTS) / KEY_WINDOWS];
	key->max_streams = who == OVER_STREAMS;
}

/* Brings the key to where its name says it is. */
static void use_up(enum holder who, const char *text, int *held)
{
	char fresh[KEY_TEXT_SIZE] = "", kind[64];
	struct key key;

	CU_ASSERT_EQUAL_FATAL(keys_find(&keys, text, &key, &e), 1);
	if (who == ROTATED)
		CU_ASSERT_EQUAL(keys_rotate(&keys, key.name, NOW, fresh, &e), 0);
	if (who == OVER_STREAMS) {
		snprintf(kind, sizeof(kind), "key/%s", key.id);
		*held = hold_take(dir, mapfile_key(kind), 1, &e);
	} else if (is_over(who)) {
		CU_ASSERT_EQUAL(quota_enter(quota, &key, NOW, &e), 0);
		quota_book(quota, key.id, NOW, 10, KEY_CREDIT / 2);
	}
}

/* Whoever has a token may 10 tokens a day, each for himself; one has had them. */
static void begin_tokens(void)
{
	struct key template = { .role = KEY_USER }, over;
	struct bearer_refusal refusal;
	char text[KEY_TEXT_SIZE] = "", token[KEY_TEXT_SIZE];

	template.limits[MEASURE_TOKENS][WINDOW_DAY] = 10;
	CU_ASSERT_EQUAL_FATAL(keys_add(&keys, staff, &template, text, &e), 0);
	snprintf(jwt_key_file, sizeof(jwt_key_file), "%s/jwt.key", dir);
	scratch_write(jwt_key_file, JWT_SECRET, strlen(JWT_SECRET));
	config.jwt_key_file = jwt_key_file;
	config.jwt_issuer = config.jwt_audience = config.jwt_role_claim = empty;
	config.jwt_limits_of = staff;
	token_of(JWT_OVER, token);
	CU_ASSERT_EQUAL_FATAL(bearer_read(&config, &keys, token, NOW, &over, &refusal, &e), 1);
	CU_ASSERT_EQUAL(quota_enter(quota, &over, NOW, &e), 0);
	quota_book(quota, over.id, NOW, 10, 0);
}

static int begin(void)
{
	int held = -1;

	clock_set_wall(NOW);
	scratch_store(dir, "tokens", &tokens);
	CU_ASSERT_EQUAL_FATAL(store_create(dir, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&keys, dir, "keys", 0, &e), 0);
	config = (struct config){ .state_dir = dir };
	quota = quota_new(&config);
	for (int who = USER_KEY; who < JWT_USER; who++) {
		char text[KEY_TEXT_SIZE];
		struct key key;

		text_of((enum holder)who, text);
		settings_of((enum holder)who, &key);
		CU_ASSERT_EQUAL_FATAL(keys_add(&keys, holders[who].name, &key, text, &e), 0);
		use_up((enum holder)who, text, &held);
	}
	begin_tokens();
	return held;
}

static void end(int held)
{
	close(held);
	quota_free(quota);
	store_close(&tokens);
	store_close(&keys);
	scratch_remove(dir);
	clock_set_wall(0);
}

static void serve(struct app *app, const struct router_row *row, enum holder who,
		  struct buf *answer)
{
	char method[32], path[128], key[KEY_TEXT_SIZE], header[KEY_TEXT_SIZE + 32];
	const char *params[] = { method,
				 path,
				 "REMOTE_ADDR=192.0.2.1",
				 "HTTP_HOST=localhost",
				 "QUERY_STRING=events=1&interval_ms=0", /* of /health/stream */
				 who == NOBODY ? NULL : header,
				 NULL };
	struct conn_memory memory = { .params = params, .body = span_of("{}"), .out = answer };
	struct conn conn;
	size_t len;

	text_of(who, key);
	snprintf(method, sizeof(method), "REQUEST_METHOD=%s", row->method);
	snprintf(path, sizeof(path), "PATH_INFO=%s", row->path);
	snprintf(header, sizeof(header), "HTTP_X_API_KEY=%s", key);
	len = strlen(path);
	if (path[len - 1] == '*')
		memcpy(path + len - 1, "x", 2);
	conn_init_memory(&conn, &memory);
	router_serve(app, &conn);
}

static int status_of(const struct buf *answer)
{
	int status = 0;

	return sscanf(answer->at, "Status: %d", &status) == 1 ? status : 0;
}

static bool ends_with(const char *text, const char *end_of_it)
{
	size_t len = strlen(text), tail = strlen(end_of_it);

	return len >= tail && strcmp(text + len - tail, end_of_it) == 0;
}

/* By the paths of the client APIs; of other doors routes[] itself says it. */
static bool is_admin(const struct router_row *row)
{
	return row->guard >= VIEWER;
}

static enum guard guard_of(const struct router_row *row)
{
	/* Which role each of these needs is the API's description: tests/web/admin.test.mjs. */
	if (is_admin(row))
		return row->guard == PANEL ? OPEN : row->guard;
	if (ends_with(row->path, "/messages") || ends_with(row->path, "/chat/completions") ||
	    ends_with(row->path, "/responses"))
		return CHAT;
	if (ends_with(row->path, "/count_tokens") || strstr(row->path, "/models") ||
	    strcmp(row->path, "/health/stream") == 0)
		return CLIENT;
	if (strcmp(row->path, "/v1/usage") == 0)
		return HOLDER;
	if (strcmp(row->path, "/") == 0 || ends_with(row->path, "/health") ||
	    ends_with(row->path, "/live") || ends_with(row->path, "/ready"))
		return OPEN;
	return row->guard;
}

/* May one with that role come in, whose key is good and below its limits? */
static bool role_may(enum holder who, enum guard guard)
{
	if (guard == OPEN || guard == HOLDER)
		return true;
	if (roles[who] == KEY_VIEWER)
		return guard == VIEWER;
	if (roles[who] == KEY_OPERATOR)
		return guard == VIEWER || guard == OPERATOR;
	return roles[who] == KEY_ADMIN || guard == CLIENT || guard == CHAT;
}

/* 0: let in, whatever the handler says then. Metrics are for this machine, or for a token of their
 * own.
 */
static int expected(enum holder who, const struct router_row *row)
{
	const enum guard guard = guard_of(row);

	if (strcmp(row->path, "/metrics") == 0)
		return 403;
	if (guard == OPEN)
		return 0;
	if (guard == CHAT)
		return holders[who].chat;
	if (who == OVER_STREAMS && strcmp(row->path, "/health/stream") == 0)
		return 429; /* of ten minutes, if it likes */
	if (who == NOBODY && is_admin(row))
		return 503; /* no password is set */
	if (holders[who].chat == 401 || who == CODE_ELSEWHERE || who == CODE_EXPIRED)
		return holders[who].chat;
	return role_may(who, guard) ? 0 : 403;
}

/* The list of models is both APIs': whoever sends x-api-key speaks Anthropic's. */
static bool is_openai(const char *path, enum holder who)
{
	return ends_with(path, "/chat/completions") || ends_with(path, "/responses") ||
	       strncmp(path, "/models", 7) == 0 || (who == NOBODY && strstr(path, "/models"));
}

/* What the door said: codes that no handler gives for the body {} of a good key. */
static bool is_refusal(int status)
{
	return status == 401 || status == 402 || status == 403 || status == 429;
}

static void check(const struct router_row *row, enum holder who, const struct buf *answer)
{
	int want = expected(who, row), got = status_of(answer);
	bool codex = ends_with(row->path, "/responses"), openai = is_openai(row->path, who);
	char header[64];
	bool good;

	/* Codex repeats what is not 400, or 429 without a time: responses have only these. */
	if (codex && (want == 401 || want == 403))
		want = 400;
	if (codex && want == 402)
		want = 429;
	if (!want) {
		good = got && !is_refusal(got);
	} else {
		good = got == want &&
		       (guard_of(row) != CHAT || strstr(answer->at, holders[who].words));
		snprintf(header, sizeof(header), "\r\nretry-after: %d\r\n",
			 holders[who].retry_after);
		if (guard_of(row) == CHAT && !codex)
			good = good && (strstr(answer->at, header) != NULL) ==
					       (holders[who].retry_after != 0);
		if (guard_of(row) == CHAT)
			good = good &&
			       strstr(answer->at,
				      openai ? holders[who].openai : holders[who].anthropic) &&
			       (!openai || strstr(answer->at, holders[who].code));
		good = good && strstr(answer->at, is_admin(row) ? "{\"error\":{\"kind\":"
						  : openai	? "{\"error\":{\"message\":"
							   : "{\"type\":\"error\",\"error\":{");
	}
	CU_ASSERT_TRUE(good);
	if (!good)
		fprintf(stderr, "%s %s as %s: wanted %d: %s\n", row->method, row->path,
			holders[who].name, want, answer->at);
}

/* Also what the door to reload signals is let pass. */
static void start(struct app *app)
{
	char path[SCRATCH_SIZE + 16], settings[768];

	snprintf(path, sizeof(path), "%s/kiro.json", dir);
	snprintf(
		settings, sizeof(settings),
		"{\"state_dir\":\"%s\",\"log\":{\"file\":\"/dev/null\"},"
		"\"jwt\":{\"key_file\":\"%s\",\"role_claim\":\"role\",\"limits_of\":\"template\"}}",
		dir, jwt_key_file);
	scratch_write(path, settings, strlen(settings));
	CU_ASSERT_EQUAL_FATAL(app_init(app, path, NULL, &e), 0);
	signal(SIGHUP, SIG_IGN);
}

static void stop(struct app *app, int held)
{
	app_release(app);
	signal(SIGHUP, SIG_DFL);
	end(held);
}

/* For audit_read(). */
static int is_named(void *context, const cJSON *line)
{
	const char *action = json_text_or(line, "action", "");
	size_t *begun = context;

	*begun += strcmp(json_text_or(line, "result", ""), AUDIT_BEGUN) == 0;
	/* Else changes[] of admin_audit.c lacks the row of a handler. */
	CU_ASSERT_STRING_NOT_EQUAL(action, "");
	CU_ASSERT_TRUE(strncmp(action, "admin.", 6) != 0);
	return 0;
}

static bool changes_something(const struct router_row *row)
{
	return (row->guard == OPERATOR || row->guard == ADMIN) && strcmp(row->method, "GET") != 0;
}

/* These look in most cases, and announce what else they do themselves. */
static bool announces_itself(const struct router_row *row)
{
	return ends_with(row->path, "/accounts/import") || ends_with(row->path, "/poll");
}

static void check_audit_log(size_t wanted)
{
	struct audit_sum sum;
	size_t begun = 0;

	CU_ASSERT_EQUAL(audit_read(dir, is_named, &begun, &sum, &e), 0);
	CU_ASSERT_TRUE(wanted > 10);
	CU_ASSERT_EQUAL(begun, wanted);
	CU_ASSERT_EQUAL(sum.open, 0);
	CU_ASSERT_EQUAL(sum.bad_line, 0);
}

/* Of the requests of that key in this day. */
static int64_t counted(enum holder who)
{
	struct quota_view view;
	struct key key;

	CU_ASSERT_EQUAL_FATAL(keys_named(&keys, holders[who].name, &key, &e), 1);
	quota_look(quota, key.id, NOW, &view);
	return view.used[MEASURE_REQUESTS][WINDOW_DAY];
}

static void every_door_knows_every_key_and_what_it_changes_is_noted(void)
{
	struct router_row row;
	struct app app;
	size_t rows = 0, changes = 0;
	int held = begin();

	start(&app);
	for (; router_row(rows, &row); rows++) {
		CU_ASSERT_TRUE(row.guard == guard_of(&row) || row.guard == PANEL);
		for (int who = 0; who < HOLDERS; who++) {
			struct buf answer;

			buf_init(&answer, MB(1));
			serve(&app, &row, (enum holder)who, &answer);
			check(&row, (enum holder)who, &answer);
			buf_release(&answer);
			if (changes_something(&row) && !announces_itself(&row))
				changes += !expected((enum holder)who, &row);
		}
	}
	check_audit_log(changes);
	CU_ASSERT_TRUE(counted(USER_KEY) > 0);
	CU_ASSERT_EQUAL(counted(OVER_STREAMS), 0); /* the gate refused them behind the count */
	CU_ASSERT_TRUE(rows >= 28);
	stop(&app, held);
}

CU_TestInfo gate_tests[] = {
	{ "every_door_knows_every_key_and_what_it_changes_is_noted",
	  every_door_knows_every_key_and_what_it_changes_is_noted },
	CU_TEST_INFO_NULL,
};
