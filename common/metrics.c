#include "common/base.h"
#include "common/metrics.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/mapfile.h"

#include <pthread.h>
#include <stdatomic.h>

#define FILE_NAME   "metrics.map"
#define LABEL_BYTES 256
#define VALUE_BYTES 64 /* of one label's value */
#define ID_BYTES    40
#define KNOWN	    256 /* places for series that are found without their SHA-256 */

enum type { COUNTER, HISTOGRAM };

struct metric_def {
	const char *name;
	enum type type;
	double unit; /* the slot's integers count 1/unit */
	const double *bounds;
	size_t bound_count;
	const char *help;
};

/* Answers take from milliseconds (a refusal) to half an hour. */
static const double durations[] = { 0.005, 0.025, 0.1, 0.25, 0.5, 1,   2.5, 5,
				    10,	   20,	  40,  80,   160, 320, 640, 1800 };
static const double network[] = { 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
				  1,	 2.5,	5,    10,    30,   60,	120,  300 };
/* As the semantic conventions for generative AI have them. */
static const double genai_tokens[] = { 1,     4,     16,     64,      256,     1024,	 4096,
				       16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864 };
static const double genai_durations[] = { 0.01, 0.02, 0.04, 0.08,  0.16,  0.32,	 0.64,
					  1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92 };
static const double genai_first[] = { 0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
				      0.25,  0.5,   0.75, 1,	2.5,  5,    7.5,  10 };

#define BOUNDS(b) b, ARRAY_SIZE(b)

/* clang-format off */
static const struct metric_def metric_defs[METRICS] = {
	[METRIC_REQUESTS] = { "kiro_requests_total", COUNTER, 1, NULL, 0,
		"Requests of clients by door, API, HTTP status and kind of failure (none: it went well)." },
	[METRIC_FAILED] = { "kiro2api_requests_failed_total", COUNTER, 1, NULL, 0,
		"Requests that failed through no fault of the client: this gateway, its accounts or the upstream." },
	[METRIC_TOKENS] = { "kiro_tokens_total", COUNTER, 1, NULL, 0,
		"Tokens by model and type (input, output, cache_read, cache_write); source tells the upstream's numbers (measured) from ours (estimated)." },
	[METRIC_CREDITS] = { "kiro_credits_total", COUNTER, 1e6, NULL, 0,
		"Credits that the upstream charged, by model." },
	[METRIC_UPSTREAM] = { "kiro_upstream_requests_total", COUNTER, 1, NULL, 0,
		"Exchanges with the upstream for clients by kind of failure (none: answered); more than requests where tries are repeated." },
	[METRIC_REFRESHES] = { "kiro_token_refreshes_total", COUNTER, 1, NULL, 0,
		"Renewals of access tokens by result: renewed, or the kind of failure." },
	[METRIC_WEBHOOKS] = { "kiro_webhooks_total", COUNTER, 1, NULL, 0,
		"Notices of account state changes by result: sent, failed." },
	[METRIC_DURATION] = { "kiro_request_duration_seconds", HISTOGRAM, 1e6, BOUNDS(durations),
		"Time from a request's begin to the end of its answer, by door." },
	[METRIC_FIRST_EVENT] = { "kiro_time_to_first_event_seconds", HISTOGRAM, 1e6, BOUNDS(durations),
		"Time from a request's begin to the first event of the upstream's answer, by API." },
	[METRIC_UP_CONNECT] = { "kiro_upstream_connect_seconds", HISTOGRAM, 1e6, BOUNDS(network),
		"Time until a new connection to the upstream stood, TLS included." },
	[METRIC_UP_FIRST_BYTE] = { "kiro_upstream_first_byte_seconds", HISTOGRAM, 1e6, BOUNDS(network),
		"Time until the upstream's answer began." },
	[METRIC_GENAI_TOKENS] = { "gen_ai_client_token_usage", HISTOGRAM, 1, BOUNDS(genai_tokens),
		"Number of input and output tokens used (OpenTelemetry gen_ai.client.token.usage)." },
	[METRIC_GENAI_DURATION] = { "gen_ai_server_request_duration_seconds", HISTOGRAM, 1e6, BOUNDS(genai_durations),
		"Generative AI server request duration (OpenTelemetry gen_ai.server.request.duration)." },
	[METRIC_GENAI_FIRST_TOKEN] = { "gen_ai_server_time_to_first_token_seconds", HISTOGRAM, 1e6, BOUNDS(genai_first),
		"Time to generate the first token of good answers (OpenTelemetry gen_ai.server.time_to_first_token)." },
};
/* clang-format on */

