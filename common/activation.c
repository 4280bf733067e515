/*
 * A word: when it was heard in the upper bits, what was heard in the lower 8. Good answers and
 * refusals are kept apart, so that nobody who sends other machines' ids can push out a good one.
 * Where there are more codes than slots, a code takes the slot that was written longest ago; what
 * was heard of another there is not its own, since machines are hashed with the code's id.
 */
#include "common/base.h"
#include "common/activation.h"

#include "common/clock.h"
#include "common/hold.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/mapfile.h"

#include <pthread.h>
#include <time.h>

#define FILE_NAME  "activation.map"
#define PATH	   "/api/tunnel/check"
#define CONNECT_MS 2000
#define ASK_MS	   5000
#define WAIT_MS	   (ASK_MS + 1000) /* for another process that asks */
#define PAUSE_MS   20
#define WORDS_MAX  120 /* bytes of the service's words for the log */

enum verdict { UNKNOWN, GOOD, INVALID, MISMATCH, EXPIRED, NO_RIGHT, VERDICTS };

/* What a client is told. */
static const char *const reasons[VERDICTS] = {
	[INVALID] = "the activation service says that this activation code is not valid",
	[MISMATCH] = "device mismatch: the activation service does not know this activation code "
		     "with the machine that X-Machine-Id names, or it is not activated yet",
	[EXPIRED] = "the activation service says that this activation code has expired",
	[NO_RIGHT] = "the activation service says that this activation code has no right to use "
		     "this gateway",
};

/* What a refusal means, by its words: the first row that is found. */
static const struct {
	const char *word;
	enum verdict verdict;
} words[] = {
	{ "\xE8\xBF\x87\xE6\x9C\x9F", EXPIRED }, /* Chinese: past its date */
	{ "expired", EXPIRED },
	{ "\xE8\xAE\xBE\xE5\xA4\x87", MISMATCH },	      /* device */
	{ "\xE6\x9C\xAA\xE6\xBF\x80\xE6\xB4\xBB", MISMATCH }, /* not activated */
	{ "device", MISMATCH },
	{ "machine", MISMATCH },
	{ "\xE6\x9D\x83\xE9\x99\x90", NO_RIGHT }, /* right */
	{ "permission", NO_RIGHT },
	{ "\xE6\x97\xA0\xE6\x95\x88", INVALID },	     /* not valid */
	{ "\xE4\xB8\x8D\xE5\xAD\x98\xE5\x9C\xA8", INVALID }, /* there is none */
	{ "invalid", INVALID },
};

struct heard {
	_Atomic uint64_t machine; /* hash of the key's id and its own; 0: free */
	_Atomic uint64_t word;
	_Atomic int64_t ends; /* of a good one: expiresAt; 0: not told */
};

struct activation_slot {
	struct mapfile_slot head;
	struct heard good[ACTIVATION_MACHINES], bad[ACTIVATION_MACHINES];
};

static const struct mapfile_format format = { "activat", 1, sizeof(struct activation_slot), 0,
					      LIMIT_ACTIVATION_SLOTS };

struct activation {
	const struct config *config;
	pthread_mutex_t lock; /* guards everything below: the map may be replaced */
	struct mapfile map;
};

struct activation *activation_new(const struct config *config)
{
	struct activation *a = xcalloc(1, sizeof(*a));

	pthread_mutex_init(&a->lock, NULL);
	a->config = config;
	return a;
}

