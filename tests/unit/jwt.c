#include "common/base.h"
#include "tests/unit/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void jwt_add_part(struct buf *out, const void *bytes, size_t len)
{
	unsigned char text[2048];
	int n;

	assert(len < 1500);
	n = EVP_EncodeBlock(text, bytes, (int)len);
	for (int i = 0; i < n && text[i] != '='; i++)
		buf_add_char(out, text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i]);
}

void jwt_begin(struct buf *token, const char *header, const char *claims)
{
	jwt_add_part(token, header, strlen(header));
	buf_add_char(token, '.');
	jwt_add_part(token, claims, strlen(claims));
}

void jwt_sign(struct buf *token, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len;

	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)token->at, token->len, mac,
	     &len);
	buf_add_char(token, '.');
	jwt_add_part(token, mac, len);
}
