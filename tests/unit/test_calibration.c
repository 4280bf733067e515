#include "common/base.h"
#include "common/calibration.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define MODEL "claude-sonnet-4.5"

static char dir[SCRATCH_SIZE];
static struct calibration *c, *other; /* another process's */
static struct calibration_view view;

static void begin(void)
{
	scratch_make(dir);
	c = calibration_new(dir);
	other = calibration_new(dir);
}

static void end(void)
{
	calibration_free(c);
	calibration_free(other);
	scratch_remove(dir);
}

static void calibration_is_unknown_before_five_samples(void)
{
	begin();
	for (unsigned i = 0; i < CALIBRATION_MIN_SAMPLES; i++) {
		calibration_look(c, MODEL, &view);
		CU_ASSERT_EQUAL(view.samples, i);
		CU_ASSERT_EQUAL(view.factor, 1);
		CU_ASSERT_EQUAL(view.low, 0.5);
		calibration_learn(c, MODEL, 10000, 12000);
	}
	calibration_look(c, MODEL, &view);
	CU_ASSERT_DOUBLE_EQUAL(view.factor, 1.2, 1e-5);
	CU_ASSERT_DOUBLE_EQUAL(view.deviation, 0, 1e-5);
	CU_ASSERT_DOUBLE_EQUAL(view.low, 0.9, 1e-5);
	end();
}

static int learn_elsewhere(void *context)
{
	(void)context;
	for (int i = 0; i < 10; i++)
		calibration_learn(other, MODEL, 10000, 8000);
	return 0;
}

static void calibration_is_shared_by_processes_and_apart_for_models(void)
{
	begin();
	calibration_look(c, MODEL, &view);
	CU_ASSERT_EQUAL(scratch_run(learn_elsewhere, NULL), 0);
	calibration_look(c, MODEL, &view);
	CU_ASSERT_DOUBLE_EQUAL(view.factor, 0.8, 1e-5);
	calibration_look(c, "claude-opus-5", &view);
	CU_ASSERT_EQUAL(view.samples, 0);
	CU_ASSERT_EQUAL(view.factor, 1);
	end();
}

static void calibration_does_not_learn_from_what_is_no_estimate_s_error(void)
{
	static const int64_t rows[][2] = { { 10000, 25001 }, { 10000, 3999 }, { 10000, 0 },
					   { 1999, 1999 },   { 0, 10000 },    { -5, 10000 } };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		calibration_learn(c, MODEL, rows[i][0], rows[i][1]);
	calibration_look(c, MODEL, &view);
	CU_ASSERT_EQUAL(view.samples, 0);
	calibration_learn(c, MODEL, 10000, 25000);
	calibration_learn(c, MODEL, 2000, 800);
	calibration_look(c, MODEL, &view);
	CU_ASSERT_EQUAL(view.samples, 2);
	end();
}

/* A service that counts 1.3 times what we estimate, each text up to 20 % more or less; then another
 * tokenizer: the old one is forgotten. */
static void calibration_follows_the_service(void)
{
	uint32_t seed = 7;

	begin();
	for (int i = 0; i < 1000; i++) {
		double base = i < 500 ? 1.3 : 0.9;

		seed = seed * 1664525u + 1013904223u;
		calibration_learn(c, MODEL, 100000,
				  (int64_t)(100000 * base * (0.8 + 0.4 * (seed >> 8) / 0xFFFFFF)));
		if (i == 99 || i == 999) {
			calibration_look(c, MODEL, &view);
			CU_ASSERT_DOUBLE_EQUAL(view.factor, base, 0.05 * base);
			/* of an even spread of 20 % the mean deviation is 10 % */
			CU_ASSERT_DOUBLE_EQUAL(view.deviation, 0.1, 0.03);
			CU_ASSERT_DOUBLE_EQUAL(view.low, 1 - 3 * view.deviation, 1e-9);
		}
	}
	end();
}

static void calibration_works_without_a_directory(void)
{
	struct calibration *alone = calibration_new("/nonexistent/kiro");

	for (int i = 0; i < 9; i++)
		calibration_learn(alone, MODEL, 10000, 11000);
	calibration_look(alone, MODEL, &view);
	CU_ASSERT_DOUBLE_EQUAL(view.factor, 1.1, 1e-5);
	calibration_free(alone);
}

CU_TestInfo calibration_tests[] = {
	{ "is unknown before five samples", calibration_is_unknown_before_five_samples },
	{ "is shared by processes and apart for models",
	  calibration_is_shared_by_processes_and_apart_for_models },
	{ "does not learn from what is no estimate's error",
	  calibration_does_not_learn_from_what_is_no_estimate_s_error },
	{ "follows the service", calibration_follows_the_service },
	{ "works without a directory", calibration_works_without_a_directory },
	CU_TEST_INFO_NULL,
};
