// The records of accounts, users, groups, policies and projects, and under which store
// keys they lie. The only copy of these facts in the code; docs/record_format.md tells
// them to a second implementation.

#ifndef KMS_IDENTITY_RECORDS_H_
#define KMS_IDENTITY_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/index_entry.h"
#include "core/json_record.h"
#include "kms/clock.h"
#include "kms/encoding.h"
#include "kms/key_store.h"
#include "kms/result.h"

namespace kms {

struct AccountRecord {
  std::string id;
  std::string root_user;
  std::optional<std::string> name;
  std::optional<UnixMillis> created;
};

// What every object of an account's administration has.
struct NamedRecord {
  std::string id;
  std::string account;
  std::string name;
  std::string description;
  UnixMillis created = 0;
  std::uint64_t position = 0;  // among all that was ever made in the account
};

struct UserRecord : NamedRecord {
  bool enabled = true;
};

struct GroupRecord : NamedRecord {};

struct PolicyRecord : NamedRecord {
  UnixMillis updated = 0;
  std::string document;
};

struct ProjectRecord : NamedRecord {
  UnixMillis updated = 0;
};

// A policy that the members of a group hold.
struct GrantRecord {
  std::string group;
  std::string policy;
  std::string project;  // empty: in the whole account
  std::uint64_t position = 0;
};

// Rewritten by every change of what is above: its revision tells whether decisions that
// were made of it still hold.
struct IamRecord {
  std::uint64_t changes = 0;
};

// An index entry.
struct LinkRecord {
  std::string id;
};

template <typename Archive>
void Members(Archive& archive, AccountRecord& r) {
  archive("id", r.id);
  archive("rootUser", r.root_user);
  archive("name", r.name);
  archive("created", r.created);
}

template <typename Archive>
void Members(Archive& archive, NamedRecord& r) {
  archive("id", r.id);
  archive("account", r.account);
  archive("name", r.name);
  archive("description", r.description);
  archive("created", r.created);
  archive("position", r.position);
}

template <typename Archive>
void Members(Archive& archive, UserRecord& r) {
  Members(archive, static_cast<NamedRecord&>(r));
  archive("enabled", r.enabled);
}

template <typename Archive>
void Members(Archive& archive, GroupRecord& r) {
  Members(archive, static_cast<NamedRecord&>(r));
}

template <typename Archive>
void Members(Archive& archive, PolicyRecord& r) {
  Members(archive, static_cast<NamedRecord&>(r));
  archive("updated", r.updated);
  archive("document", r.document);
}

template <typename Archive>
void Members(Archive& archive, ProjectRecord& r) {
  Members(archive, static_cast<NamedRecord&>(r));
  archive("updated", r.updated);
}

template <typename Archive>
void Members(Archive& archive, GrantRecord& r) {
  archive("group", r.group);
  archive("policy", r.policy);
  archive("project", r.project);
  archive("position", r.position);
}

template <typename Archive>
void Members(Archive& archive, IamRecord& r) {
  archive("changes", r.changes);
}

template <typename Archive>
void Members(Archive& archive, LinkRecord& r) {
  archive("id", r.id);
}

// ReadAs parses the record under `store_key`. Fails: `absent`; kCorrupt.
template <typename Record>
Result<Record> ReadAs(const Reader& reader, std::string_view store_key, Reason absent) {
  KMS_TRY(const auto found, reader.Get(store_key));
  if (!found) return absent;
  return ReadRecord<Record>(found->value);
}

// Store keys. One with fewer parts is the prefix of those with more.
namespace place {

using Text = std::string_view;

inline std::string Accounts() { return JoinKey({"account"}); }
inline std::string Account(Text account) { return JoinKey({"account", account}); }
inline std::string AccessKeysOfUser(Text account, Text user) {
  return JoinKey({"access-keys-of-user", account, user});
}
inline std::string AccessKeyOfUser(Text account, Text user, Text access_key) {
  return JoinKey({"access-keys-of-user", account, user, access_key});
}
inline std::string Iam(Text account) { return JoinKey({"iam", account}); }
inline std::string IamName(Text account, Text kind, Text name) {
  return JoinKey({"iam-name", account, kind, name});
}
inline std::string Users(Text account) { return JoinKey({"user", account}); }
inline std::string User(Text account, Text user) {
  return JoinKey({"user", account, user});
}
inline std::string Groups(Text account) { return JoinKey({"group", account}); }
inline std::string Group(Text account, Text group) {
  return JoinKey({"group", account, group});
}
inline std::string MembersOf(Text account, Text group) {
  return JoinKey({"members-of-group", account, group});
}
inline std::string MemberOf(Text account, Text group, Text user) {
  return JoinKey({"members-of-group", account, group, user});
}
inline std::string GroupsOf(Text account, Text user) {
  return JoinKey({"groups-of-user", account, user});
}
inline std::string GroupOf(Text account, Text user, Text group) {
  return JoinKey({"groups-of-user", account, user, group});
}
inline std::string Policies(Text account) { return JoinKey({"policy", account}); }
inline std::string PolicyOf(Text account, Text policy) {
  return JoinKey({"policy", account, policy});
}
inline std::string Grants(Text account) { return JoinKey({"grant", account}); }
inline std::string GrantsOf(Text account, Text group) {
  return JoinKey({"grant", account, group});
}
inline std::string Grant(Text account, Text group, Text policy, Text project) {
  return JoinKey({"grant", account, group, policy, project});
}
inline std::string Projects(Text account) { return JoinKey({"project", account}); }
inline std::string Project(Text account, Text project) {
  return JoinKey({"project", account, project});
}
inline std::string KeysOfProject(Text account, Text project) {
  return JoinKey({"keys-of-project", account, project});
}
inline std::string KeyOfProject(Text account, Text project, Text region, Text key) {
  return JoinKey({"keys-of-project", account, project, region, key});
}

}  // namespace place

// The index entries that follow from a user, a group, a policy or a project, and from a
// user being in a group. `kind` is the kind of the record.
inline Index IndexOfNamed(const NamedRecord& record, std::string_view kind) {
  return {{place::IamName(record.account, kind, record.name),
           WriteRecord(LinkRecord{record.id})}};
}
inline Index IndexOfMembership(std::string_view account, std::string_view group,
                               std::string_view user) {
  return {
      {place::MemberOf(account, group, user), WriteRecord(LinkRecord{std::string(user)})},
      {place::GroupOf(account, user, group),
       WriteRecord(LinkRecord{std::string(group)})}};
}

// The project that everything is in which was put into no other. It is always there.
inline constexpr std::string_view kDefaultProject = "default";

}  // namespace kms

#endif  // KMS_IDENTITY_RECORDS_H_
