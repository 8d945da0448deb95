// Certificates vouch for each other just where each is that of the issuer of the one
// before, unchanged and in its time; what is changed passes at the end of a chain alone,
// where it is trusted.

#include "x509/certificate_chain.h"

#include <vector>

#include "world.h"
#include "x509/outside_ca.h"

namespace kms::fuzz::targets {
namespace {

using x509::Certificate;
using x509::testing::Hierarchy;
using x509::testing::kDay;
using x509::testing::kNow;

// The names in both are the same.
struct Outside {
  const Hierarchy ec{"P-256"}, sm2{"SM2"};
  const std::vector<const Certificate*> all = {&ec.leaf,  &ec.middle,  &ec.root,
                                               &sm2.leaf, &sm2.middle, &sm2.root};
};
constexpr std::size_t kLevels = 3;  // of each hierarchy

// Which certificate it is, and whether it still is as it was.
struct Link {
  std::size_t which;
  bool whole;
  Certificate certificate;
};

Link Take(const Outside& outside, Input& input) {
  Link link{input.Below(outside.all.size()), true, {}};
  link.certificate = *outside.all[link.which];
  const std::size_t edits = input.Below(3);
  if (edits == 0) return link;
  Bytes der = link.certificate.der;
  for (std::size_t i = 0; i < edits; ++i) Edit(input, der);
  // One that is not read is in no chain.
  auto read = x509::ReadCertificateDer(der);
  if (!read) return link;
  link.whole = der == link.certificate.der;
  link.certificate = *std::move(read);
  return link;
}

bool IsIssuerOf(const Link& above, const Link& below) {
  return above.which == below.which + 1 && above.which % kLevels != 0;
}

}  // namespace

// The day, how long the chain is, whether its leaf may be ahead of its time; and of each
// certificate which it is, and how many edits it has.
void certificate_chain(ByteView bytes) {
  static const Outside outside;
  Input input(bytes);
  const UnixMillis now = kNow + (input.Byte() - 128) * kDay;
  const std::size_t above = input.Below(x509::kMaxChain);
  const bool may_be_ahead = input.Flag();
  std::vector<Link> links;
  std::vector<Certificate> chain;
  links.push_back(Take(outside, input));
  while (links.size() <= above && !input.empty()) {
    links.push_back(Take(outside, input));
    chain.push_back(links.back().certificate);
  }

  bool holds = true;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const bool ahead = i == 0 && may_be_ahead && now < links[i].certificate.not_before;
    const bool in_time =
        links[i].certificate.not_before <= now && now < links[i].certificate.not_after;
    if (!in_time && !ahead) holds = false;
    if (i + 1 < links.size() && (!links[i].whole || !IsIssuerOf(links[i + 1], links[i])))
      holds = false;
  }
  const auto checked =
      x509::CheckChain(links.front().certificate, chain, now,
                       may_be_ahead ? x509::LeafTime::kMayBeAhead : x509::LeafTime::kNow);
  if (links.back().whole || !holds)
    Require(checked.has_value() == holds, "a chain holds where it should");
  else if (!checked)
    Require(checked.error().reason() == Reason::kCertificateMismatch, "and else says so");
}

}  // namespace kms::fuzz::targets
