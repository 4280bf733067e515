/*
 * Runs every suite of suites.h, or those named on the command line. Exit code 1 when one fails.
 */
#include "common/base.h"

#include <CUnit/Basic.h>

#define SUITE(name) extern CU_TestInfo name##_tests[];
#include "tests/unit/suites.h"
#undef SUITE

static CU_SuiteInfo suites[] = {
#define SUITE(name) { #name, NULL, NULL, NULL, NULL, name##_tests },
#include "tests/unit/suites.h"
#undef SUITE
	CU_SUITE_INFO_NULL,
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(name, argv[i]) == 0)
			return true;
	}
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	for (CU_pSuite s = CU_get_registry()->pSuite; s; s = s->pNext)
		CU_set_suite_active(s, wanted(s->pName, argc, argv) ? CU_TRUE : CU_FALSE);
	CU_set_fail_on_inactive(CU_FALSE);
	CU_basic_set_mode(CU_BRM_NORMAL);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		return 2;
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
