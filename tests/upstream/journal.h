/*
 * journal.h - every request that came in, what became of it, and the counts.
 *
 * Tests read it through the control API. Bounded: the oldest entries go first; the counts stay.
 */
#ifndef STANDIN_JOURNAL_H
#define STANDIN_JOURNAL_H

#include "http.h"
#include "json.h"

#define JOURNAL_OPERATIONS 32

struct entry {
	uint64_t id;
	int64_t at_ns;			 /* clock_mono_ns() */
	char *method, *target, *headers; /* headers: JSON object */
	struct text body;
	bool body_is_json;
	const char *operation; /* static */
	char account[LIMIT_NAME + 1], script[LIMIT_NAME + 1], detail[256];
	int status;
	bool done, client_gone;
	double gone_after_ms; /* from the request's end to the client's */
	uint64_t sent;	      /* bytes of an event stream */

	struct entry *next;
	unsigned references;
};

struct journal {
	pthread_mutex_t lock;
	struct entry *first, *last;
	size_t count, bytes;
	uint64_t next_id;
	struct {
		const char *operation;
		uint64_t count;
	} counts[JOURNAL_OPERATIONS];
	unsigned in_flight, most_in_flight;
	FILE *log; /* NULL: none */
};

/* 0, or -1 if the log file cannot be opened; NULL: no log. */
int journal_init(struct journal *j, const char *log_path);
void journal_release(struct journal *j);

/* Files the request, whose body it takes. */
struct entry *journal_open(struct journal *j, struct request *r, const char *operation,
			   bool body_is_json);
void journal_note(struct journal *j, struct entry *e, const char *account, const char *script);
void journal_status(struct journal *j, struct entry *e, int status);
void journal_refused(struct journal *j, struct entry *e, const char *detail);
void journal_close(struct journal *j, struct entry *e, int status, uint64_t sent,
		   const struct conn *c);

/* Entries with an id above since, as a JSON array's text. */
void journal_print(struct journal *j, uint64_t since, struct text *out);
void journal_clear(struct journal *j);
void journal_clear_counts(struct journal *j);
cJSON *journal_counts(struct journal *j);
void journal_concurrency(struct journal *j, unsigned *now, unsigned *most);

#endif
