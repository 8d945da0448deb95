#include <boost/json/object.hpp>
#include <memory>

#include "kms/audit_log.h"
#include "kms/encoding.h"
#include "kmsctl/commands.h"
#include "kmsctl/failure.h"
#include "kmsctl/input_file.h"
#include "kmsctl/offline_store.h"
#include "kmsd/layout.h"

namespace kms::server {
namespace {

struct VerifyOptions {
  std::string data;
  SoftwareRootKeyFolders folders;
  std::string audit;
  std::string public_key;
  std::optional<std::uint64_t> seq;
  std::string hash;
};

// With the store and the root key: everything can be checked.
Result<AuditEvidence> EvidenceOf(const VerifyOptions& options) {
  KMS_TRY(const OfflineStore opened, OpenOfflineStore(options.data, options.folders));
  return ReadAuditEvidence(*opened.store, *opened.root);
}

// The bytes between the lines of a PEM file.
Result<Bytes> ReadPublicKey(const std::string& path) {
  KMS_TRY(const auto text, ReadInput(path));
  std::string base64;
  bool inside = false;
  for (std::string_view rest(text.data(), text.size()); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (line.starts_with("-----"))
      inside = line.starts_with("-----BEGIN PUBLIC KEY");
    else if (inside)
      base64 += line;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto key = FromBase64(base64);
  if (!key || key->empty()) return UsageError(path + ": no public key in PEM");
  return *key;
}

Result<void> Print(const AuditReport& report, const AuditEvidence& evidence,
                   Format format) {
  boost::json::object result;
  result["sound"] = !report.fault;
  if (report.fault) {
    result["badFile"] = report.fault->file;
    result["badLine"] = report.fault->line;
    result["reason"] = report.fault->reason;
  }
  result["files"] = report.segments;
  result["firstSeq"] = report.first_seq;
  result["lastSeq"] = report.last_seq;
  result["lastHash"] = report.last_hash;
  result["checkpointSeq"] = report.checkpoint_seq;
  result["checkpointMillis"] = report.checkpoint_time;
  result["macsChecked"] = report.macs_checked;
  result["macSeq"] = report.sealed_seq;
  result["unfinishedLines"] = report.unsealed;
  result["unfinishedBytes"] = report.unfinished_bytes;
  result["publicKeyIsTheTrailsOwn"] = evidence.public_key.empty();
  const WipedString text = FormatResult(result, format);
  return WriteOutput(AsBytes({text.data(), text.size()}));
}

Result<void> Verify(const VerifyOptions& options, Format format) {
  if (options.data.empty() && options.audit.empty())
    return UsageError("give --data DIR, or --audit FOLDER");
  if (options.seq.has_value() == options.hash.empty())
    return UsageError("--expect-seq and --expect-hash go together");
  AuditEvidence evidence;
  if (!options.data.empty()) {
    KMS_TRY(evidence, EvidenceOf(options));
  }
  if (!options.public_key.empty()) {
    KMS_TRY(evidence.public_key, ReadPublicKey(options.public_key));
  }
  const std::string folder =
      options.audit.empty() ? DataLayout(options.data).audit() : options.audit;
  KMS_TRY(AuditReport report, VerifyAuditLog(folder, evidence));
  if (options.seq && !report.fault) {  // beside what the store knows
    evidence.seq = options.seq;
    evidence.hash = options.hash;
    KMS_TRY(report, VerifyAuditLog(folder, evidence));
  }
  KMS_CHECK_OK(Print(report, evidence, format));
  if (!report.fault) return {};
  const std::string line =
      report.fault->line == 0 ? std::string() : ":" + std::to_string(report.fault->line);
  return RefusedError(report.fault->file + line + ": " + report.fault->reason);
}

}  // namespace

void AddAuditCommand(CLI::App& app, Order& order) {
  auto options = std::make_shared<VerifyOptions>();
  auto* group = app.add_subcommand("audit", "The audit trail of a server");
  group->require_subcommand(1);
  auto* verify = group->add_subcommand(
      "verify", "Prove that no line was changed, or name the first that was");
  verify->add_option("--data", options->data,
                     "Data directory of kmsd: also checks what only the root key proves");
  AddRootFolderOptions(*verify, options->folders);
  verify->add_option("--audit", options->audit,
                     "The folder of the trail, if not in a data directory");
  verify->add_option("--public-key", options->public_key,
                     "PEM file to check signatures with; default: the trail's own");
  verify->add_option("--expect-seq", options->seq,
                     "Number of a line that was noted, such as an earlier lastSeq");
  verify->add_option("--expect-hash", options->hash, "Its hash");
  verify->callback([&order, options] {
    order.offline_task = [&order, options] { return Verify(*options, order.format); };
  });
}

}  // namespace kms::server
