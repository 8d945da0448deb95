#include "x509/der.h"

namespace kms::x509::der {

Bytes Element(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  Bytes element = {tag};
  if (size < 0x80) {
    element.push_back(static_cast<std::uint8_t>(size));
  } else {
    std::uint8_t octets = 1;
    while (octets < sizeof size && size >> (8 * octets) != 0) ++octets;
    element.push_back(static_cast<std::uint8_t>(0x80 | octets));
    while (octets-- > 0)
      element.push_back(static_cast<std::uint8_t>(size >> (8 * octets)));
  }
  for (const ByteView part : parts) Append(part, &element);
  return element;
}

void Append(ByteView more, Bytes* bytes) {
  bytes->insert(bytes->end(), more.begin(), more.end());
}

}  // namespace kms::x509::der
