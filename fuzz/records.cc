// What is read as a record is written as text that is read as the same record, for every
// type of record; and a due-date is written as it was read.

#include "keys/records.h"

#include <string>
#include <string_view>

#include "access/access_point_record.h"
#include "certificates/certificate_record.h"
#include "identity/access_key_record.h"
#include "identity/records.h"
#include "tags/tag_record.h"
#include "target.h"

namespace kms::fuzz::targets {
namespace {

template <typename Read, typename Write>
void Check(std::string_view text, Read read, Write write) {
  const auto record = read(text);
  if (!record) return;
  const std::string written = write(*record);
  const auto again = read(written);
  Require(again.has_value(), "a record that was written is read");
  Require(write(*again) == written, "and is the same");
}

template <typename Record>
void CheckKeyRecord(std::string_view text) {
  Check(text, FromJson<Record>, ToJson<Record>);
}

template <typename Record>
void CheckIdentityRecord(std::string_view text) {
  Check(text, ReadRecord<Record>, WriteRecord<Record>);
}

template <typename Record>
void CheckCertificateRecord(std::string_view text) {
  Check(text, ReadCertificateAs<Record>, WriteCertificate<Record>);
}

void CheckDue(std::string_view store_key) {
  const auto due = place::ParseDue(store_key);
  if (!due) return;
  const auto again = place::ParseDue(place::DueDate(*due));
  Require(again.has_value() && *again == *due, "a due-date is read again");
}

using CheckText = void (*)(std::string_view);
constexpr CheckText kChecks[] = {
    CheckKeyRecord<KeyRecord>,
    CheckKeyRecord<VersionRecord>,
    CheckKeyRecord<AliasRecord>,
    CheckKeyRecord<TokenRecord>,
    CheckKeyRecord<DiscardRecord>,
    CheckKeyRecord<RequestRecord>,
    CheckKeyRecord<CounterRecord>,
    CheckKeyRecord<PointerRecord>,
    CheckKeyRecord<HeaderRecord>,
    CheckIdentityRecord<AccountRecord>,
    CheckIdentityRecord<UserRecord>,
    CheckIdentityRecord<PolicyRecord>,
    CheckIdentityRecord<GrantRecord>,
    [](std::string_view text) { Check(text, ReadAccessKey, WriteAccessKey); },
    [](std::string_view text) { Check(text, ReadTag, WriteTag); },
    [](std::string_view text) { Check(text, ReadAccessPoint, WriteAccessPoint); },
    CheckCertificateRecord<CertificateRecord>,
    CheckCertificateRecord<CertificateTextsRecord>,
    CheckDue};

}  // namespace

// The type of the record as a letter from 'a' on, and its text.
void records(ByteView bytes) {
  Input input(bytes);
  const auto type = static_cast<std::size_t>(input.Byte() - 'a');
  if (type < std::size(kChecks)) kChecks[type](AsText(input.Rest()));
}

}  // namespace kms::fuzz::targets
