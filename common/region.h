/*
 * region.h - names of regions. They become part of host names, and come out of files that
 * somebody made: what is none must not choose a host.
 */
#ifndef COMMON_REGION_H
#define COMMON_REGION_H

#include "common/base.h"

/* ^[a-z]{2}(-[a-z]+)+-[0-9]$ over len bytes. */
bool region_valid(const char *text, size_t len);

#endif
