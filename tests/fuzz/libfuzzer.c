/*
 * The program that `make fuzz` runs: which target, FUZZ_TARGET says.
 */
#include "common/base.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	target = name ? fuzz_find(name) : NULL;
	if (!target) {
		fputs("FUZZ_TARGET must name one of:", stderr);
		for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
			fprintf(stderr, " %s", t->name);
		fputc('\n', stderr);
		exit(64);
	}
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	target->run((struct span){ (const char *)bytes, len });
	return 0;
}

/* JSON as a tree three times of four: bytes alone would hardly ever keep it JSON. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed)
{
	size_t made = target->json && seed % 4 ? mutate_json((char *)bytes, len, max, seed / 4) : 0;

	return made ? made : LLVMFuzzerMutate(bytes, len, max);
}
