// The keys of the audit trail: one that MACs batches, and a key pair that signs
// checkpoints. Both are random, and sealed under the root key in the store.

#ifndef KMS_AUDIT_KEYS_H_
#define KMS_AUDIT_KEYS_H_

#include <memory>
#include <string>

#include "audit/line.h"
#include "kms/audit_log.h"
#include "kms/crypto_backend.h"

namespace kms::audit {

struct Keys {
  SecretBytes mac;
  std::shared_ptr<PrivateKey> signer;
  Bytes public_key;  // DER SubjectPublicKeyInfo
};

// EnsureKeys opens the keys of `store`, and makes them if there are none.
// Fails: kCorrupt; kUnavailable.
Result<Keys> EnsureKeys(KeyStore& store, const RootKey& root, CryptoBackend& backend);

// CheckKeys opens what is stored of the keys, and tries the signing key.
// Fails: kNotFound if there are none; kCorrupt; kUnavailable.
Result<void> CheckKeys(const Reader& reader, const RootKey& root, CryptoBackend& backend);

// What a batch's MAC covers: the numbers of its lines, and the hash of the last.
Digest32 BatchMac(ByteView key, std::uint64_t from, const Link& last);

// The digest of GB/T 32918.2 that a checkpoint's signature is over: of the text
// "libkms audit checkpoint\n<seq>\n<hash>\n" under the default identity.
Digest32 CheckpointDigest(ByteView public_key, const Link& last);

std::string PublicKeyPem(ByteView public_key);

// How far the store knows the trail to be: every change whose event is not in the outbox
// any more has its line up to here.
Result<Link> ReadMark(const Reader& reader);
void PutMark(Transaction& transaction, std::uint64_t seq, const std::string& hash);

}  // namespace kms::audit

namespace kms::place {
std::string AuditKeys();
std::string AuditMark();
}  // namespace kms::place

#endif  // KMS_AUDIT_KEYS_H_
