// NonceMargin: what a restored store must not count on any more.
//
// Keys of tokens that cannot derive seal with random nonces, which the store counts, up
// to 2^32 of a key. Since the backup, its store may have used any number of them, up to
// that bound. So a restored store gets a sixteenth of what was left: then even after six
// restorations of one backup, the chance that two nonces of a key are the same is below
// 2^-32.
//
// Threads: one at a time.

#ifndef KMS_BACKUP_NONCE_MARGIN_H_
#define KMS_BACKUP_NONCE_MARGIN_H_

#include <map>
#include <string>
#include <vector>

#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

class NonceMargin {
 public:
  // Apply changes a count, and notes what else may have been sealed under. Records come
  // in the order of their keys. Fails: kCorrupt.
  Result<void> Apply(Record& record);

  // Rest returns the counts that are to be there, and are not: of what nothing had been
  // sealed under when the backup was made.
  std::vector<Record> Rest(Revision revision) const;

 private:
  std::map<std::string, bool> counts_;  // by store key: whether there is one
};

}  // namespace kms

#endif  // KMS_BACKUP_NONCE_MARGIN_H_
