#include "common/base.h"
#include "fcgi/signature.h"

#include "common/digest.h"

#include <openssl/evp.h>

bool signature_is_upstreams(struct span text, const char *signature)
{
	unsigned char digest[DIGEST_SIZE];
	char own[4 * ((DIGEST_SIZE + 2) / 3) + 1];

	if (!signature || !*signature)
		return false;
	digest_sha256(text, digest);
	EVP_EncodeBlock((unsigned char *)own, digest, sizeof(digest));
	return strcmp(own, signature) != 0;
}
