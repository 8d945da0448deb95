#include "kms/kms.h"

#include <mutex>
#include <utility>

#include "keys/domain.h"
#include "keys/due_work.h"
#include "keys/outbox.h"
#include "kms/encoding.h"

namespace kms {
namespace {

constexpr int kFormat = 1;
constexpr Place kRootCheckPlace = {{}, {}, {}, "root-check"};
constexpr std::string_view kRootCheck = "libkms";

// The header of an empty store is written; a store of another root key, or of a newer
// release, is refused.
Result<void> OpenHeader(const Parts& parts) {
  KMS_TRY(const Bytes check, parts.root.Seal(kRootCheckPlace, AsBytes(kRootCheck)));
  HeaderRecord header;
  KMS_CHECK_OK(parts.store.Update([&](Transaction& transaction) -> Result<void> {
    header = {};
    KMS_TRY(const auto found, transaction.Get(place::Header()));
    if (found) {
      KMS_TRY(header, FromJson<HeaderRecord>(found->value));
      if (header.oldest_reader > kFormat)
        return Error(ErrorClass::kUnsupported, Reason::kInternal,
                     "the store was written by a newer release");
    } else {
      header.root_check = check;
    }
    ++header.epoch;
    transaction.Put(place::Header(), ToJson(header));
    return {};
  }));
  const auto opened = parts.root.Open(kRootCheckPlace, header.root_check);
  if (!opened)
    return Error(ErrorClass::kCorrupt, Reason::kInternal,
                 "the store belongs to another root key");
  return {};
}

}  // namespace

class Kms::Impl {
 public:
  explicit Impl(const Parts& parts)
      : domain(std::make_shared<Domain>(parts)),
        keys(domain),
        aliases(domain),
        versions(domain),
        imports(domain),
        compute(domain),
        asymmetric(domain),
        due_worker(domain) {}

  std::shared_ptr<Domain> domain;
  KeyService keys;
  AliasService aliases;
  VersionService versions;
  ImportService imports;
  ComputeService compute;
  AsymmetricService asymmetric;
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
AsymmetricService& Kms::asymmetric() { return impl_->asymmetric; }

Result<DueWork> Kms::RunDueWork() { return impl_->due_worker.Run(); }

Result<std::size_t> Kms::DrainAudit(AuditSink& sink) {
  const std::lock_guard lock(impl_->draining);
  return DrainOutbox(impl_->domain->parts().store, sink);
}

Result<void> Kms::Check() const {
  const Parts& parts = impl_->domain->parts();
  KMS_TRY(const auto snapshot, parts.store.Read());
  KMS_TRY(const HeaderRecord header,
          GetRecord<HeaderRecord>(*snapshot, place::Header(), Reason::kStoreUnavailable));
  KMS_CHECK_OK(parts.root.Open(kRootCheckPlace, header.root_check));
  return {};
}

}  // namespace kms
