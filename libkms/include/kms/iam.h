// What the administration of an account deals with, seen from outside: the values that
// the services of kms/iam_service.h take and return (manual 4.8).

#ifndef KMS_IAM_H_
#define KMS_IAM_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kms/clock.h"

namespace kms {

// Names are 1 to 64 letters, digits and "-_.@", unique among the account's things of one
// kind; descriptions have up to 1024 bytes.
struct NewNamed {
  std::string_view name;
  std::string_view description;
};

struct UserDescription {
  std::string id;
  std::string name;
  std::string description;
  UnixMillis created = 0;
  bool enabled = true;
  bool root = false;
  std::vector<std::string> groups;  // ids
};

struct AccessKeyDescription {
  std::string id;
  std::string user;
  UnixMillis created = 0;
  bool enabled = true;
};

struct GroupDescription {
  std::string id;
  std::string name;
  std::string description;
  UnixMillis created = 0;
};

struct PolicyDescription {
  std::string id;
  std::string name;
  std::string description;
  UnixMillis created = 0;
  UnixMillis updated = 0;
  bool system = false;
  std::string document;  // JSON (kms/policy_document.h)
};

// A policy that the members of a group hold.
struct Grant {
  std::string group;
  std::string policy;
  std::string project;  // empty: in the whole account
};

struct ProjectDescription {
  std::string id;
  std::string name;
  std::string description;
  UnixMillis created = 0;
  UnixMillis updated = 0;
};

// A request that nobody makes, to find out how it would be decided.
struct Simulation {
  std::string_view user;
  std::string_view action;
  std::string_view key;      // id or alias; empty: no key in particular
  std::string_view project;  // of what has no key yet
  std::string_view source;
  std::optional<UnixMillis> now;  // absent: the time it is
  bool tls = true;
};

struct SimulationResult {
  bool allowed = false;
  bool denied = false;        // by a statement, rather than by none that allows
  std::string policy;         // that decided; empty: none, or the user is root
  std::string project;        // that it is granted in
  std::size_t statement = 0;  // of it, counted from 1
  std::string sid;
};

}  // namespace kms

#endif  // KMS_IAM_H_
