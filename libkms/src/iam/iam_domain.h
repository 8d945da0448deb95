// IamDomain: what the services of an account's administration share: who may do it, and
// committing changes so that every decision made before is made anew.
//
// Threads: may be used from many threads at once.

#ifndef KMS_IAM_IAM_DOMAIN_H_
#define KMS_IAM_IAM_DOMAIN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "identity/records.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "kms/iam_service.h"
#include "policy/user_policies.h"

namespace kms {

class IamDomain {
 public:
  explicit IamDomain(std::shared_ptr<Domain> domain);

  Domain& domain() { return *domain_; }
  const Parts& parts() const { return domain_->parts(); }
  const IamLimits& limits() const { return parts().limits.iam; }
  const PolicyTables& tables() const { return tables_; }

  // Authorise: whether the principal may do `action` in its account. Fails: kDenied.
  Result<void> Authorise(const Reader& reader, const RequestContext& context,
                         std::string_view action) const;

  // Read authorises and returns a snapshot. Fails: kDenied; kUnavailable.
  Result<std::unique_ptr<Snapshot>> Read(const RequestContext& context,
                                         std::string_view action) const;

  // Change authorises, and commits what `body` writes, unless nobody would be left to
  // administer the account. `position` grows from change to change of an account, which
  // are made one after the other.
  // Fails: kDenied; as `body`; kLastAdministrator; kUnavailable.
  using Body =
      std::function<Result<void>(Transaction&, std::uint64_t position, std::string&)>;
  Result<std::string> Change(const RequestContext& context, std::string_view action,
                             const Body& body);

 private:
  Result<bool> IsAdministrated(const Reader& reader, std::string_view account) const;

  const std::shared_ptr<Domain> domain_;
  const ActionTable no_actions_;
  const PolicyTables tables_;
};

// CheckNamed: whether name and description are such as kms/iam.h tells.
// Fails: kBadParameter about `parameter`; kTooLong.
Result<void> CheckNamed(const NewNamed& wanted, std::string_view parameter);
Result<void> CheckDescriptionSize(std::string_view description);

// TakeName notes that the name is that of the record, which is of `kind`.
// Fails: kNameTaken about `parameter`.
Result<void> TakeName(Transaction& transaction, const NamedRecord& record,
                      std::string_view kind, std::string_view parameter);

// CheckRoom: whether there may be one more record under `prefix`. Fails: kQuotaUsedUp.
Result<void> CheckRoom(const Reader& reader, const std::string& prefix,
                       std::size_t limit);

Result<AccountRecord> ReadAccount(const Reader& reader, std::string_view account);

// FindUser returns a user that is not the root user.
// Fails: kUserNotFound, kBuiltIn.
Result<UserRecord> FindUser(const Reader& reader, std::string_view account,
                            std::string_view user);

Result<UserDescription> DescribeUser(const Reader& reader, const UserRecord& user);

template <typename Record>
void FillNamed(Record& record, const RequestContext& context, const NewNamed& wanted,
               std::string id, UnixMillis now) {
  record.id = std::move(id);
  record.account = context.principal.account;
  record.name = wanted.name;
  record.description = wanted.description;
  record.created = now;
}

// AllOf parses the records under `prefix`, oldest first. Fails: kUnavailable, kCorrupt.
template <typename Kept>
Result<std::vector<Kept>> AllOf(const Reader& reader, const std::string& prefix) {
  KMS_TRY(const auto stored, reader.Scan(prefix, {}, kAllRecords));
  std::vector<Kept> records;
  for (const Record& record : stored) {
    KMS_TRY(Kept parsed, ReadRecord<Kept>(record.value));
    records.push_back(std::move(parsed));
  }
  std::ranges::sort(records, {}, &Kept::position);
  return records;
}

// PageFrom cuts a page out of all items.
template <typename Item>
Page<Item> PageFrom(std::vector<Item> all, const PageRequest& page) {
  Page<Item> cut;
  cut.total = all.size();
  for (std::size_t i = FirstOf(page); i < all.size() && cut.items.size() < page.size; ++i)
    cut.items.push_back(std::move(all[i]));
  return cut;
}

}  // namespace kms

#endif  // KMS_IAM_IAM_DOMAIN_H_
