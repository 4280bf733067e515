#include "common/base.h"
#include "common/ids.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

void ids_random(void *out, size_t len)
{
	if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
		abort(); /* an identifier that is not random would be worse than a crash */
}

void ids_make(char *out, size_t size, const char *prefix, size_t count)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strlen(prefix);
	unsigned char bytes[32];
	size_t left = 0;

	assert(len + count < size);
	memcpy(out, prefix, len);
	while (count) {
		/* Many at a time: OpenSSL asks the kernel for the process id at each call, and ids
		 * were 60 of the system calls of a small request. */
		if (!left) {
			left = sizeof(bytes);
			ids_random(bytes, left);
		}
		if (bytes[--left] >= 256 / 62 * 62)
			continue; /* keeps the characters equally likely */
		out[len++] = set[bytes[left] % 62];
		count--;
	}
	out[len] = '\0';
}

static void print_uuid(const unsigned char bytes[16], unsigned version, char out[static UUID_SIZE])
{
	unsigned char b[16];

	memcpy(b, bytes, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0F) | version << 4);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	snprintf(out, UUID_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
}

void ids_uuid(char out[static UUID_SIZE])
{
	unsigned char bytes[16];

	ids_random(bytes, sizeof(bytes));
	print_uuid(bytes, 4, out);
}

void ids_uuid_from(const char *seed, char out[static UUID_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!EVP_Digest(seed, strlen(seed), digest, &len, EVP_sha256(), NULL))
		abort();
	print_uuid(digest, 8, out);
}
