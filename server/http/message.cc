#include "http/message.h"

namespace kms::server {

HttpHandler::~HttpHandler() = default;

}  // namespace kms::server
