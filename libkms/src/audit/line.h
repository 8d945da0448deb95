// One line of the audit trail: how it is written, hashed and read.
//
//   {"seq":7,<members>,"hash":"<64 hexadecimal digits>"}
//
// The hash is SM3 over the 32 bytes of the hash before and the line without its hash
// member.

#ifndef KMS_AUDIT_LINE_H_
#define KMS_AUDIT_LINE_H_

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/hasher.h"
#include "kms/audit_log.h"
#include "kms/digest.h"

namespace kms::audit {

inline constexpr int kTrailFormat = 1;

// Members writes the members of a line, without seq and hash.
class Members {
 public:
  // Appends to `out`, which outlives this.
  explicit Members(std::string& out) : out_(out) {}
  Members& Text(std::string_view name, std::string_view text);
  Members& Number(std::string_view name, std::int64_t number);
  Members& True(std::string_view name);

 private:
  void Name(std::string_view name, std::string_view end);
  std::string& out_;
  bool first_ = true;
};

void WriteCall(const AuditCall& call, std::string& out);
void WriteEvent(const AuditEvent& event, std::string& out);

// Where a chain is.
struct Link {
  std::uint64_t seq = 0;
  Digest32 hash{};
};

// Sealer turns members into lines, one after the other.
class Sealer {
 public:
  explicit Sealer(const Link& last) : last_(last), hasher_(DigestAlgorithm::kSm3) {}
  void Seal(std::string_view members, std::string& out);
  const Link& last() const { return last_; }

 private:
  Link last_;
  Hasher hasher_;
};

// A line that is formed like one; whether its hash is right is another question.
struct ParsedLine {
  std::uint64_t seq = 0;
  Digest32 hash{};
  boost::json::object members;

  std::string_view Text(std::string_view name) const;     // empty: absent, or no text
  std::int64_t Number(std::string_view name) const;       // 0 likewise
  std::string_view kind() const { return Text("kind"); }  // empty: a call
};

// `line` has no line end.
std::optional<ParsedLine> ParseLine(std::string_view line);
Digest32 HashLine(const Digest32& before, std::string_view line);

std::optional<Digest32> DigestFromHex(std::string_view text);

AuditEvent EventOf(const ParsedLine& line);

}  // namespace kms::audit

#endif  // KMS_AUDIT_LINE_H_
