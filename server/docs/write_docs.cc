// write-docs: prints the documents that come from tables, for docs/ and for the test
// that compares them with what is checked in.

#include <cstdio>
#include <string>
#include <string_view>

#include "api/operation.h"
#include "api/reference.h"
#include "docs/error_reference.h"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  std::string text;
  if (what == "api_reference") {
    text = kms::server::WriteReference(kms::server::AllOperations());
  } else if (what == "errors") {
    text = kms::server::WriteErrorReference();
  } else {
    std::fputs("usage: write-docs api_reference|errors\n", stderr);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
