#include "kms/kms.h"

#include <mutex>
#include <utility>

#include "audit/outbox.h"
#include "certificates/certificate_domain.h"
#include "iam/iam_domain.h"
#include "keys/domain.h"
#include "keys/due_work.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr Place kRootCheckPlace = {{}, {}, {}, "root-check"};
constexpr std::string_view kRootCheck = "libkms";

Result<void> OpenRootCheck(const HeaderRecord& header, const RootKey& root) {
  if (root.Open(kRootCheckPlace, header.root_check)) return {};
  return Error(ErrorClass::kCorrupt, Reason::kInternal,
               "the store belongs to another root key");
}

// The header of an empty store is written; a store of another root key, or of a newer
// release, is refused before anything is changed.
Result<void> OpenHeader(const Parts& parts) {
  const auto belongs = CheckRootKey(parts.store, parts.root);
  if (!belongs && belongs.error().error_class() != ErrorClass::kNotFound)
    return belongs.error();
  KMS_TRY(const Bytes check, parts.root.Seal(kRootCheckPlace, AsBytes(kRootCheck)));
  KMS_CHECK_OK(parts.store.Update([&](Transaction& transaction) -> Result<void> {
    HeaderRecord header;
    header.root_check = check;
    KMS_TRY(const auto found, transaction.Get(place::Header()));
    if (found) {
      KMS_TRY(header, FromJson<HeaderRecord>(found->value));
    }
    ++header.epoch;
    transaction.Put(place::Header(), ToJson(header));
    return {};
  }));
  return {};
}

}  // namespace

Result<void> CheckRootKey(const KeyStore& store, const RootKey& root) {
  KMS_TRY(const auto snapshot, store.Read());
  KMS_TRY(const auto found, snapshot->Get(place::Header()));
  if (!found)
    return Error(ErrorClass::kNotFound, Reason::kStoreUnavailable,
                 "the store was never opened for service");
  KMS_TRY(const HeaderRecord header, FromJson<HeaderRecord>(found->value));
  if (header.oldest_reader > kStoreFormat)
    return Error(ErrorClass::kUnsupported, Reason::kInternal,
                 "the store was written by a newer release");
  return OpenRootCheck(header, root);
}

class Kms::Impl {
 public:
  explicit Impl(const Parts& parts)
      : domain(std::make_shared<Domain>(parts)),
        keys(domain),
        aliases(domain),
        versions(domain),
        imports(domain),
        compute(domain),
        default_keys(domain),
        asymmetric(domain),
        iam(std::make_shared<IamDomain>(domain)),
        access_points(domain),
        tags(domain),
        certificate_domain(std::make_shared<CertificateDomain>(domain)),
        certificates(certificate_domain),
        certificate_compute(certificate_domain),
        usb_key_certificates(certificate_domain),
        due_worker(domain) {}

  std::shared_ptr<Domain> domain;
  KeyService keys;
  AliasService aliases;
  VersionService versions;
  ImportService imports;
  ComputeService compute;
  DefaultKeyService default_keys;
  AsymmetricService asymmetric;
  IamService iam;
  AccessPointService access_points;
  TagService tags;
  std::shared_ptr<CertificateDomain> certificate_domain;
  CertificateService certificates;
  CertificateComputeService certificate_compute;
  UsbKeyCertificateService usb_key_certificates;
  DueWorker due_worker;
  std::mutex draining;
};

Kms::Kms(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Kms::~Kms() = default;

Result<std::unique_ptr<Kms>> Kms::Open(const Parts& parts) {
  KMS_CHECK_OK(OpenHeader(parts));
  return std::unique_ptr<Kms>(new Kms(std::make_unique<Impl>(parts)));
}

KeyService& Kms::keys() { return impl_->keys; }
AliasService& Kms::aliases() { return impl_->aliases; }
VersionService& Kms::versions() { return impl_->versions; }
ImportService& Kms::imports() { return impl_->imports; }
ComputeService& Kms::compute() { return impl_->compute; }
DefaultKeyService& Kms::default_keys() { return impl_->default_keys; }
AsymmetricService& Kms::asymmetric() { return impl_->asymmetric; }
IamService& Kms::iam() { return impl_->iam; }
AccessPointService& Kms::access_points() { return impl_->access_points; }
TagService& Kms::tags() { return impl_->tags; }
CertificateService& Kms::certificates() { return impl_->certificates; }
CertificateComputeService& Kms::certificate_compute() {
  return impl_->certificate_compute;
}
UsbKeyCertificateService& Kms::usb_key_certificates() {
  return impl_->usb_key_certificates;
}

Result<DueWork> Kms::RunDueWork(const std::stop_token& stop) {
  return impl_->due_worker.Run(stop);
}

Result<std::size_t> Kms::DrainAudit(AuditSink& sink) {
  const std::lock_guard lock(impl_->draining);
  return DrainOutbox(impl_->domain->parts().store, sink);
}

Result<void> Kms::ForEachKeptRequest(const VisitRequest& visit) const {
  constexpr std::size_t kBatch = 1024;
  KMS_TRY(const auto snapshot, impl_->domain->parts().store.Read());
  std::string from;
  for (;;) {
    KMS_TRY(const auto batch, snapshot->Scan(place::Dues(), from, kBatch));
    for (const Record& record : batch) {
      const auto due = place::ParseDue(record.key);
      if (due && due->kind == DueKind::kRequest)
        visit(due->owner, due->object, due->time);
    }
    if (batch.size() < kBatch) return {};
    from = batch.back().key + '\0';
  }
}

Result<std::size_t> Kms::CountEndingCertificates(std::int64_t within_millis) const {
  constexpr std::size_t kBatch = 1024;
  const UnixMillis now = impl_->domain->Now();
  const std::string end = place::CertificateEnds(now + within_millis + 1);
  KMS_TRY(const auto snapshot, impl_->domain->parts().store.Read());
  std::string from = place::CertificateEnds(now);
  std::size_t count = 0;
  for (;;) {
    KMS_TRY(const auto batch, snapshot->Scan(place::CertificateEnds(), from, kBatch));
    for (const Record& record : batch) {
      if (record.key >= end) return count;
      ++count;
    }
    if (batch.size() < kBatch) return count;
    from = batch.back().key + '\0';
  }
}

Result<void> Kms::Check() const {
  const Parts& parts = impl_->domain->parts();
  KMS_CHECK_OK(parts.store.Check());
  return CheckRootKey(parts.store, parts.root);
}

}  // namespace kms
