/*
 * frame.h - writes messages of application/vnd.amazon.eventstream.
 *
 *	u32 total | u32 headers | u32 crc(first 8) | headers | payload | u32 crc(all before)
 *	header: u8 name length | name | u8 7 | u16 value length | value      (all big-endian)
 *
 * The two generations write the standard headers in different orders; clients must not care.
 */
#ifndef STANDIN_FRAME_H
#define STANDIN_FRAME_H

#include "text.h"

enum header_order { ORDER_RTS, ORDER_KRS, ORDER_COUNT };

enum frame_damage { DAMAGE_NONE, DAMAGE_PRELUDE_CRC, DAMAGE_MESSAGE_CRC };

void frame_add_event(struct text *out, enum header_order order, const char *type,
		     const char *payload, size_t len);
void frame_add_exception(struct text *out, enum header_order order, const char *type,
			 const char *payload, size_t len);
void frame_add_error(struct text *out, const char *code, const char *message);
void frame_add_empty(struct text *out); /* the legal frame of 16 bytes that says nothing */

/* Spoils one checksum of the whole frame at at; the other one stays right. */
void frame_damage(void *at, size_t len, enum frame_damage damage);

#endif
