/*
 * Encrypted bundles: a line that tells with what, and the sealed text bound to it (bundle.h).
 */
#include "common/base.h"
#include "common/bundle.h"

#include "common/hex.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"

#include <openssl/evp.h>

#define SALT 16

/* scrypt with 32 MB and about 0.1 s; files with more than 1 GB are not tried. */
struct kdf {
	int64_t n, r, p;
	char salt[2 * SALT + 1];
};

#define KDF_N	   32768
#define KDF_R	   8
#define KDF_P	   1
#define MOST_N	   1048576
#define MOST_R	   8
#define MOST_P	   4
#define KDF_MEMORY (MB(1) + 128 * (uint64_t)MOST_N * MOST_R)

static struct seal *seal_of_passphrase(const struct secret *passphrase, const struct kdf *k)
{
	const char *text = secret_reveal(passphrase);
	unsigned char key[SEAL_KEY];
	struct seal *s;

	if (!EVP_PBE_scrypt(text, strlen(text), (const unsigned char *)k->salt, strlen(k->salt),
			    (uint64_t)k->n, (uint64_t)k->r, (uint64_t)k->p, KDF_MEMORY, key,
			    sizeof(key)))
		return NULL;
	s = seal_of_key(key);
	explicit_bzero(key, sizeof(key));
	return s;
}

static void write_head(const struct bundle_lock *lock, const struct kdf *k, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "kiro-fcgi", "sealed");
	jsonw_int_member(&w, "v", 1);
	jsonw_text_member(&w, "kdf", k ? "scrypt" : "state-key");
	if (k) {
		jsonw_int_member(&w, "n", k->n);
		jsonw_int_member(&w, "r", k->r);
		jsonw_int_member(&w, "p", k->p);
		jsonw_text_member(&w, "salt", k->salt);
	} else {
		jsonw_text_member(&w, "key", seal_id(lock->seal));
	}
	jsonw_end(&w);
	buf_add_char(out, '\n');
}

int bundle_close(struct span text, const struct bundle_lock *lock, struct buf *out, struct error *e)
{
	struct kdf k = { .n = KDF_N, .r = KDF_R, .p = KDF_P };
	bool by_passphrase = secret_present(&lock->passphrase);
	struct seal *own = NULL;
	unsigned char salt[SALT];
	struct buf head;
	int rc = -1;

	if (!by_passphrase && !lock->seal)
		return buf_add(out, text.at, text.len);
	ids_random(salt, sizeof(salt));
	hex_write(salt, sizeof(salt), k.salt);
	if (by_passphrase)
		own = seal_of_passphrase(&lock->passphrase, &k);
	buf_init(&head, LIMIT_URL);
	write_head(lock, by_passphrase ? &k : NULL, &head);
	if (!by_passphrase || own) {
		rc = buf_add(out, head.at, head.len);
		if (!rc)
			rc = seal_write(own ? own : lock->seal, buf_span(&head), text, out);
	}
	buf_release(&head);
	seal_free(own);
	return rc ? error_set(e, ERR_INTERNAL,
			      "the file cannot be encrypted: too large, or no "
			      "memory for scrypt")
		  : 0;
}

static int read_kdf(const cJSON *head, struct kdf *k, struct error *e)
{
	const char *salt = "";

	if (json_int(head, "n", NULL, 2, MOST_N, &k->n, e) != 1 ||
	    json_int(head, "r", NULL, 1, MOST_R, &k->r, e) != 1 ||
	    json_int(head, "p", NULL, 1, MOST_P, &k->p, e) != 1 ||
	    json_text(head, "salt", NULL, &salt, e) != 1 || strlen(salt) >= sizeof(k->salt))
		return error_set(e, ERR_REQUEST, "the head of the encrypted file is damaged");
	snprintf(k->salt, sizeof(k->salt), "%s", salt);
	return 0;
}

static int open_by_passphrase(const cJSON *head, struct span place, struct span sealed,
			      const struct bundle_lock *lock, struct buf *text, struct error *e)
{
	struct kdf k;
	struct seal *seal;
	int rc;

	if (!secret_present(&lock->passphrase))
		return error_set(e, ERR_REQUEST,
				 "the file is encrypted with a passphrase: --passphrase-file");
	if (read_kdf(head, &k, e))
		return -1;
	seal = seal_of_passphrase(&lock->passphrase, &k);
	rc = seal ? seal_read(seal, place, sealed, text) : -1;
	seal_free(seal);
	return rc ? error_set(e, ERR_REQUEST, "wrong passphrase, or the file was cut or changed")
		  : 0;
}

static int open_by_key(const cJSON *head, struct span place, struct span sealed,
		       const struct bundle_lock *lock, struct buf *text, struct error *e)
{
	const char *id = json_text_or(head, "key", "");

	if (!lock->seal || !seal_has(lock->seal, id))
		return error_set(e, ERR_REQUEST, "the file is encrypted with key %.8s, which %s",
				 id,
				 lock->seal ? "state_key_file does not hold"
					    : "needs the option state_key_file");
	if (seal_read(lock->seal, place, sealed, text))
		return error_set(e, ERR_REQUEST, "the file was cut or changed");
	return 0;
}

int bundle_open(struct span file, const struct bundle_lock *lock, struct buf *text, struct error *e)
{
	struct error ignored = { .kind = ERR_NONE };
	const char *end = file.len ? memchr(file.at, '\n', file.len) : NULL;
	struct span place = { file.at, end ? (size_t)(end - file.at) + 1 : 0 };
	struct span sealed = { file.at + place.len, file.len - place.len };
	cJSON *head = end ? json_parse((struct span){ file.at, place.len - 1 }, &ignored) : NULL;
	int rc;

	if (strcmp(json_text_or(head, "kiro-fcgi", ""), "sealed") != 0)
		rc = buf_add(text, file.at, file.len)
			     ? error_set(e, ERR_REQUEST, "larger than %zu bytes", text->max)
			     : 0;
	else if (strcmp(json_text_or(head, "kdf", ""), "scrypt") == 0)
		rc = open_by_passphrase(head, place, sealed, lock, text, e);
	else
		rc = open_by_key(head, place, sealed, lock, text, e);
	cJSON_Delete(head);
	return rc;
}
