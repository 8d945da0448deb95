#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "kmsctl/commands.h"

namespace kms::server {
namespace {

using boost::json::array;
using boost::json::object;

constexpr int kPageSize = 100;
constexpr std::int64_t kMillisOfDay = 24LL * 60 * 60 * 1000;

struct CertificateOptions {
  std::string id;
  std::string expiring;
  int page = 1;
  int page_size = kPageSize;
};

using Options = std::shared_ptr<CertificateOptions>;

std::int64_t NumberOf(const object& from, std::string_view name) {
  const auto* const found = from.if_contains(name);
  const auto* const number = found == nullptr ? nullptr : found->if_int64();
  return number == nullptr ? 0 : *number;
}

Result<object> ListPage(Session& session, int page, int size) {
  JsonObject body;
  body.Text("pageNumber", std::to_string(page)).Text("pageSize", std::to_string(size));
  return session.Call("listCertificate", std::move(body));
}

// "30d", as CLI11 has checked it.
std::int64_t DaysOf(const std::string& text) { return std::stoll(text); }

std::string CheckDays(const std::string& text) {
  const bool good = text.size() >= 2 && text.size() <= 5 && text.back() == 'd' &&
                    text.find_first_not_of("0123456789") == text.size() - 1;
  return good ? std::string() : "not a number of days, such as 30d";
}

// The certificates in use whose time ends within so many days, or has ended. The list of
// the server does not have their times, so that each is asked for.
Result<object> ListExpiring(Session& session, std::int64_t days) {
  constexpr std::int64_t kActive = 2, kInactive = 3;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  object result;
  array& expiring = result["content"].emplace_array();
  for (int page = 1;; ++page) {
    KMS_TRY(const object listed, ListPage(session, page, kPageSize));
    const auto* const content = listed.if_contains("content");
    const array* const items = content == nullptr ? nullptr : content->if_array();
    if (items == nullptr || items->empty()) return result;
    for (const auto& item : *items) {
      const object* const certificate = item.if_object();
      if (certificate == nullptr) continue;
      const std::int64_t status = NumberOf(*certificate, "status");
      if (status != kActive && status != kInactive) continue;
      JsonObject body;
      body.Text("certificateId", TextOf(*certificate, "certificateId"));
      auto described = session.Call("describeCertificate", std::move(body));
      if (!described) return std::move(described).error();
      const std::int64_t left = NumberOf(*described, "notAfter") - now;
      if (left > days * kMillisOfDay) continue;
      object row = *certificate;
      row["notAfter"] = NumberOf(*described, "notAfter");
      row["daysLeft"] = left < 0 ? -1 : left / kMillisOfDay;
      expiring.push_back(std::move(row));
    }
    if (static_cast<int>(items->size()) < kPageSize) return result;
  }
}

void AddList(CLI::App& group, Order& order, const Options& options) {
  auto* list = group.add_subcommand("list", "List certificates");
  list->add_option("--expiring", options->expiring,
                   "Only those in use that end within so many days, such as 30d, or have "
                   "ended; of all pages")
      ->check(CheckDays);
  list->add_option("--page", options->page, "Page, from 1")->capture_default_str();
  list->add_option("--page-size", options->page_size, "Items of a page")
      ->capture_default_str();
  list->callback([&order, options] {
    order.task = [&order, options](Session& session) -> Result<void> {
      KMS_TRY(const object result,
              options->expiring.empty()
                  ? ListPage(session, options->page, options->page_size)
                  : ListExpiring(session, DaysOf(options->expiring)));
      return WriteOutput(AsBytes(View(FormatResult(result, order.format))));
    };
  });
}

}  // namespace

void AddCertificateCommands(CLI::App& app, Order& order) {
  auto options = std::make_shared<CertificateOptions>();
  auto* group = app.add_subcommand("certificate", "Show certificates");
  group->require_subcommand(1);
  AddList(*group, order, options);
  auto* describe = group->add_subcommand("describe", "Show a certificate");
  describe->add_option("certificate", options->id, "Its id")->required();
  describe->callback([&order, options] {
    order.task = [&order, options](Session& session) {
      JsonObject body;
      body.Text("certificateId", options->id);
      return Show(session, order.format, "describeCertificate", std::move(body));
    };
  });
}

}  // namespace kms::server
