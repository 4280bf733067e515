#include "common/base.h"
#include "tests/fuzz/fuzz.h"

#include "common/log.h"

const struct fuzz_target fuzz_targets[] = {
	{ "in_anthropic", fuzz_in_anthropic, true },
	{ "in_count", fuzz_in_count, true },
	{ "in_openai", fuzz_in_openai, true },
	{ "in_responses", fuzz_in_responses, true },
	{ "up_request", fuzz_up_request, false },
	{ "eventstream", fuzz_eventstream, false },
	{ "answer", fuzz_answer, false },
	{ "up_think", fuzz_up_think, false },
	{ "config", fuzz_config, false },
	{ "request", fuzz_request, false },
	{ "import", fuzz_import, true },
	{ "record", fuzz_record, true },
	{ "catalogue", fuzz_catalogue, true },
	{ "mcp", fuzz_mcp, true },
	{ NULL, NULL, false },
};

const struct fuzz_target *fuzz_find(const char *name)
{
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++) {
		if (strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

void fuzz_init(void)
{
	const struct log_options log = { .level = LOG_DEBUG, .file = "/dev/null" };

	if (log_open(&log))
		abort();
}

void fuzz_require(bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		return;
	fputs("broken: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

unsigned fuzz_byte(struct span *input)
{
	unsigned byte = 0;

	if (input->len) {
		byte = (unsigned char)*input->at++;
		input->len--;
	}
	return byte;
}

bool fuzz_line(struct span *input, struct span *line)
{
	const char *end = memchr(input->at, '\n', input->len);

	if (!input->len)
		return false;
	line->at = input->at;
	line->len = end ? (size_t)(end - input->at) : input->len;
	input->at += line->len + (end != NULL);
	input->len -= line->len + (end != NULL);
	return true;
}
