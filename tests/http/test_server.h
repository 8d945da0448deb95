// TestServer: an HttpServer on loopback with a handler that tests steer by the path.

#ifndef KMS_TESTS_HTTP_TEST_SERVER_H_
#define KMS_TESTS_HTTP_TEST_SERVER_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/server.h"
#include "support/matchers.h"

namespace kms::testing {

// /echo answers the body, /head the headers, /long <n> bytes, /later answers its target
// from another thread, /held keeps the request until Release, /lost drops it, /throws
// throws; all else answers the target.
class SteeredHandler final : public server::HttpHandler {
 public:
  SteeredHandler();
  ~SteeredHandler() override;

  void Handle(const server::HttpRequest& request, server::Respond respond) override;
  server::HttpResponse Refuse(int status, const Error& error) override;

  int handled() const { return handled_; }
  // WaitForHandled returns when `count` requests have come.
  void WaitForHandled(int count);
  // WaitForHeld returns when `count` requests are held; Release answers them all.
  void WaitForHeld(std::size_t count);
  void Release();

 private:
  struct Held {
    server::HttpRequest request;
    server::Respond respond;
  };
  void Work();

  std::atomic<int> handled_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Held> held_;
  std::deque<Held> later_;
  bool over_ = false;
  std::thread worker_;
};

class TestServer {
 public:
  explicit TestServer(server::HttpServerConfig config = {});
  std::uint16_t port(std::size_t index = 0) const { return server_->port(index); }
  SteeredHandler& handler() { return *handler_; }
  server::HttpServer& server() { return *server_; }

  // Becomes true within ten seconds, or the test fails.
  void WaitForConnections(std::size_t count);

 private:
  std::unique_ptr<SteeredHandler> handler_ = std::make_unique<SteeredHandler>();
  std::unique_ptr<server::HttpServer> server_;
};

}  // namespace kms::testing

#endif  // KMS_TESTS_HTTP_TEST_SERVER_H_
