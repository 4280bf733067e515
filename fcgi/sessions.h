/*
 * sessions.h - who is signed in to the admin panel, and who has guessed too often: what all
 * processes know of it, in files of the state directory (mapfile.h).
 *
 * A session is 256 random bits that only the browser has; here is their SHA-256. It ends with its
 * time, by signing out, and when the password is another one. Loss of the files signs everybody out
 * and forgets the guesses, no more.
 */
#ifndef FCGI_SESSIONS_H
#define FCGI_SESSIONS_H

#include "common/base.h"
#include "common/error.h"

#define SESSION_TEXT_SIZE 48 /* 43 characters and a NUL, with room */

struct sessions;

struct sessions *sessions_new(const char *state_dir); /* opened at first use */
void sessions_free(struct sessions *s);		      /* NULL is fine */

/* password_hash: of the password that opens it. text then holds the session: send it, wipe it. */
int sessions_open(struct sessions *s, const char *password_hash, int64_t expires_at,
		  char text[static SESSION_TEXT_SIZE], struct error *e);
/* 1: good until *expires_at; 0: not; -1: ERR_STORE. */
int sessions_find(struct sessions *s, const char *text, const char *password_hash,
		  int64_t *expires_at, struct error *e);
int sessions_close(struct sessions *s, const char *text, struct error *e);

/* A guess is about to be judged: counted as wrong before, so that many at once are not free.
 * ERR_LOCKED with retry_after when it is too early for another one. */
int sessions_guess(struct sessions *s, const char *address, struct error *e);
/* It was right: what was counted for the address is forgotten. */
void sessions_guessed(struct sessions *s, const char *address);

/* One guess at a time is hashed in a process: each takes 16 MB. */
void sessions_lock_hashing(struct sessions *s);
void sessions_unlock_hashing(struct sessions *s);

#endif
