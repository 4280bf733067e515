#include "common/base.h"
#include "common/seal.h"

#include "common/digest.h"
#include "common/hex.h"
#include "common/ids.h"
#include "common/limits.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define MAGIC	  "E1"
#define ID	  4
#define NONCE	  12
#define TAG	  16
#define HEAD	  (2 + ID + NONCE)
#define MOST_KEYS 16

struct key {
	unsigned char bytes[SEAL_KEY];
	unsigned char id[ID];
	char name[SEAL_ID_SIZE];
};

struct seal {
	struct key keys[MOST_KEYS];
	size_t count;
};

static void add_key(struct seal *s, const unsigned char bytes[static SEAL_KEY])
{
	static const char purpose[] = "kiro-fcgi key id";
	unsigned char text[sizeof(purpose) + SEAL_KEY], digest[32];
	struct key *k = &s->keys[s->count++];

	memcpy(text, purpose, sizeof(purpose));
	memcpy(text + sizeof(purpose), bytes, SEAL_KEY);
	digest_sha256((struct span){ (const char *)text, sizeof(text) }, digest);
	memcpy(k->bytes, bytes, SEAL_KEY);
	memcpy(k->id, digest, ID);
	hex_write(k->id, ID, k->name);
	OPENSSL_cleanse(text, sizeof(text));
}

struct seal *seal_of_key(const unsigned char key[static SEAL_KEY])
{
	struct seal *s = xcalloc(1, sizeof(*s));

	add_key(s, key);
	return s;
}

