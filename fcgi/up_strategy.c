#include "common/base.h"
#include "fcgi/up_strategy.h"

/* Something known to be left, then what nobody knows, then nothing: unknown is not none. */
static int by_allowance(const struct up_candidate *a, const struct up_candidate *b)
{
	double left = a->left < 0 ? 0 : a->left > 0 ? a->left : -1;
	double right = b->left < 0 ? 0 : b->left > 0 ? b->left : -1;

	return (left < right) - (left > right);
}

static int by_turn(const struct up_candidate *a, const struct up_candidate *b)
{
	return (a->turn > b->turn) - (a->turn < b->turn);
}

static int by_luck(const struct up_candidate *a, const struct up_candidate *b)
{
	return (a->luck > b->luck) - (a->luck < b->luck);
}

static int most_left(const struct up_candidate *a, const struct up_candidate *b)
{
	int order = by_allowance(a, b);

	return order ? order : by_turn(a, b);
}

static int none(const struct up_candidate *a, const struct up_candidate *b)
{
	(void)a;
	(void)b;
	return 0; /* their rank decides */
}

/* In the order of the choices of accounts.strategy. */
static int (*const strategies[])(const struct up_candidate *a, const struct up_candidate *b) = {
	most_left, most_left, none, none, none, by_turn, by_luck,
};

bool up_strategy_prefers(int strategy, const struct up_candidate *a, const struct up_candidate *b)
{
	int order;

	assert(strategy >= 0 && (size_t)strategy < ARRAY_SIZE(strategies));
	if (a->priority != b->priority)
		return a->priority < b->priority;
	order = strategies[strategy](a, b);
	return order ? order < 0 : a->rank < b->rank;
}
