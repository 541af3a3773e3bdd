// The functions below are marked as deprecated in favour of EVP. They are used because a program
// that links them statically grows by 35 kB instead of 3.8 MB and reads no openssl.cnf.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