void seal_free(struct seal *s)
{
	if (s)
		OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

/* ---- the key file ---- */

static int read_line(struct seal *s, struct span line)
{
	unsigned char bytes[SEAL_KEY];
	int rc = 0;

	while (line.len && strchr(" \t\r", line.at[line.len - 1]))
		line.len--;
	if (!line.len || line.at[0] == '#')
		return 0;
	if (line.len != 2 * sizeof(bytes) || s->count == MOST_KEYS)
		return -1;
	for (size_t i = 0; i < sizeof(bytes) && !rc; i++) {
		int high = hex_digit(line.at[2 * i]), low = hex_digit(line.at[2 * i + 1]);

		if (high < 0 || low < 0)
			rc = -1;
		else
			bytes[i] = (unsigned char)(high << 4 | low);
	}
	if (!rc)
		add_key(s, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

static int read_lines(struct seal *s, const char *text, const char *path, struct error *e)
{
	for (int number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");

		if (read_line(s, (struct span){ text, len }))
			return error_set(e, ERR_CONFIG,
					 "state_key_file %s, line %d: a key is 64 hex digits "
					 "(openssl rand -hex 32), and at most %d are taken",
					 path, number, MOST_KEYS);
		text += len + (text[len] == '\n');
	}
	if (!s->count)
		return error_set(e, ERR_CONFIG,
				 "state_key_file %s holds no key: openssl rand -hex 32 makes one",
				 path);
	return 0;
}

/* Looked at and read by one descriptor: what a name stands for can change in between. */
static int read_file(const char *path, struct buf *text, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for ever */
	struct stat st;
	int rc = fd < 0 || fstat(fd, &st) ? -1 : 0;

	if (!rc && (!S_ISREG(st.st_mode) || st.st_mode & 0037))
		rc = error_set(e, ERR_CONFIG,
			       "state_key_file %s has mode %04o, but only its owner may write it "
			       "and only its group may read it: chmod 0600 (or 0640) it",
			       path, st.st_mode & 07777);
	if (!rc)
		rc = buf_read_fd(text, fd);
	if (rc) /* unless something was said already */
		error_set(e, ERR_CONFIG, "state_key_file %s cannot be read: %s", path,
			  strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

int seal_load(struct seal **out, const char *path, struct error *e)
{
	struct seal *s = xcalloc(1, sizeof(*s));
	struct buf text;
	int rc;

	buf_init(&text, LIMIT_SECRET_FILE);
	rc = read_file(path, &text, e);
	if (!rc)
		rc = read_lines(s, text.at, path, e);
	buf_wipe(&text);
	if (rc) {
		seal_free(s);
		return -1;
	}
	*out = s;
	return 0;
}

/* ---- ids ---- */

const char *seal_id(const struct seal *s)
{
	return s->keys[0].name;
}

bool seal_has(const struct seal *s, const char *id)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->keys[i].name, id) == 0)
			return true;
	}
	return false;
}

bool seal_is(struct span value)
{
	return value.len >= SEAL_OVERHEAD && memcmp(value.at, MAGIC, 2) == 0;
}

const char *seal_id_of(struct span value, char out[static SEAL_ID_SIZE])
{
	hex_write(value.at + 2, ID, out);
	return out;
}

/* ---- sealing and opening ---- */

struct bytes {
	unsigned char *at;
	int len;
};

static struct bytes bytes_of(struct span s)
{
	return (struct bytes){ (unsigned char *)(uintptr_t)s.at, (int)s.len };
}

static bool encrypt(EVP_CIPHER_CTX *x, const struct key *k, struct bytes place, struct bytes plain,
		    unsigned char *nonce)
{
	unsigned char *out = nonce + NONCE;
	int n;

	return EVP_EncryptInit_ex(x, EVP_aes_256_gcm(), NULL, k->bytes, nonce) &&
	       EVP_EncryptUpdate(x, NULL, &n, place.at, place.len) &&
	       EVP_EncryptUpdate(x, out, &n, plain.at, plain.len) && n == plain.len &&
	       EVP_EncryptFinal_ex(x, out + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, TAG, out + plain.len);
}

int seal_write(const struct seal *s, struct span place, struct span plain, struct buf *out)
{
	size_t start = out->len, size = SEAL_OVERHEAD + plain.len;
	EVP_CIPHER_CTX *x;
	char *zeros;
	unsigned char *at;
	int rc;

	if (plain.len > MB(256))
		return -1;
	zeros = xcalloc(1, size);
	rc = buf_add(out, zeros, size);
	free(zeros);
	if (rc)
		return -1;
	at = (unsigned char *)out->at + start;
	memcpy(at, MAGIC, 2);
	memcpy(at + 2, s->keys[0].id, ID);
	ids_random(at + 2 + ID, NONCE);
	x = EVP_CIPHER_CTX_new();
	if (!x || !encrypt(x, &s->keys[0], bytes_of(place), bytes_of(plain), at + 2 + ID))
		abort(); /* only when libcrypto itself is broken */
	EVP_CIPHER_CTX_free(x);
	return 0;
}

static bool decrypt(EVP_CIPHER_CTX *x, const struct key *k, struct bytes place, struct bytes sealed,
		    unsigned char *out)
{
	unsigned char *nonce = sealed.at, *text = nonce + NONCE;
	int len = sealed.len - NONCE - TAG, n;

	return EVP_DecryptInit_ex(x, EVP_aes_256_gcm(), NULL, k->bytes, nonce) &&
	       EVP_DecryptUpdate(x, NULL, &n, place.at, place.len) &&
	       EVP_DecryptUpdate(x, out, &n, text, len) && n == len &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, TAG, text + len) &&
	       EVP_DecryptFinal_ex(x, out + n, &n);
}

static bool open_with(const struct key *k, struct span place, struct span value, struct buf *plain)
{
	struct span sealed = { value.at + 2 + ID, value.len - 2 - ID };
	size_t len = value.len - SEAL_OVERHEAD;
	unsigned char *text = xcalloc(1, len + 1);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool good;

	good = x && decrypt(x, k, bytes_of(place), bytes_of(sealed), text) &&
	       buf_add(plain, text, len) == 0;
	EVP_CIPHER_CTX_free(x);
	OPENSSL_cleanse(text, len);
	free(text);
	return good;
}

int seal_read(const struct seal *s, struct span place, struct span value, struct buf *plain)
{
	if (!seal_is(value) || value.len > MB(257))
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		if (memcmp(s->keys[i].id, value.at + 2, ID) == 0 &&
		    open_with(&s->keys[i], place, value, plain))
			return 0;
	}
	return -1;
}
