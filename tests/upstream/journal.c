#include "base.h"
#include "journal.h"

int journal_init(struct journal *j, const char *log_path)
{
	*j = (struct journal){ .next_id = 1 };
	pthread_mutex_init(&j->lock, NULL);
	if (!log_path)
		return 0;
	j->log = fopen(log_path, "ae");
	if (!j->log) {
		fprintf(stderr, "upstream-standin: %s: %s\n", log_path, strerror(errno));
		return -1;
	}
	setvbuf(j->log, NULL, _IOLBF, 0);
	return 0;
}

static void drop(struct entry *e)
{
	if (--e->references)
		return;
	free(e->method);
	free(e->target);
	free(e->headers);
	text_release(&e->body);
	free(e);
}

static void remove_first(struct journal *j)
{
	struct entry *e = j->first;

	j->first = e->next;
	if (!j->first)
		j->last = NULL;
	j->count--;
	j->bytes -= e->body.len;
	drop(e);
}

void journal_release(struct journal *j)
{
	journal_clear(j);
	if (j->log)
		fclose(j->log);
	pthread_mutex_destroy(&j->lock);
}

static char *print_headers(const struct request *r)
{
	cJSON *object = cJSON_CreateObject();
	char *text;

	for (size_t i = 0; i < r->header_count; i++)
		cJSON_AddStringToObject(object, r->headers[i].name, r->headers[i].value);
	text = json_text(object);
	cJSON_Delete(object);
	return text;
}

static void count(struct journal *j, const char *operation)
{
	for (size_t i = 0; i < JOURNAL_OPERATIONS; i++) {
		if (j->counts[i].operation && strcmp(j->counts[i].operation, operation))
			continue;
		j->counts[i].operation = operation;
		j->counts[i].count++;
		return;
	}
}

struct entry *journal_open(struct journal *j, struct request *r, const char *operation,
			   bool body_is_json)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->at_ns = clock_mono_ns();
	e->method = xstrdup(r->method);
	e->target = xformat("%s%s%s", r->path, *r->query ? "?" : "", r->query);
	e->headers = print_headers(r);
	e->operation = operation;
	e->body = r->body;
	e->body_is_json = body_is_json;
	r->body = (struct text){ 0 };
	e->references = 2;

	pthread_mutex_lock(&j->lock);
	e->id = j->next_id++;
	if (j->last)
		j->last->next = e;
	else
		j->first = e;
	j->last = e;
	j->count++;
	j->bytes += e->body.len;
	while (j->count > LIMIT_JOURNAL_ENTRIES || (j->count > 1 && j->bytes > LIMIT_JOURNAL_BYTES))
		remove_first(j);
	count(j, operation);
	if (++j->in_flight > j->most_in_flight)
		j->most_in_flight = j->in_flight;
	pthread_mutex_unlock(&j->lock);
	return e;
}

void journal_note(struct journal *j, struct entry *e, const char *account, const char *script)
{
	pthread_mutex_lock(&j->lock);
	if (account)
		snprintf(e->account, sizeof(e->account), "%s", account);
	if (script)
		snprintf(e->script, sizeof(e->script), "%s", script);
	pthread_mutex_unlock(&j->lock);
}

/* Before the answer's first byte, so that a test that has its answer sees the status, too. */
void journal_status(struct journal *j, struct entry *e, int status)
{
	pthread_mutex_lock(&j->lock);
	e->status = status;
	pthread_mutex_unlock(&j->lock);
}

void journal_refused(struct journal *j, struct entry *e, const char *detail)
{
	pthread_mutex_lock(&j->lock);
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
	pthread_mutex_unlock(&j->lock);
}

static void log_line(const struct journal *j, const struct entry *e)
{
	double ms = (double)(clock_mono_ns() - e->at_ns) / 1e6;

	fprintf(j->log, "%llu %s %s %s account=%s script=%s status=%d sent=%llu ms=%.1f%s%s%s\n",
		(unsigned long long)e->id, e->method, e->target, e->operation, e->account,
		e->script, e->status, (unsigned long long)e->sent, ms,
		e->client_gone ? " client-gone" : "", *e->detail ? " refused: " : "", e->detail);
}

void journal_close(struct journal *j, struct entry *e, int status, uint64_t sent,
		   const struct conn *c)
{
	pthread_mutex_lock(&j->lock);
	e->status = status;
	e->sent = sent;
	e->done = true;
	e->client_gone = c->gone;
	if (c->gone)
		e->gone_after_ms = (double)(c->gone_at_ns - e->at_ns) / 1e6;
	j->in_flight--;
	if (j->log)
		log_line(j, e);
	drop(e);
	pthread_mutex_unlock(&j->lock);
}

static void add_string(struct text *out, const char *name, const char *value)
{
	cJSON *item = cJSON_CreateString(value);
	char *text = json_text(item);

	text_addf(out, "\"%s\":%s,", name, text);
	free(text);
	cJSON_Delete(item);
}

static void print_entry(const struct entry *e, struct text *out)
{
	text_addf(out, "{\"id\":%llu,", (unsigned long long)e->id);
	add_string(out, "method", e->method);
	add_string(out, "path", e->target);
	add_string(out, "operation", e->operation);
	add_string(out, "account", e->account);
	add_string(out, "script", e->script);
	add_string(out, "refused", e->detail);
	text_addf(out, "\"at_ms\":%.3f,\"status\":%d,\"done\":%s,\"sent\":%llu,",
		  (double)e->at_ns / 1e6, e->status, e->done ? "true" : "false",
		  (unsigned long long)e->sent);
	text_addf(out, "\"client_closed\":%s,", e->client_gone ? "true" : "false");
	if (e->client_gone)
		text_addf(out, "\"client_closed_after_ms\":%.3f,", e->gone_after_ms);
	text_addf(out, "\"headers\":%s,", e->headers);
	if (e->body_is_json)
		text_addf(out, "\"body\":%s}", e->body.at);
	else
		text_addf(out, "\"body\":null,\"body_bytes\":%zu}", e->body.len);
}

void journal_print(struct journal *j, uint64_t since, struct text *out)
{
	const char *comma = "";

	text_add_str(out, "[");
	pthread_mutex_lock(&j->lock);
	for (const struct entry *e = j->first; e; e = e->next) {
		if (e->id <= since)
			continue;
		text_add_str(out, comma);
		print_entry(e, out);
		comma = ",\n";
	}
	pthread_mutex_unlock(&j->lock);
	text_add_str(out, "]\n");
}

void journal_clear(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	while (j->first)
		remove_first(j);
	pthread_mutex_unlock(&j->lock);
}

void journal_clear_counts(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	memset(j->counts, 0, sizeof(j->counts));
	j->most_in_flight = j->in_flight;
	pthread_mutex_unlock(&j->lock);
}

cJSON *journal_counts(struct journal *j)
{
	cJSON *out = cJSON_CreateObject();

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < JOURNAL_OPERATIONS && j->counts[i].operation; i++)
		cJSON_AddNumberToObject(out, j->counts[i].operation, (double)j->counts[i].count);
	pthread_mutex_unlock(&j->lock);
	return out;
}

void journal_concurrency(struct journal *j, unsigned *now, unsigned *most)
{
	pthread_mutex_lock(&j->lock);
	*now = j->in_flight;
	*most = j->most_in_flight;
	pthread_mutex_unlock(&j->lock);
}