void activation_free(struct activation *a)
{
	if (!a)
		return;
	mapfile_close(&a->map);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- what was heard ---- */

/* One question, on its way. */
struct question {
	struct activation *a;
	struct http_client *http;
	const struct key *key;
	const char *text, *machine; /* "": none was sent */
	uint64_t machine_key;
	struct error *e;
};

/* What is known now. */
struct view {
	enum verdict verdict; /* UNKNOWN: nothing that holds still */
	bool down;	      /* the service was, a moment ago */
	bool in_grace;
};

/* Under the lock. NULL: it cannot be had. */
static const struct mapfile *opened(struct activation *a, struct error *e)
{
	return mapfile_follow(&a->map, a->config->state_dir, FILE_NAME, &format, e) < 0 ? NULL
											: &a->map;
}

static uint64_t word_of(enum verdict verdict, int64_t now)
{
	return (uint64_t)now << 8 | verdict;
}

/* Heard within so many seconds; a clock that was set back makes it old. */
static bool is_fresh(uint64_t word, int64_t now, int64_t seconds)
{
	int64_t at = (int64_t)(word >> 8);

	return word && at <= now && now - at < seconds;
}

static const struct heard *find(const struct heard *list, uint64_t machine)
{
	for (size_t i = 0; i < ACTIVATION_MACHINES; i++) {
		if (list[i].machine == machine)
			return &list[i];
	}
	return NULL;
}

/* Its own place, else the one that was heard of least lately. */
static struct heard *place(struct heard *list, uint64_t machine)
{
	struct heard *oldest = &list[0];

	for (size_t i = 0; i < ACTIVATION_MACHINES; i++) {
		if (list[i].machine == machine)
			return &list[i];
		if (list[i].word < oldest->word)
			oldest = &list[i];
	}
	return oldest;
}

static uint64_t machine_key(const struct key *key, const char *machine)
{
	char text[KEY_ID_SIZE + CODE_MACHINE_SIZE];

	snprintf(text, sizeof(text), "%s %s", key->id, machine);
	return mapfile_key(text);
}

static uint64_t service_key(const struct activation *a)
{
	return mapfile_key(a->config->activation_url);
}

static void look_at(const struct question *q, const struct activation_slot *slot, int64_t now,
		    struct view *out)
{
	const struct heard *good = find(slot->good, q->machine_key);
	const struct heard *bad = find(slot->bad, q->machine_key);
	uint64_t word = good ? good->word : 0, refused = bad ? bad->word : 0;
	int64_t ends = good ? good->ends : 0;

	if (is_fresh(refused, now, ACTIVATION_BAD) && refused >> 8 >= word >> 8) {
		out->verdict = (enum verdict)(refused & 0xFF);
		return;
	}
	if (ends && ends <= now)
		return;
	if (is_fresh(word, now, ACTIVATION_GOOD))
		out->verdict = GOOD;
	out->in_grace =
		refused >> 8 <= word >> 8 && is_fresh(word, now, q->a->config->activation_grace);
}

static int look(const struct question *q, struct view *out)
{
	struct activation *a = q->a;
	const int64_t now = clock_wall();
	const struct activation_slot *slot = NULL, *service = NULL;
	const struct mapfile *map;
	const struct heard *down;

	*out = (struct view){ .verdict = UNKNOWN };
	pthread_mutex_lock(&a->lock);
	map = opened(a, q->e);
	if (map) {
		slot = mapfile_find(map, mapfile_key(q->key->id));
		service = mapfile_find(map, service_key(a));
	}
	if (slot)
		look_at(q, slot, now, out);
	down = service ? find(service->bad, service_key(a)) : NULL;
	out->down = down && is_fresh(down->word, now, ACTIVATION_DOWN);
	pthread_mutex_unlock(&a->lock);
	return map ? 0 : -1;
}

/* The place first, then the time: who reads in between sees an older answer of the same kind. */
static void write_down(struct heard *at, uint64_t machine, uint64_t word, int64_t ends)
{
	at->ends = ends;
	at->machine = machine;
	at->word = word;
}

static uint64_t last_word(const void *of)
{
	const struct activation_slot *slot = of;
	uint64_t last = 0;

	for (size_t i = 0; i < ACTIVATION_MACHINES; i++) {
		last = slot->good[i].word > last ? slot->good[i].word : last;
		last = slot->bad[i].word > last ? slot->bad[i].word : last;
	}
	return last;
}

/* UNKNOWN: the service is down. */
static void note(const struct question *q, enum verdict verdict, int64_t ends)
{
	struct activation *a = q->a;
	const bool down = verdict == UNKNOWN;
	const uint64_t key = down ? service_key(a) : mapfile_key(q->key->id);
	const uint64_t machine = down ? key : q->machine_key;
	const uint64_t word = word_of(verdict, clock_wall());
	struct error ignored = { .kind = ERR_NONE };
	struct activation_slot *slot = NULL;
	const struct mapfile *map;

	pthread_mutex_lock(&a->lock);
	map = opened(a, &ignored);
	if (map)
		slot = mapfile_take_oldest(map, key, last_word);
	if (slot && verdict == GOOD)
		write_down(place(slot->good, machine), machine, word, ends);
	else if (slot)
		write_down(place(slot->bad, machine), machine, word, 0);
	pthread_mutex_unlock(&a->lock);
	if (!slot)
		log_line(LOG_WARN,
			 "%s cannot be written: what the activation service said of %s is "
			 "forgotten",
			 FILE_NAME, q->key->name);
}

/* ---- asking ---- */

static void write_body(const struct question *q, struct buf *body)
{
	char spelled[KEY_TEXT_SIZE];
	struct jsonw w;

	code_spell(q->text, spelled);
	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "code", spelled + strlen(CODE_PREFIX));
	jsonw_text_member(&w, "machineId", q->machine);
	jsonw_end(&w);
	explicit_bzero(spelled, sizeof(spelled));
}

static int post(const struct question *q, struct span body, int *status, struct buf *answer,
		struct error *e)
{
	static const struct http_header headers[] = {
		{ "content-type", "application/json" },
		{ "accept", "application/json" },
		{ "user-agent", "kiro-fcgi/" KIRO_FCGI_VERSION },
	};
	const char *base = q->a->config->activation_url;
	size_t len = strlen(base);
	char url[LIMIT_URL + sizeof(PATH)];
	const struct http_request request = { .method = "POST",
					      .url = url,
					      .headers = headers,
					      .header_count = ARRAY_SIZE(headers),
					      .body = body,
					      .connect_ms = CONNECT_MS,
					      .first_byte_ms = ASK_MS,
					      .idle_ms = ASK_MS,
					      .total_ms = ASK_MS,
					      .proxy = "direct",
					      .watch_fd = -1 };
	struct http_reply reply = { .status = 0 };
	int rc;

