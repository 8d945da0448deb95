// FaultRules: the file of rules that the fault module reads (fault_module/rules.h).

#ifndef KMS_TESTS_PKCS11_FAULT_RULES_H_
#define KMS_TESTS_PKCS11_FAULT_RULES_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "pkcs11/fault_module/rules.h"

namespace kms::testing {

// Owns the file, and names it in the environment. Make it before the module is
// initialised and before threads start; the module forgets it at the next C_Initialize
// after its end. Set and Clear may be called at any time, by one thread.
class FaultRules {
 public:
  FaultRules() {
    std::string name =
        (std::filesystem::temp_directory_path() / "kms-fault-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      ADD_FAILURE() << "no folder for the rules";
      return;
    }
    folder_ = name;
    ::setenv("KMS_FAULT_FILE", path().c_str(), 1);
  }
  ~FaultRules() {
    ::unsetenv("KMS_FAULT_FILE");
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  FaultRules(const FaultRules&) = delete;
  FaultRules& operator=(const FaultRules&) = delete;

  std::filesystem::path path() const { return folder_ / "rules"; }

  // Set replaces all rules; the module's next call knows them.
  void Set(const std::vector<std::string>& rules) {
    const std::filesystem::path next = folder_ / "next";
    {
      std::ofstream file(next);
      for (const std::string& rule : rules) {
        EXPECT_TRUE(fault::ParseRule(rule)) << "no rule: " << rule;
        file << rule << '\n';
      }
      EXPECT_TRUE(file.flush()) << next;
    }
    // Clocks of file systems are coarse, and inodes are used again: the time is set so
    // that two files are never taken for one.
    std::filesystem::last_write_time(next, std::filesystem::file_time_type::clock::now() +
                                               std::chrono::seconds(++written_));
    std::filesystem::rename(next, path());
  }
  void Clear() { Set({}); }

 private:
  std::filesystem::path folder_;
  int written_ = 0;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_PKCS11_FAULT_RULES_H_
