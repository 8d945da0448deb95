#include "kms/tag_service.h"

#include <algorithm>
#include <map>
#include <utility>

#include "certificates/certificate_domain.h"
#include "keys/domain.h"
#include "keys/paging.h"
#include "tags/tag_names.h"
#include "tags/tag_record.h"

namespace kms {
namespace {

// Whether the principal may do `action` with the tags of its account.
Result<void> Authorise(const Domain& domain, const Reader& reader,
                       const RequestContext& context, std::string_view action) {
  return domain.parts().policy.May(
      reader, context, action,
      {context.principal.account, context.region, {}, {}, "label"});
}

// The id of a resource on which the principal may do `action`, and whose state allows
// `what`. Each kind of resource that tags are bound to is asked for here.
Result<std::string> FindResource(const Domain& domain, const Reader& reader,
                                 const RequestContext& context, std::string_view name,
                                 std::string_view action, Action what) {
  auto key = domain.ReadKey(reader, context, name, action);
  if (key) {
    KMS_CHECK_OK(CheckState(what, *key, domain.Now()));
    return std::move(key->id);
  }
  if (key.error().error_class() != ErrorClass::kNotFound) return std::move(key).error();
  auto certificate = ReadCertificate(domain, reader, context, name, {action, action});
  if (certificate) return std::move(certificate->id);
  // What is neither is no key.
  if (certificate.error().error_class() == ErrorClass::kNotFound)
    return std::move(key).error();
  return std::move(certificate).error();
}

Result<TagRecord> FindTag(const Reader& reader, const RequestContext& context,
                          std::string_view id) {
  KMS_TRY(const auto found,
          reader.Get(place::Tag(context.principal.account, context.region, id)));
  if (!found) return Reason::kTagNotFound;
  return ReadTag(found->value);
}

// The tag that is named, if its key and value are those that are said.
Result<TagRecord> FindNamed(const Reader& reader, const RequestContext& context,
                            const TagName& name) {
  KMS_TRY(TagRecord tag, FindTag(reader, context, name.id));
  if (tag.key != name.key) return Error(Reason::kBadParameter).About("key");
  if (tag.value != name.value) return Error(Reason::kBadParameter).About("value");
  return tag;
}

Result<std::vector<std::string>> ResourcesOf(const Reader& reader, const TagRecord& tag) {
  return PageOf(reader, place::ResourcesOfTag(tag.account, tag.id), {0, kAllRecords});
}

// Writes a tag whose name must be free. `before` is what is in the store, null for a new
// one.
Result<void> PutTag(Transaction& transaction, const TagRecord* before,
                    const TagRecord& tag) {
  KMS_TRY(const auto taken,
          transaction.Get(place::TagByName(tag.account, tag.region, tag.key, tag.value)));
  if (taken) return Reason::kTagExists;
  ChangeIndex(transaction, before != nullptr ? IndexOf(*before) : Index(), IndexOf(tag));
  transaction.Put(place::Tag(tag.account, tag.region, tag.id), WriteTag(tag));
  return {};
}

}  // namespace

TagService::TagService(std::shared_ptr<Domain> domain) : domain_(std::move(domain)) {}

Result<Tag> TagService::Create(const RequestContext& context, std::string_view key,
                               std::string_view value) {
  KMS_CHECK_OK(CheckTagKey(key));
  KMS_CHECK_OK(CheckTagValue(value));
  TagRecord tag;
  KMS_TRY(tag.id, domain_->NewId());
  tag.account = context.principal.account;
  tag.region = context.region;
  tag.key = key;
  tag.value = value;
  tag.creator = context.principal.user;
  tag.created = domain_->Now();
  KMS_TRY(
      const std::string outcome,
      domain_->Change(
          context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
            KMS_CHECK_OK(Authorise(*domain_, transaction, context, "kms:label:addLebal"));
            const std::string counter = place::TagCounter(tag.account, tag.region);
            KMS_TRY(const std::size_t live, LiveCount(transaction, counter));
            TagRecord placed = tag;
            KMS_TRY(placed.position, Domain::CountUp(transaction, counter));
            KMS_CHECK_OK(PutTag(transaction, nullptr, placed));
            // One that is there already is not one too many.
            if (live >= static_cast<std::size_t>(domain_->parts().limits.tags))
              return Reason::kTooManyTags;
            note.key = placed.id;
            note.outcome = WriteTag(placed);
            return {};
          }));
  KMS_TRY(TagRecord made, ReadTag(outcome));
  return Describe(std::move(made));
}