	while (len && base[len - 1] == '/')
		len--;
	snprintf(url, sizeof(url), "%.*s" PATH, (int)len, base);
	rc = http_fetch(q->http, &request, &reply, answer, e);
	*status = reply.status;
	return rc;
}

static enum verdict meaning(const struct question *q, const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasestr(message, words[i].word))
			return words[i].verdict;
	}
	return *q->machine ? INVALID : MISMATCH; /* some say only that a field is missing */
}

/* Its words, unless they repeat what nobody is to read. */
static void log_refusal(const struct question *q, const char *message)
{
	const char *bare = q->text + strlen(CODE_PREFIX);
	bool tells = strcasestr(message, bare) || (*q->machine && strcasestr(message, q->machine));

	log_line(LOG_INFO, "the activation service refuses the code of %s: %.*s", q->key->name,
		 WORDS_MAX, tells ? "(its words name the code or the machine)" : message);
}

/* UNKNOWN: it is no answer. */
static enum verdict read_answer(const struct question *q, struct span text, int64_t *ends)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(text, &why);
	const cJSON *success = json_member(tree, "success");
	enum verdict verdict = UNKNOWN;

	*ends = 0;
	if (cJSON_IsTrue(success)) {
		if (clock_parse(json_text_or(tree, "expiresAt", ""), ends))
			*ends = 0;
		verdict = *ends && *ends <= clock_wall() ? EXPIRED : GOOD;
	} else if (cJSON_IsFalse(success)) {
		const char *message = json_text_or(tree, "message", "");

		verdict = meaning(q, message);
		log_refusal(q, message);
	}
	cJSON_Delete(tree);
	return verdict;
}

static void ask(const struct question *q)
{
	struct error why = { .kind = ERR_NONE };
	enum verdict verdict = UNKNOWN;
	struct buf body, answer;
	int status = 0, failed;
	int64_t ends = 0;

	buf_init(&body, KB(2));
	buf_init(&answer, LIMIT_UP_ERROR);
	write_body(q, &body);
	failed = post(q, buf_span(&body), &status, &answer, &why);
	if (!failed && status < 500)
		verdict = read_answer(q, buf_span(&answer), &ends);
	if (verdict == UNKNOWN && failed)
		log_line(LOG_WARN, "the activation service is down: %s", why.message);
	else if (verdict == UNKNOWN)
		log_line(LOG_WARN, "the activation service is down: status %d%s", status,
			 status < 500 ? ", and no JSON object with \"success\"" : "");
	note(q, verdict, ends);
	buf_wipe(&body);
	buf_wipe(&answer);
}

/* ---- one at a time ---- */

static bool is_settled(const struct view *v)
{
	return v->verdict != UNKNOWN || v->down;
}

static void pause_a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
}

/* The right to ask for this code, unless another's answer comes first. */
static int take_turn(const struct question *q, struct view *v, struct error *why)
{
	const int64_t end = clock_ticks() + WAIT_MS;
	char name[KEY_ID_SIZE + 16];
	int turn;

	snprintf(name, sizeof(name), "activation/%s", q->key->id);
	for (;;) {
		turn = hold_take(q->a->config->state_dir, mapfile_key(name), 1, why);
		if (look(q, v)) {
			if (turn >= 0)
				close(turn);
			return HOLD_UNKNOWN;
		}
		if (turn != HOLD_FULL || is_settled(v) || clock_ticks() >= end)
			return turn;
		pause_a_moment();
	}
}

static int conclude(const struct question *q, const struct view *v)
{
	if (v->verdict == GOOD || (v->verdict == UNKNOWN && v->in_grace))
		return 0;
	if (v->verdict != UNKNOWN)
		return error_set(q->e, ERR_FORBIDDEN, "%s",
				 v->verdict < VERDICTS ? reasons[v->verdict] : reasons[INVALID]);
	q->e->retry_after = ACTIVATION_DOWN;
	return error_set(q->e, ERR_KEY_UNSURE,
			 "the service that verifies activation codes does not answer, and this "
			 "code was not verified lately; try again soon");
}

int activation_check(struct activation *a, struct http_client *http, const struct key *key,
		     const char *text, const char *machine, struct error *e)
{
	struct question q = { .a = a, .http = http, .key = key, .text = text, .e = e };
	struct error why = { .kind = ERR_NONE };
	struct view v;
	int turn;

	if (!*a->config->activation_url)
		return 0;
	q.machine = machine ? machine : "";
	q.machine_key = machine_key(key, q.machine);
	if (look(&q, &v))
		return -1;
	if (is_settled(&v))
		return conclude(&q, &v);
	turn = take_turn(&q, &v, &why);
	if (turn == HOLD_UNKNOWN)
		return error_set(e, ERR_STORE, "activation codes cannot be verified: %s",
				 why.message);
	if (turn >= 0) {
		if (!is_settled(&v))
			ask(&q);
		close(turn);
		if (look(&q, &v))
			return -1;
	}
	return conclude(&q, &v);
}