/* The last observation with a name. An odd turn: somebody is writing it. */
struct exemplar {
	_Atomic uint32_t turn;
	uint32_t bucket;
	double value;
	int64_t at_ms;
	char id[ID_BYTES];
};

struct series {
	struct mapfile_slot head;
	char label[LABEL_BYTES]; /* family{label="value",...} */
	_Atomic uint64_t
		numbers[METRICS_BUCKETS]; /* a counter has the first; buckets are not cumulative */
	_Atomic uint64_t sum;
	struct exemplar exemplar;
};

static const struct mapfile_format format = { "metrics", 1, sizeof(struct series), LABEL_BYTES,
					      LIMIT_METRIC_SLOTS };

struct metrics {
	pthread_mutex_t lock; /* guards everything below: the map may be replaced */
	char *dir;
	struct mapfile map;
	uint64_t dropped;
	struct series *known[KNOWN]; /* in the map that is open */
};

struct metrics *metrics_new(const char *dir)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	m->dir = xstrdup(dir);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	mapfile_close(&m->map);
	pthread_mutex_destroy(&m->lock);
	free(m->dir);
	free(m);
}

/* Under the lock. */
static const struct mapfile *opened(struct metrics *m)
{
	struct error e = { 0 };
	int rc = mapfile_follow(&m->map, m->dir, FILE_NAME, &format, &e);

	if (rc)
		memset(m->known, 0, sizeof(m->known));
	if (rc < 0) {
		log_line(LOG_WARN, "this process counts for itself: %s", e.message);
		mapfile_open_private(&m->map, &format);
	}
	return &m->map;
}

/* ---- names ---- */

