/*
 * up_event_parts.h - what the files of up_event.h share among themselves.
 */
#ifndef FCGI_UP_EVENT_PARTS_H
#define FCGI_UP_EVENT_PARTS_H

#include "common/base.h"
#include "common/flat.h"
#include "fcgi/up_event.h"

#include <cjson/cJSON.h>

int up_event_damaged(struct error *e, const char *what);

/* Members of an event: 0, and *out is left alone where absent; a wrong type is damage. */
int up_event_text(const cJSON *body, const char *key, const char **out, struct error *e);
int up_event_bool(const cJSON *body, const char *key, bool *out, struct error *e);

/* Books output of the model, handed out now or later. */
int up_event_count(struct up_event *u, struct span text, struct error *e);

int up_event_hand_out(struct up_event *u, const struct event *event, struct error *e);
int up_event_hand_out_text(struct up_event *u, enum event_kind kind, struct span text,
			   struct error *e);

/* up_event_tools.c: an event of a call, as JSON or as its members toolUseId, name, input, stop. */
int up_event_on_tool(struct up_event *u, const cJSON *body, struct error *e);
int up_event_take_tool(struct up_event *u, const struct flat_member *told, struct error *e);
bool up_event_in_tool(const struct up_event *u); /* a call is being handed out */
void up_event_release_tools(struct up_event *u);

#endif
