// TagService: tags, and the resources that they are bound to (manual 1.6, 4.2.4).
//
// A tag is an object of an account and a region: a key with a value, of which there are
// no two alike. It is bound to keys, to each at most kMaxOfResource tags, and one for
// each tag key. docs/tags.md tells the rules.
//
// Tags themselves are the account's: who may not deal with them is kDenied. Whether a
// tag may be bound is asked of the resource; one on which the principal may not do this
// answers as an absent one: kKeyNotFound. An alias may stand for a key. Tags decide
// about nothing, no permission and no state, and may be bound in every state of a key.
//
// Threads, durability: as kms/key_service.h.

#ifndef KMS_TAG_SERVICE_H_
#define KMS_TAG_SERVICE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kms/key.h"
#include "kms/request_context.h"
#include "kms/result.h"
#include "kms/tag.h"

namespace kms {

class Domain;

// A tag as requests name one: key and value must be those of the tag of that id.
struct TagName {
  std::string_view id;
  std::string_view key;
  std::string_view value;
};

// The tags that share a key.
struct TagGroup {
  std::string key;
  std::vector<std::string> users;  // who made them
  std::vector<Tag> tags;           // oldest first
};

class TagService {
 public:
  // Of a key and of a value, and of one resource.
  static constexpr std::size_t kMaxCharacters = 128;
  static constexpr std::size_t kMaxOfResource = 10;

  explicit TagService(std::shared_ptr<Domain> domain);

  // Create makes a tag that is bound to nothing. The key is not empty; both are of
  // letters and digits, "/\_-.+=:@" and Chinese characters.
  // Fails: kDenied, kBadParameter, kTooLong, kTagExists, kTooManyTags (Limits::tags).
  Result<Tag> Create(const RequestContext& context, std::string_view key,
                     std::string_view value);

  // Update gives a tag another key and value, wherever it is bound.
  // Fails: as Create; kTagNotFound; kTagExists also if a resource has the tag, and
  // another one of that key.
  Result<void> Update(const RequestContext& context, std::string_view id,
                      std::string_view key, std::string_view value);

  // Delete unbinds a tag everywhere, and deletes it.
  // Fails: kDenied, kTagNotFound, kBadParameter (about the part that differs).
  Result<void> Delete(const RequestContext& context, const TagName& tag);

  // List returns pages of groups, in the order of their oldest tag. Fails: kDenied.
  Result<Page<TagGroup>> List(const RequestContext& context, const TagFilter& filter,
                              const PageRequest& page);

  // Bind binds a tag, in place of the resource's one of the same key, if there is one;
  // a tag that is bound already stays bound.
  // Fails: kKeyNotFound, kTagNotFound, kBadParameter, kTooManyTags.
  Result<void> Bind(const RequestContext& context, std::string_view resource,
                    const TagName& tag);

  // Unbind fails with kKeyNotFound, kTagNotFound (also if it is not bound),
  // kBadParameter.
  Result<void> Unbind(const RequestContext& context, std::string_view resource,
                      const TagName& tag);

  // ListOfResource returns the tags of a resource, oldest first. Fails: kKeyNotFound.
  Result<std::vector<Tag>> ListOfResource(const RequestContext& context,
                                          std::string_view resource);

 private:
  std::shared_ptr<Domain> domain_;
};

}  // namespace kms

#endif  // KMS_TAG_SERVICE_H_