Result<void> TagService::Update(const RequestContext& context, std::string_view id,
                                std::string_view key, std::string_view value) {
  KMS_CHECK_OK(CheckTagKey(key));
  KMS_CHECK_OK(CheckTagValue(value));
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_CHECK_OK(Authorise(*domain_, transaction, context, "kms:label:updateLebal"));
        KMS_TRY(const TagRecord before, FindTag(transaction, context, id));
        note.key = before.id;
        if (before.key == key && before.value == value) return {};
        if (before.key != key) {
          KMS_TRY(const auto resources, ResourcesOf(transaction, before));
          for (const std::string& resource : resources) {
            KMS_TRY(const auto tags,
                    TagsOf(transaction, before.account, before.region, resource));
            if (std::ranges::find(tags, key, &TagRecord::key) != tags.end())
              return Reason::kTagExists;
          }
        }
        TagRecord tag = before;
        tag.key = key;
        tag.value = value;
        return PutTag(transaction, &before, tag);
      }));
  return {};
}

Result<void> TagService::Delete(const RequestContext& context, const TagName& name) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_CHECK_OK(Authorise(*domain_, transaction, context, "kms:label:deleteLebal"));
        KMS_TRY(const TagRecord tag, FindNamed(transaction, context, name));
        KMS_TRY(const auto resources, ResourcesOf(transaction, tag));
        for (const std::string& resource : resources)
          UnbindTag(transaction, tag, resource);
        ChangeIndex(transaction, IndexOf(tag), {});
        transaction.Erase(place::Tag(tag.account, tag.region, tag.id));
        note.key = tag.id;
        return Domain::CountDown(transaction, place::TagCounter(tag.account, tag.region),
                                 1);
      }));
  return {};
}

Result<Page<TagGroup>> TagService::List(const RequestContext& context,
                                        const TagFilter& filter,
                                        const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_CHECK_OK(Authorise(*domain_, *snapshot, context, "kms:label:listLebal"));
  KMS_TRY(const auto stored,
          snapshot->Scan(place::Tags(context.principal.account, context.region), {},
                         kAllRecords));
  std::vector<TagRecord> tags;
  for (const Record& record : stored) {
    KMS_TRY(TagRecord tag, ReadTag(record.value));
    if (Matches(filter, tag.key, tag.value)) tags.push_back(std::move(tag));
  }
  std::ranges::sort(tags, {}, &TagRecord::position);

  std::vector<TagGroup> groups;
  std::map<std::string, std::size_t> places;  // in `groups`, by key
  for (TagRecord& tag : tags) {
    const auto [place, is_new] = places.emplace(tag.key, groups.size());
    if (is_new) groups.push_back({tag.key, {}, {}});
    TagGroup& group = groups[place->second];
    if (std::ranges::find(group.users, tag.creator) == group.users.end())
      group.users.push_back(tag.creator);
    group.tags.push_back(Describe(std::move(tag)));
  }
  Page<TagGroup> listed;
  listed.total = groups.size();
  for (std::size_t i = FirstOf(page);
       i < groups.size() && listed.items.size() < page.size; ++i)
    listed.items.push_back(std::move(groups[i]));
  return listed;
}

Result<void> TagService::Bind(const RequestContext& context, std::string_view resource,
                              const TagName& name) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(note.key, FindResource(*domain_, transaction, context, resource,
                                       "kms:label:bindResource", Action::kTag));
        KMS_TRY(const TagRecord tag, FindNamed(transaction, context, name));
        KMS_TRY(const auto bound, TagsOf(transaction, tag.account, tag.region, note.key));
        const auto same = std::ranges::find(bound, tag.key, &TagRecord::key);
        if (same == bound.end()) {
          if (bound.size() >= kMaxOfResource) return Reason::kTooManyTags;
        } else {
          UnbindTag(transaction, *same, note.key);
        }
        BindTag(transaction, tag, note.key);
        return {};
      }));
  return {};
}

Result<void> TagService::Unbind(const RequestContext& context, std::string_view resource,
                                const TagName& name) {
  KMS_CHECK_OK(domain_->Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(note.key, FindResource(*domain_, transaction, context, resource,
                                       "kms:label:unbindResource", Action::kTag));
        KMS_TRY(const TagRecord tag, FindNamed(transaction, context, name));
        KMS_TRY(const auto bound,
                transaction.Get(place::TagOfResource(tag.account, note.key, tag.id)));
        if (!bound) return Reason::kTagNotFound;
        UnbindTag(transaction, tag, note.key);
        return {};
      }));
  return {};
}

Result<std::vector<Tag>> TagService::ListOfResource(const RequestContext& context,
                                                    std::string_view resource) {
  KMS_TRY(const auto snapshot, domain_->parts().store.Read());
  KMS_TRY(const std::string id,
          FindResource(*domain_, *snapshot, context, resource,
                       "kms:label:listResourceLebal", Action::kDescribe));
  return DescribeTags(*snapshot, context.principal.account, context.region, id);
}

}  // namespace kms
