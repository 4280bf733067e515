/*
 * tally_map.h - the day's file, for tally.c, which writes it, and tally_store.c, which reads it.
 */
#ifndef COMMON_TALLY_MAP_H
#define COMMON_TALLY_MAP_H

#include "common/mapfile.h"
#include "common/tally.h"

#define TALLY_MAP_NAME_SIZE 32 /* "usage-20261121.map" */

void tally_map_name(int day, char out[static TALLY_MAP_NAME_SIZE]);
bool tally_map_day(const char *name, int *day); /* is it such a name? */

int tally_map_open(struct mapfile *map, const char *dir, int day, struct error *e);
uint64_t tally_map_id(const struct mapfile *map); /* never 0 */
/* The row of a slot, NULL: it has none. day is left alone. */
const struct tally_row *tally_map_row(const struct mapfile *map, size_t index,
				      struct tally_row *out);
size_t tally_map_slots(const struct mapfile *map);

#endif
