// Kms: everything wired together. What a program that embeds the library makes
// first.
//
//   auto store = kms::OpenLmdbKeyStore("/var/lib/app/keys").value();
//   auto root = kms::OpenSoftwareRootKey(folders).value();
//   auto backend = kms::NewSoftwareBackend(*root);
//   ...
//   auto kms = kms::Kms::Open(parts).value();
//   auto key = kms->keys().Create(context, {});
//
// Threads: all methods may be called from many threads at once.

#ifndef KMS_KMS_H_
#define KMS_KMS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>

#include "kms/access_point_service.h"
#include "kms/alias_service.h"
#include "kms/asymmetric_service.h"
#include "kms/audit_sink.h"
#include "kms/certificate_compute_service.h"
#include "kms/certificate_service.h"
#include "kms/clock.h"
#include "kms/compute_service.h"
#include "kms/crypto_backend.h"
#include "kms/default_key_service.h"
#include "kms/iam_service.h"
#include "kms/import_service.h"
#include "kms/key_service.h"
#include "kms/key_store.h"
#include "kms/policy.h"
#include "kms/root_key.h"
#include "kms/tag_service.h"
#include "kms/usb_key_certificate_service.h"
#include "kms/version_service.h"

namespace kms {

struct Limits {
  int asymmetric_versions = 50;                     // per account and region (manual 1.6)
  int import_tokens = 100;                          // alive at once, per key
  int access_points = 100;                          // per account and region
  int tags = 1000;                                  // per account and region
  int certificates = 100;                           // and as many of USB keys
  int default_keys = 50;                            // per account and region
  std::size_t cache_bytes = std::size_t{64} << 20;  // of loaded key versions
  // How long the wall clock must have run steadily beside the monotonic one before
  // anything is deleted by date.
  std::int64_t steady_millis = 60'000;
  IamLimits iam = {};
};

// All of it outlives the Kms.
struct Parts {
  KeyStore& store;
  const RootKey& root;
  CryptoBackend& software;
  CryptoBackend* hsm = nullptr;  // none: keys of HSM level cannot be made
  const Policy& policy;
  const Clock& clock;
  Limits limits = {};
  // What policies may speak of; none: only the system's can be granted.
  const ActionTable* actions = nullptr;
};

// What one round of time-driven work did.
struct DueWork {
  std::size_t rotated = 0;
  std::size_t deleted = 0;
  std::size_t expired = 0;    // imported material
  std::size_t forgotten = 0;  // import tokens and request ids past their time
  std::size_t destroyed = 0;  // objects in a token that belong to no key any more
  std::size_t failed = 0;     // left for the next round
  UnixMillis next = 0;        // when there is work again, as far as known; 0: none
};

// CheckRootKey tells whether `root` is the root key of `store`.
// Fails: kCorrupt if it is not; kNotFound if the store was never opened for service;
// kUnavailable.
Result<void> CheckRootKey(const KeyStore& store, const RootKey& root);

class Kms {
 public:
  // Open checks the store's header, and writes it into an empty store.
  // Fails: kUnsupported if a newer release has written the store; kCorrupt;
  // kUnavailable.
  static Result<std::unique_ptr<Kms>> Open(const Parts& parts);
  ~Kms();
  Kms(const Kms&) = delete;
  Kms& operator=(const Kms&) = delete;

  KeyService& keys();
  AliasService& aliases();
  VersionService& versions();
  ImportService& imports();
  ComputeService& compute();
  DefaultKeyService& default_keys();
  AsymmetricService& asymmetric();
  IamService& iam();
  AccessPointService& access_points();
  TagService& tags();
  CertificateService& certificates();
  CertificateComputeService& certificate_compute();
  UsbKeyCertificateService& usb_key_certificates();

  // RunDueWork does what dates ask for: rotation, planned deletion, expiry of imported
  // material, forgetting of old request ids. Each is one idempotent transaction, so
  // that any number of processes may all call this, and a crash neither loses nor
  // doubles anything. Call it about once a second, and again at once when `next` is not
  // in the future. Once `stop` is requested it ends after the thing that it does.
  // Fails: kUnavailable if the store cannot be read.
  Result<DueWork> RunDueWork(const std::stop_token& stop = {});

  // DrainAudit hands the events of the outbox to `sink`, in order, and returns how
  // many.
  // Fails: as the sink; kUnavailable.
  Result<std::size_t> DrainAudit(AuditSink& sink);

  // ForEachKeptRequest visits the ids that changes have used and that could be sent
  // again, each with its access key and until when: what a replay guard needs to know of
  // the time before its process started.
  // Fails: kUnavailable, kCorrupt.
  using VisitRequest = std::function<void(std::string_view access_key,
                                          std::string_view request_id, UnixMillis until)>;
  Result<void> ForEachKeptRequest(const VisitRequest& visit) const;

  // CountEndingCertificates counts the certificates with keys in the KMS, of all
  // accounts, that are active or inactive, and whose time ends within so long, from
  // an index that is ordered by that time.
  // Fails: kUnavailable.
  Result<std::size_t> CountEndingCertificates(std::int64_t within_millis) const;

  // Check tells whether the store can be read and written, as far as known, and the root
  // key opens. For readiness.
  Result<void> Check() const;

 private:
  class Impl;
  explicit Kms(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kms

#endif  // KMS_KMS_H_
