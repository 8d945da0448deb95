// Site: what the operator told the server about where it stands. Handlers that answer
// addresses and networks take them from here.

#ifndef KMS_SERVER_API_SITE_H_
#define KMS_SERVER_API_SITE_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kms::server {

struct Vpc {
  std::string id;
  std::string name;
  std::string cidr;
};

struct Subnet {
  std::string id;
  std::string vpc;
  std::string name;
  std::string cidr;
};

struct Site {
  std::string url;  // of the public endpoint
  std::map<std::string, std::string, std::less<>> access_point_urls;  // of own listeners
  std::vector<Vpc> vpcs;
  std::vector<Subnet> subnets;

  const std::string& UrlOf(std::string_view access_point) const {
    const auto own = access_point_urls.find(access_point);
    return own == access_point_urls.end() ? url : own->second;
  }
};

}  // namespace kms::server

#endif  // KMS_SERVER_API_SITE_H_
