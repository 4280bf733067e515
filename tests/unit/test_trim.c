#include "common/base.h"
#include "fcgi/trim.h"

#include "common/limits.h"

#include <CUnit/CUnit.h>
#include <pthread.h>

#define DEEP KB(64)

/* Where a call that has returned had its bytes. */
static __attribute__((noinline)) uintptr_t go_deep(void)
{
	char bytes[DEEP];

	memset(bytes, 'x', sizeof(bytes));
	__asm__ volatile("" : : "r"(bytes) : "memory");
	return (uintptr_t)bytes;
}

struct seen {
	char above[32], below;
};

static void *look(void *argument)
{
	struct seen *seen = argument;
	char above[sizeof(seen->above)] = "what the caller has";
	uintptr_t deep = go_deep();

	__asm__ volatile("" : : "r"(above) : "memory");
	trim_stack();
	seen->below = *(volatile char *)(deep + DEEP / 4);
	memcpy(seen->above, above, sizeof(above));
	return NULL;
}

static void a_trimmed_stack_has_only_what_is_in_use(void)
{
	struct seen seen = { .below = '?' };
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, look, &seen), 0);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(seen.below, '\0');
	CU_ASSERT_STRING_EQUAL(seen.above, "what the caller has");
}

static void the_main_threads_stack_is_left_alone(void)
{
	struct seen seen = { .below = '?' };

	look(&seen);
	CU_ASSERT_EQUAL(seen.below, 'x');
	CU_ASSERT_STRING_EQUAL(seen.above, "what the caller has");
}

CU_TestInfo trim_tests[] = {
	{ "a trimmed stack has only what is in use", a_trimmed_stack_has_only_what_is_in_use },
	{ "the main thread's stack is left alone", the_main_threads_stack_is_left_alone },
	CU_TEST_INFO_NULL,
};
