#include "common/base.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <sys/mman.h>

static char dir[SCRATCH_SIZE];

static void text_of(struct metrics *m, bool openmetrics, struct buf *out)
{
	buf_init(out, MB(4));
	metrics_write(m, openmetrics, out);
	CU_ASSERT_FALSE(out->failed);
}

static void what_one_process_counts_another_shows(void)
{
	struct metrics *one, *two;
	struct buf text;

	one = metrics_new(scratch_make(dir));
	two = metrics_new(dir);
	metrics_add(one, METRIC_UPSTREAM, 2, "kind", "none", NULL);
	metrics_add(two, METRIC_UPSTREAM, 3, "kind", "none", NULL);
	text_of(one, false, &text);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\nkiro_upstream_requests_total{kind=\"none\"} 5\n"));
	buf_release(&text);
	metrics_free(one);
	metrics_free(two);
	scratch_remove(dir);
}

/* Bounds of gen_ai.client.token.usage: 1, 4, 16, ...; a value belongs to the bucket it equals. */
static void a_value_counts_in_its_bucket_and_all_above(void)
{
	struct metrics *m = metrics_new(scratch_make(dir));
	struct buf text;

	metrics_observe(m, METRIC_GENAI_TOKENS, 4, NULL, "t", "x", NULL);
	metrics_observe(m, METRIC_GENAI_TOKENS, 5, NULL, "t", "x", NULL);
	metrics_observe(m, METRIC_GENAI_TOKENS, 1e9, NULL, "t", "x", NULL);
	text_of(m, false, &text);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_bucket{t=\"x\",le=\"1\"} 0\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_bucket{t=\"x\",le=\"4\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_bucket{t=\"x\",le=\"16\"} 2\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_bucket{t=\"x\",le=\"67108864\"} 2\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_bucket{t=\"x\",le=\"+Inf\"} 3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\ngen_ai_client_token_usage_count{t=\"x\"} 3\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\ngen_ai_client_token_usage_sum{t=\"x\"} 1000000009\n"));
	buf_release(&text);
	metrics_free(m);
	scratch_remove(dir);
}

static void a_label_can_end_neither_its_value_nor_its_line(void)
{
	struct metrics *m = metrics_new(scratch_make(dir));
	struct buf text;

	metrics_add(m, METRIC_CREDITS, 0.5, "model", "a\"b\\c\nd}e", NULL);
	text_of(m, false, &text);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text.at, "\nkiro_credits_total{model=\"a\\\"b\\\\c?d}e\"} 0.500000\n"));
	buf_release(&text);
	metrics_free(m);
	scratch_remove(dir);
}

/* Ends the label `text` in metrics.map behind its first `len` bytes. */
static void cut_label(const char *text, size_t len)
{
	char path[SCRATCH_SIZE + 16], *at;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/metrics.map", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &st) == 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	text = memmem(at, (size_t)st.st_size, text, strlen(text));
	CU_ASSERT_FATAL(text && pwrite(fd, "", 1, text - at + (off_t)len) == 1);
	munmap(at, (size_t)st.st_size);
	close(fd);
}

static void a_label_that_was_cut_is_not_shown(void)
{
	static const char family[] = "kiro_credits_total{";
	struct metrics *m = metrics_new(scratch_make(dir));
	struct buf text;

	metrics_add(m, METRIC_CREDITS, 1, "model", "a", NULL);
	metrics_add(m, METRIC_CREDITS, 1, "model", "b", NULL);
	cut_label("kiro_credits_total{model=\"a\"}", strlen(family));
	text_of(m, false, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\nkiro_credits_total{model=\"b\"} 1.000000\n"));
	CU_ASSERT_PTR_NULL(strstr(text.at, "\nkiro_credits_total{} "));
	buf_release(&text);
	metrics_free(m);
	scratch_remove(dir);
}

/* More series than the file has slots: the rest is counted as dropped, nothing is mixed up. */
static void what_has_no_room_is_counted_as_dropped(void)
{
	struct metrics *m = metrics_new(scratch_make(dir));
	const char *at, *dropped;
	struct buf text;
	size_t shown = 0;
	char name[16];

	for (int i = 0; i < LIMIT_METRIC_SLOTS + 500; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		metrics_add(m, METRIC_CREDITS, 1, "model", name, NULL);
	}
	text_of(m, false, &text);
	for (at = text.at; (at = strstr(at, "\nkiro_credits_total{")); at++)
		shown++;
	dropped = strstr(text.at, "\nkiro_metrics_dropped_total ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(dropped);
	CU_ASSERT_EQUAL(strtoul(strchr(dropped, ' '), NULL, 10) + shown, LIMIT_METRIC_SLOTS + 500);
	CU_ASSERT_TRUE(shown > LIMIT_METRIC_SLOTS / 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\nkiro_credits_total{model=\"m0\"} 1.000000\n"));
	buf_release(&text);
	metrics_free(m);
	scratch_remove(dir);
}

static void an_exemplar_stands_at_its_bucket_and_in_openmetrics_alone(void)
{
	struct metrics *m = metrics_new(scratch_make(dir));
	struct buf text;

	metrics_observe(m, METRIC_DURATION, 0.3, "req_1", "route", "/x", NULL);
	text_of(m, true, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at,
				      "\nkiro_request_duration_seconds_bucket{route=\"/"
				      "x\",le=\"0.5\"} 1 # {request_id=\"req_1\"} 0.300000 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\n# TYPE kiro_requests counter\n"));
	buf_release(&text);
	text_of(m, false, &text);
	CU_ASSERT_PTR_NULL(strstr(text.at, "req_1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\n# TYPE kiro_requests_total counter\n"));
	buf_release(&text);
	metrics_free(m);
	scratch_remove(dir);
}

static void without_a_directory_the_process_counts_for_itself(void)
{
	static const struct log_options quiet = { .file = "/dev/null" },
					loud = { .level = LOG_INFO };
	struct metrics *m = metrics_new("/nonexistent");
	struct buf text;

	log_open(&quiet);
	metrics_add(m, METRIC_FAILED, 1, NULL);
	text_of(m, false, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "\nkiro2api_requests_failed_total{} 1\n"));
	log_open(&loud);
	buf_release(&text);
	metrics_free(m);
}

CU_TestInfo metrics_tests[] = {
	{ "a_label_that_was_cut_is_not_shown", a_label_that_was_cut_is_not_shown },
	{ "what_one_process_counts_another_shows", what_one_process_counts_another_shows },
	{ "a_value_counts_in_its_bucket_and_all_above",
	  a_value_counts_in_its_bucket_and_all_above },
	{ "a_label_can_end_neither_its_value_nor_its_line",
	  a_label_can_end_neither_its_value_nor_its_line },
	{ "what_has_no_room_is_counted_as_dropped", what_has_no_room_is_counted_as_dropped },
	{ "an_exemplar_stands_at_its_bucket_and_in_openmetrics_alone",
	  an_exemplar_stands_at_its_bucket_and_in_openmetrics_alone },
	{ "without_a_directory_the_process_counts_for_itself",
	  without_a_directory_the_process_counts_for_itself },
	CU_TEST_INFO_NULL,
};
