#include "common/base.h"
#include "fcgi/signature.h"

#include <openssl/evp.h>

bool signature_is_ours(struct span text, const char *signature)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char own[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
	unsigned len = 0;

	if (!EVP_Digest(text.at, text.len, digest, &len, EVP_sha256(), NULL))
		abort();
	EVP_EncodeBlock((unsigned char *)own, digest, (int)len);
	return strcmp(own, signature) == 0;
}