/* Names of ours are all plain. */
static size_t plain_prefix(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

static void add_value(struct buf *out, const char *value)
{
	const size_t len = strnlen(value, VALUE_BYTES);
	size_t i = plain_prefix(value, len);

	buf_add(out, value, i);
	for (; i < len; i++) {
		if (value[i] == '"' || value[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, value[i] >= ' ' && value[i] <= '~' ? value[i] : '?');
	}
}

/* label="value",... of what is left of the arguments. */
static void add_labels(struct buf *out, va_list labels)
{
	const char *name;

	for (bool first = true; (name = va_arg(labels, const char *)); first = false) {
		const char *value = va_arg(labels, const char *);

		buf_add_text(out, first ? "" : ",");
		buf_add_text(out, name);
		buf_add_text(out, "=\"");
		add_value(out, value ? value : "");
		buf_add_char(out, '"');
	}
}

/* FNV-1a. */
static struct series **place_of(struct metrics *m, struct span name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.at[i]) * 16777619u;
	return &m->known[hash % KNOWN];
}

/* A series' name, made before the lock is taken, which all threads want a dozen times a request. */
struct name {
	struct buf text;
	char room[LABEL_BYTES];
};

static void name_make(struct name *n, enum metric which, va_list labels)
{
	buf_init_in(&n->text, n->room, sizeof(n->room));
	buf_add_text(&n->text, metric_defs[which].name);
	buf_add_char(&n->text, '{');
	add_labels(&n->text, labels);
	buf_add_char(&n->text, '}');
}

/* Under the lock. The SHA-256 of each name was a fifth of a small request's instructions. */
static struct series *find(struct metrics *m, struct span name)
{
	const struct mapfile *map = opened(m);
	struct series **known = place_of(m, name);

	if (!*known || strcmp(mapfile_label(map, *known), name.at) != 0)
		*known = mapfile_take(map, mapfile_key(name.at), name.at);
	return *known;
}

/* Under the lock. NULL: there is no room for it. */
static struct series *series_of(struct metrics *m, const struct name *n)
{
	struct series *s = n->text.failed ? NULL : find(m, buf_span(&n->text));

	if (!s)
		m->dropped++;
	return s;
}

/* ---- counting ---- */

static uint64_t in_units(const struct metric_def *def, double number)
{
	return number > 0 ? (uint64_t)(number * def->unit + 0.5) : 0;
}

static void count(_Atomic uint64_t *number, uint64_t more)
{
	atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

void metrics_add(struct metrics *m, enum metric which, double number, ...)
{
	struct series *s;
	struct name name;
	va_list labels;

	if (!m)
		return;
	va_start(labels, number);
	name_make(&name, which, labels);
	va_end(labels);
	pthread_mutex_lock(&m->lock);
	s = series_of(m, &name);
	if (s)
		count(&s->numbers[0], in_units(&metric_defs[which], number));
	pthread_mutex_unlock(&m->lock);
}

/* Whoever comes while another writes leaves it: one is as good as the other. */
static void note(struct exemplar *x, size_t bucket, double value, const char *id)
{
	const size_t len = strnlen(id, sizeof(x->id) - 1);
	uint32_t turn = x->turn;

	if (turn % 2 || !atomic_compare_exchange_strong(&x->turn, &turn, turn + 1))
		return;
	x->bucket = (uint32_t)bucket;
	x->value = value;
	x->at_ms = clock_wall_ms();
	memcpy(x->id, id, len);
	x->id[len] = '\0';
	atomic_store_explicit(&x->turn, turn + 2, memory_order_release);
}

void metrics_observe(struct metrics *m, enum metric which, double value, const char *request_id,
		     ...)
{
	const struct metric_def *def = &metric_defs[which];
	size_t bucket = 0;
	struct series *s;
	struct name name;
	va_list labels;

	if (!m)
		return;
	while (bucket < def->bound_count && value > def->bounds[bucket])
		bucket++;
	va_start(labels, request_id);
	name_make(&name, which, labels);
	va_end(labels);
	pthread_mutex_lock(&m->lock);
	s = series_of(m, &name);
	if (s) {
		count(&s->numbers[bucket], 1);
		count(&s->sum, in_units(def, value));
		if (request_id)
			note(&s->exemplar, bucket, value, request_id);
	}
	pthread_mutex_unlock(&m->lock);
}

/* ---- text ---- */

static void add_head(struct buf *out, const char *name, const char *type, const char *help,
		     bool openmetrics)
{
	size_t len = strlen(name);

	/* There a counter's family has the name without the ending of its samples. */
	if (openmetrics && len > 6 && strcmp(name + len - 6, "_total") == 0)
		len -= 6;
	buf_add_format(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, name, help, (int)len,
		       name, type);
}

static void add_number(struct buf *out, uint64_t number, double unit)
{
	if (unit > 1)
		buf_add_format(out, " %.6f", (double)number / unit);
	else
		buf_add_format(out, " %" PRIu64, number);
}

static void add_exemplar(struct buf *out, struct exemplar *shared, size_t bucket)
{
	uint32_t turn = atomic_load_explicit(&shared->turn, memory_order_acquire);
	struct exemplar x;

	if (!turn || turn % 2 || shared->bucket != bucket)
		return;
	memcpy(&x, shared, sizeof(x));
	if (shared->turn != turn)
		return;
	x.id[sizeof(x.id) - 1] = '\0';
	buf_add_text(out, " # {request_id=\"");
	add_value(out, x.id);
	buf_add_format(out, "\"} %.6f %" PRId64 ".%03d", x.value, x.at_ms / 1000,
		       (int)(x.at_ms % 1000));
}

static void write_histogram(const struct metric_def *def, struct series *s, const char *labels,
			    bool openmetrics, struct buf *out)
{
	const char *comma = *labels ? "," : "";
	uint64_t sum = 0;

	for (size_t i = 0; i <= def->bound_count; i++) {
		sum += s->numbers[i];
		buf_add_format(out, "%s_bucket{%s%sle=\"", def->name, labels, comma);
		if (i == def->bound_count)
			buf_add_text(out, "+Inf\"}");
		else
			buf_add_format(out, "%.10g\"}", def->bounds[i]);
		buf_add_format(out, " %" PRIu64, sum);
		if (openmetrics)
			add_exemplar(out, &s->exemplar, i);
		buf_add_char(out, '\n');
	}
	buf_add_format(out, "%s_sum{%s}", def->name, labels);
	add_number(out, s->sum, def->unit);
	buf_add_format(out, "\n%s_count{%s} %" PRIu64 "\n", def->name, labels, sum);
}

/* The labels of a series of that family, without braces; false: it is another one's, or nobody's:
 * whatever is in the file is looked at. */
static bool labels_of(const struct metric_def *def, const char *label, char out[LABEL_BYTES])
{
	size_t len = strlen(def->name), all = strnlen(label, LABEL_BYTES);

	if (strncmp(label, def->name, len) != 0 || label[len] != '{' || label[all - 1] != '}')
		return false;
	snprintf(out, LABEL_BYTES, "%.*s", (int)(all - len - 2), label + len + 1);
	return true;
}

static size_t write_family(const struct mapfile *map, const struct metric_def *def,
			   bool openmetrics, struct buf *out)
{
	char labels[LABEL_BYTES];
	struct series *s;
	size_t found = 0;

	add_head(out, def->name, def->type == COUNTER ? "counter" : "histogram", def->help,
		 openmetrics);
	for (size_t i = 0; (s = mapfile_at(map, i)); i++) {
		if (!mapfile_is_taken(map, s) || !labels_of(def, mapfile_label(map, s), labels))
			continue;
		found++;
		if (def->type == HISTOGRAM) {
			write_histogram(def, s, labels, openmetrics, out);
			continue;
		}
		buf_add_format(out, "%s{%s}", def->name, labels);
		add_number(out, s->numbers[0], def->unit);
		buf_add_char(out, '\n');
	}
	return found;
}

void metrics_write(struct metrics *m, bool openmetrics, struct buf *out)
{
	static const char dropped[] = "kiro_metrics_dropped_total";

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < METRICS; i++) {
		/* A rate needs a number from the first failure on. */
		if (!write_family(opened(m), &metric_defs[i], openmetrics, out) &&
		    i == METRIC_FAILED)
			buf_add_format(out, "%s 0\n", metric_defs[i].name);
	}
	add_head(out, dropped, "counter", "Numbers for which metrics.map had no room.",
		 openmetrics);
	buf_add_format(out, "%s %" PRIu64 "\n", dropped, m->dropped);
	pthread_mutex_unlock(&m->lock);
}

void metrics_sum(struct metrics *m, enum metric which, struct metrics_sum *out)
{
	const struct metric_def *def = &metric_defs[which];
	const struct mapfile *map;
	char labels[LABEL_BYTES];
	struct series *s;

	*out = (struct metrics_sum){ .bounds = def->bounds, .bound_count = def->bound_count };
	pthread_mutex_lock(&m->lock);
	map = opened(m);
	for (size_t i = 0; (s = mapfile_at(map, i)); i++) {
		if (!mapfile_is_taken(map, s) || !labels_of(def, mapfile_label(map, s), labels))
			continue;
		for (size_t b = 0; b <= def->bound_count; b++) {
			uint64_t number = s->numbers[b];

			out->numbers[b] += number;
			out->count += number;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

void metrics_write_gauge(struct buf *out, const char *name, const char *help)
{
	add_head(out, name, "gauge", help, false);
}

void metrics_write_value(struct buf *out, const char *name, double value, ...)
{
	va_list labels;

	va_start(labels, value);
	buf_add_format(out, "%s{", name);
	add_labels(out, labels);
	buf_add_format(out, "} %.15g\n", value);
	va_end(labels);
}
