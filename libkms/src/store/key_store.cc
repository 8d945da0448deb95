#include "kms/key_store.h"

namespace kms {

Reader::~Reader() = default;
KeyStore::~KeyStore() = default;

}  // namespace kms
